"""`taskctl new-executor`: names, flags, and that nothing is overwritten. That the result works is shown end to end."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path

import pytest

from coordinator.cli import scaffold
from executors import definition
from tests.unit.cli.conftest import Taskctl


@pytest.mark.parametrize(
    "name,package,cls",
    [
        ("shop.ingest", "shop_ingest", "Ingest"),
        ("ingest", "ingest", "Ingest"),
        ("shop.order_lines", "shop_order_lines", "OrderLines"),
        ("shop.2x", "shop_2x", "Shop2x"),
        ("class", "class_executor", "Class"),
        ("node", "node_executor", "Node"),
        ("my.duration", "my_duration", "DurationExecutor"),
        ("my.none", "my_none", "NoneExecutor"),
    ],
)
def test_names_that_python_takes(name: str, package: str, cls: str) -> None:
    assert (scaffold.package_of(name), scaffold.class_of(name)) == (package, cls)
    for path, text in scaffold.files(scaffold.Wishes(name)).items():
        assert "$" not in text.replace("$ ", "")
        if path.endswith(".py"):
            ast.parse(text)
    tomllib.loads(scaffold.files(scaffold.Wishes(name))["pyproject.toml"])


def test_a_name_is_what_the_kit_takes() -> None:
    assert scaffold.NAME.pattern == definition.NAME.pattern
    assert scaffold.NAME_LENGTH_MAX == definition.NAME_LENGTH_MAX


def test_flags_show_in_what_is_written() -> None:
    wishes = scaffold.Wishes("a.b", is_sync=True, is_process=True, cron="30 2 * * *")
    files = scaffold.files(wishes)
    assert "    def node_operation" in files["src/a_b/executor.py"]
    assert 'isolation="process"' in files["src/a_b/executor.py"]
    assert "--cron '30 2 * * *'" in scaffold.steps(wishes)[-1]
    assert scaffold.steps(wishes)[-1] in files["README.md"]


def test_it_says_what_it_wrote_and_what_comes_next(bare: Taskctl, tmp_path: Path) -> None:
    place = tmp_path / "new"
    ran = bare("new-executor", "shop.ingest", "--dir", str(place), "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert told["files"] == sorted(
        str(one.relative_to(place)) for one in place.rglob("*") if one.is_file()
    )
    assert told["next"][0] == f"cd {place}"
    assert "taskctl dev up --executors shop_ingest" in told["next"]


def test_it_overwrites_nothing(bare: Taskctl, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    ran = bare("new-executor", "shop.ingest", "--dir", str(tmp_path))
    assert ran.code == 2
    assert "not written, there is already" in ran.err
    assert [one.name for one in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["Shop", "shop-x", "../x", "a..b", "a" * 101])
def test_a_bad_name_writes_nothing(bare: Taskctl, tmp_path: Path, name: str) -> None:
    ran = bare("new-executor", name, "--dir", str(tmp_path / "new"))
    assert ran.code == 2
    assert "no name for an executor" in ran.err
    assert not (tmp_path / "new").exists()
