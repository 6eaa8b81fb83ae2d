"""Which executors a process has, and what happens to plugins that do not load."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from executors.errors import DuplicateExecutorError
from executors.registry import Choice, LoadProblem, load

GOOD = """
from pydantic import BaseModel
from executors import PersistentTasksExecutor, executor
from executors.builtin.noop import Noop

class Params(BaseModel): ...

class Good(PersistentTasksExecutor[Params, Params]):
    name = "{name}"
    async def node_operation(self, task, params, state): ...

@executor("{name}.by_function")
async def by_function(task, params: Params): ...
"""

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module and gives its name; modules and path are as before afterwards."""
    known = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def to_file(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        return name

    yield to_file
    for name in set(sys.modules) - known:
        del sys.modules[name]


def test_built_in_executors_are_always_there() -> None:
    registry = load()
    assert set(registry.definitions) >= {
        "demo.noop",
        "demo.sleep",
        "demo.ticker",
        "demo.flaky",
        "demo.digest",
        "command.run",
        "http.call",
    }
    assert registry.load_errors == []


def test_a_module_of_the_working_directory(write: Write) -> None:
    registry = load([write("reg_good", GOOD.format(name="t.good"))])
    assert {"t.good", "t.good.by_function"} <= set(registry.definitions)
    assert registry.load_errors == []


def test_one_class_of_a_module(write: Write) -> None:
    registry = load([write("reg_one", GOOD.format(name="t.one")) + ":Good"], builtin=False)
    assert "t.one" in registry.definitions
    assert "t.one.by_function" not in registry.definitions


def test_a_file_by_its_path(write: Write, tmp_path: Path) -> None:
    write("reg_path", GOOD.format(name="t.path"))
    assert "t.path" in load([str(tmp_path / "reg_path.py")]).definitions


def put(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


def test_ex_31_a_second_file_of_one_name_is_a_load_error_that_names_both(
    write: Write, tmp_path: Path
) -> None:
    first = put(tmp_path / "a" / "reg_stem.py", GOOD.format(name="t.stem_a"))
    second = put(tmp_path / "b" / "reg_stem.py", GOOD.format(name="t.stem_b"))
    registry = load([first, second])
    assert "t.stem_a" in registry.definitions
    (problem,) = registry.load_errors
    assert problem.source == f"--executors {second}"
    for part in (first, second, "rename the file"):
        assert part in problem.message


def test_ex_31_the_second_file_is_not_told_the_mistake_of_the_first(
    write: Write, tmp_path: Path
) -> None:
    first = put(tmp_path / "a" / "reg_broken.py", "def (")
    second = put(tmp_path / "b" / "reg_broken.py", GOOD.format(name="t.unbroken"))
    messages = [one.message for one in load([first, second]).load_errors]
    assert messages[0].startswith("SyntaxError")
    assert messages[1].startswith(f"{second}: module reg_broken is {first} here")


@pytest.mark.parametrize("stem", ["copy", "queue", "sys", "os"])
def test_ex_31_a_file_named_as_a_module_of_python_says_so(
    write: Write, tmp_path: Path, stem: str
) -> None:
    path = put(tmp_path / "a" / f"{stem}.py", GOOD.format(name="t.copy"))
    (problem,) = load([path]).load_errors
    assert problem.message.startswith(f"{path}: module {stem} is ")
    assert problem.message.endswith("rename the file, so that it has a name of its own")


def test_ex_41_one_file_by_several_roads_is_one_offer(write: Write, tmp_path: Path) -> None:
    path = put(tmp_path / "a" / "reg_roads.py", GOOD.format(name="t.roads"))
    (tmp_path / "link.py").symlink_to(path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    sys.path.append(str(tmp_path / "b"))
    registry = load(["reg_roads", path, "a/reg_roads.py", "./link.py", "b/reg_roads.py:Good"])
    assert registry.load_errors == []
    assert "t.roads" in registry.definitions


@pytest.mark.parametrize(
    "name,text,summary",
    [
        ("reg_syntax", "def (", "SyntaxError"),
        ("reg_raise", "raise RuntimeError('at import')", "RuntimeError: at import"),
        ("reg_exit", "import sys; sys.exit(1)", "SystemExit: 1"),
        ("reg_empty", "", "reg_empty defines no executor"),
        ("reg_name", GOOD.format(name="Bad Name"), "name is 'Bad Name'"),
    ],
)
def test_a_plugin_that_fails_takes_no_other_with_it(
    write: Write, name: str, text: str, summary: str
) -> None:
    registry = load([write(name, text), write("reg_other", GOOD.format(name="t.other"))])
    (problem,) = registry.load_errors
    assert problem.source == f"--executors {name}"
    assert summary in problem.message.splitlines()[0]
    assert "t.other" in registry.definitions


def test_a_module_that_is_not_there() -> None:
    (problem,) = load(["no_such_module_anywhere"]).load_errors
    assert "No module named 'no_such_module_anywhere'" in problem.message


def test_a_file_that_is_not_there() -> None:
    (problem,) = load(["./no_such_file.py"]).load_errors
    assert "there is no file" in problem.message


def test_a_class_that_is_not_there_or_no_executor(write: Write) -> None:
    name = write("reg_wrong", GOOD.format(name="t.wrong"))
    problems = load([f"{name}:Nobody", f"{name}:Params"]).load_errors
    assert [one.message.partition(",")[0].split(" ", 2)[1] for one in problems] == ["has", "is"]


def test_an_import_that_hangs_is_interrupted(write: Write) -> None:
    hang = write("reg_hang", "import time\nwhile True: time.sleep(60)\n")
    registry = load([hang, write("reg_after", GOOD.format(name="t.after"))], seconds_max=0.2)
    (problem,) = registry.load_errors
    assert problem.message == "the import did not end within 0.2 s"
    assert problem.hung
    assert "t.after" in registry.definitions


def test_what_is_to_be_skipped_is_not_imported_and_tells_the_error_of_before(write: Write) -> None:
    bad = write("reg_never", "raise AssertionError('it was imported')")
    good = write("reg_beside", GOOD.format(name="t.beside"))
    told: list[str] = []
    skip = Choice(skip={f"--executors {bad}": "it hung"})
    registry = load([bad, good], choice=skip, on_import=told.append)
    assert registry.load_errors == [LoadProblem(f"--executors {bad}", "it hung")]
    assert "t.beside" in registry.definitions
    assert f"--executors {good}" in told
    assert f"--executors {bad}" not in told


def test_one_plugin_alone_beside_the_built_in_ones(write: Write) -> None:
    bad = write("reg_left_out", "raise AssertionError('it was imported')")
    good = write("reg_alone", GOOD.format(name="t.alone"))
    registry = load([bad, good], choice=Choice(only=f"--executors {good}"))
    assert registry.load_errors == []
    assert {"t.alone", "demo.noop"} <= set(registry.definitions)


def test_a_name_offered_twice_names_both_places(write: Write, tmp_path: Path) -> None:
    first = write("reg_first", GOOD.format(name="t.twice"))
    second = write("reg_second", GOOD.format(name="t.twice"))
    with pytest.raises(DuplicateExecutorError) as caught:
        load([first, second])
    for part in ("t.twice", f"{tmp_path}/reg_first.py", f"{tmp_path}/reg_second.py"):
        assert part in str(caught.value)


def test_the_same_class_named_twice_is_one_offer(write: Write) -> None:
    name = write("reg_same", GOOD.format(name="t.same"))
    registry = load([name, f"{name}:Good"])
    assert "t.same" in registry.definitions


SHARES = """
from pydantic import BaseModel
from executors import Limit, TaskPolicy, executor

class Params(BaseModel):
    pass

{executors}
"""
ONE = """
@executor("{name}", policy=TaskPolicy(concurrency=(Limit("{scope}", "{key}", {max}),)))
async def {function}(task, params: Params): ...
"""


def shares(*members: tuple[str, str, str, int]) -> str:
    """Executors (name, scope, key, max) as the text of a module."""
    text = "".join(
        ONE.format(name=name, scope=scope, key=key, max=most, function=name.replace(".", "_"))
        for name, scope, key, most in members
    )
    return SHARES.format(executors=text)


def test_tm_a19_members_of_a_group_that_declare_another_max_are_not_loaded(write: Write) -> None:
    write("group_a", shares(("g.one", "cluster", "disk", 2), ("g.two", "cluster", "disk", 2)))
    write("group_b", shares(("g.three", "cluster", "disk", 3)))
    write("group_c", shares(("g.four", "cluster", "disk", 2)))
    found = load(["group_a", "group_b", "group_c"])
    assert {"g.one", "g.two", "g.four"} <= found.definitions.keys()
    assert "g.three" not in found.definitions
    (problem,) = [one for one in found.load_errors if "group_b" in one.source]
    assert "limit disk (cluster): g.one declares max=2" in problem.message
    assert "g.three max=3" in problem.message


def test_tm_60_a_plugin_at_odds_with_itself_leaves_nothing_behind(write: Write) -> None:
    write("odd_group", shares(("o.one", "node", "gpu", 1), ("o.two", "node", "gpu", 2)))
    write("even_group", shares(("o.three", "node", "gpu", 2)))
    found = load(["odd_group", "even_group"])
    assert {"o.one", "o.two", "o.three"} & found.definitions.keys() == {"o.three"}


def test_tm_60_other_scopes_and_fields_may_differ(write: Write) -> None:
    members = (
        ("f.one", "cluster", "net", 1),
        ("f.two", "node", "net", 2),
        ("f.three", "cluster", "params.tenant", 1),
        ("f.four", "cluster", "params.tenant", 2),
        ("f.five", "cluster", "", 7),
    )
    write("free_group", shares(*members))
    found = load(["free_group"])
    assert {name for name, *_ in members} <= found.definitions.keys()
