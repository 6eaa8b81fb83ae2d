"""What `taskctl new-executor` writes works as it stands: installed offline, checked, tested, and run on a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import CHECKOUT, until
from tests.end_to_end.runs import get, start

STEP_S = 200


def tool(directory: Path, *arguments: str) -> str:
    """A module of this Python as a program; its output. Fails with what it said."""
    environ = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=STEP_S,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}"
    return done.stdout


@pytest.mark.timeout(600)
@pytest.mark.parametrize("flags", [(), ("--sync", "--process")], ids=["async", "sync-process"])
def test_x37_a_new_executor_works_as_it_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_cluster: Callable[..., Cluster],
    flags: tuple[str, ...],
) -> None:
    place, site = tmp_path / "new", tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    name = ["new-executor", "shop.ingest", "--dir", str(place)]
    tool(tmp_path, "coordinator.cli.main", *name, *flags)
    written = {one: one.read_bytes() for one in place.rglob("*") if one.is_file()}

    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site)]
    tool(tmp_path, "pip", *install, str(place))
    monkeypatch.setenv("PYTHONPATH", f"{site}:{CHECKOUT}")
    assert "10 passed" in tool(place, "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio")
    tool(place, "mypy", "--cache-dir", str(tmp_path / "mypy"))
    tool(place, "mypy", "--cache-dir", str(tmp_path / "mypy"), "tests")
    assert all(file.read_bytes() == text for file, text in written.items())

    cluster = make_cluster(coordinators=1, nodes=1)  # it is found by its entry point alone
    for process in cluster.processes.values():
        process.environ["PYTHONPATH"] = f"{site}:{CHECKOUT}"
    cluster.start()
    cluster.wait_ready()
    start(cluster, "shop.ingest", "t1", items=40, pause="50ms")
    until(lambda: done(cluster) >= 3, "its first states")
    cluster["n1"].signal(signal.SIGKILL)
    cluster["n1"].wait()
    cluster.start("n1")
    until(lambda: get(cluster, "t1").is_finished, "its end", 60)
    task = get(cluster, "t1")
    assert task.status == "succeeded"
    assert task.last_outcome is not None
    assert json.loads(json.dumps(task.last_outcome.result)) == {"items": 40}


def done(cluster: Cluster) -> int:
    """How many items its durable state counts."""
    state = get(cluster, "t1").state
    return state["done"] if isinstance(state, dict) else 0
