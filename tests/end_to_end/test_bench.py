"""`scripts/bench` prints figures as lines of JSON. How good they are is not a test's business."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
BENCH = CHECKOUT / "scripts" / "bench"


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BENCH, *arguments], capture_output=True, text=True, timeout=100, check=False
    )


def test_prints_one_json_object_per_figure() -> None:
    done = bench("cli_version", "fdatasync")
    lines = {line["figure"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert set(lines) == {"cli_version", "import_click", "fdatasync"}, done.stderr
    for line in lines.values():
        assert line["unit"] == "ms"
        assert 0 < line["min"] <= line["median"] <= line["max"]
        assert line["n"] >= 20
    version = lines["cli_version"]
    assert version["at_least"] == 80
    assert version["met"] is (version["median"] <= 80)
    assert "met" not in lines["fdatasync"], "a limit of the machine has nothing to meet"
    assert done.returncode == (0 if version["met"] else 1)


def test_leaves_no_directory_behind() -> None:
    done = bench("fdatasync")
    found = re.search(r"working in (.+)", done.stderr)
    assert found is not None, done.stderr
    assert Path(found[1]).parent == CHECKOUT / "build", "fdatasync says nothing of another disk"
    assert not Path(found[1]).exists()


def test_an_unknown_figure_is_refused_with_those_there_are() -> None:
    done = bench("writes_per_s_65")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "writes_per_s_65" in done.stderr
    assert "writes_per_s_64" in done.stderr


@pytest.mark.parametrize("name", ["write_latency_1", "idle_start_delay", "cli_list", "fdatasync"])
def test_help_lists_the_figures(name: str) -> None:
    done = bench("--help")
    assert done.returncode == 0
    assert name in done.stdout
