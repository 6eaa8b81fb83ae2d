"""A command that lacks its number, clause or story word is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import tidy_commands

COMMANDS = """
class Base(Struct): ...
class A(Struct, array_like=True, tag=1): ...
class B(Struct, array_like=True, tag=2): ...
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, tidy_commands.COMMANDS, COMMANDS)
    write(tmp_path, tidy_commands.APPLY, "match c:\n    case c.A():\n    case B():\n")
    write(tmp_path, tidy_commands.STORIES, "make = {'a': A, 'b': B}\n")
    return tmp_path


def write(root: Path, path: Path, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_complete_commands_are_tidy(root: Path) -> None:
    assert list(tidy_commands.findings(root)) == []


def test_a_missing_clause(root: Path) -> None:
    write(root, tidy_commands.APPLY, "    case c.A():\n    # B() is still to come\n")
    assert list(tidy_commands.findings(root)) == ["coordinator/machine/apply.py: no clause for B"]


def test_a_missing_word(root: Path) -> None:
    write(root, tidy_commands.STORIES, "A BB\n")
    assert list(tidy_commands.findings(root)) == [
        "tests/stories/language.py: no word for B, so no story can use it"
    ]


def test_a_number_used_twice(root: Path) -> None:
    write(root, tidy_commands.COMMANDS, COMMANDS.replace("tag=2", "tag=1"))
    assert "tag 1 stands 2 times" in next(tidy_commands.findings(root))


def test_finding_no_command_at_all_is_a_finding(root: Path) -> None:
    write(root, tidy_commands.COMMANDS, "")
    assert list(tidy_commands.findings(root)) == [
        "coordinator/machine/commands.py: no command found"
    ]


def test_the_project_is_tidy() -> None:
    assert list(tidy_commands.findings(tidy_commands.ROOT)) == []
