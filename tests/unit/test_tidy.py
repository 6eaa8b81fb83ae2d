"""scripts/tidy.py finds what it promises to find, and nothing else."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from scripts import tidy


def texts(name: str, source: str) -> list[str]:
    return [finding.text for finding in tidy.in_source(name, textwrap.dedent(source))]


def function_of(lines: int, *, docstring_lines: int = 0) -> str:
    docstring = ['    """'] + ["    words"] * (docstring_lines - 2) + ['    """']
    body = ["    x = 1"] * (lines - 1)
    return "\n".join(["def f():", *(docstring if docstring_lines else []), *body])


def test_a_function_of_exactly_the_limit_is_tidy() -> None:
    assert texts("node/a.py", function_of(tidy.FUNCTION_LINES_MAX)) == []


def test_one_line_more_is_not() -> None:
    assert texts("node/a.py", function_of(tidy.FUNCTION_LINES_MAX + 1)) == [
        "f has 41 lines (limit 40)"
    ]


def test_a_docstring_does_not_count() -> None:
    source = function_of(tidy.FUNCTION_LINES_MAX, docstring_lines=20)
    assert texts("node/a.py", source) == []


def test_tests_may_be_longer() -> None:
    assert texts("tests/unit/a.py", function_of(60)) == []
    assert texts("tests/unit/a.py", function_of(61)) == ["f has 61 lines (limit 60)"]


def test_decorators_and_inner_functions_count_for_themselves() -> None:
    source = "@a\n" * 30 + function_of(40)
    assert texts("node/a.py", source) == []


@pytest.mark.parametrize(
    "lines,binding",
    [(300, None), (301, False), (400, False), (401, True)],
)
def test_file_sizes_have_an_aim_and_a_limit(lines: int, binding: bool | None) -> None:
    found = list(tidy.in_source("node/a.py", "x = 1\n" * lines))
    assert [finding.binding for finding in found] == ([] if binding is None else [binding])


def test_test_files_have_a_limit_only() -> None:
    assert texts("tests/a.py", "x = 1\n" * 400) == []
    assert len(texts("tests/a.py", "x = 1\n" * 401)) == 1


NESTED = """
    def f(rows):
        for row in rows:
            if row:
                while row.more():
                    {innermost}
"""


def test_nesting_of_three_is_tidy() -> None:
    assert texts("node/a.py", NESTED.format(innermost="row.step()")) == []


@pytest.mark.parametrize(
    "innermost",
    [
        "if row.odd: row.step()",
        "for x in row: x()",
        "match row:\n                        case 1: row.step()",
        "try: row.step()\n                    except ValueError: raise",
    ],
)
def test_nesting_of_four_is_not(innermost: str) -> None:
    assert texts("node/a.py", NESTED.format(innermost=innermost)) == ["f nests 4 deep (limit 3)"]


def test_elif_is_no_deeper_than_its_if_and_with_is_a_scope() -> None:
    source = """
        def f(a):
            with a:
                if a == 1:
                    a()
                elif a == 2:
                    a()
                elif a == 3:
                    for x in a:
                        with x:
                            if x:
                                x()
    """
    assert texts("node/a.py", source) == []


def test_the_else_of_a_loop_and_a_handler_count() -> None:
    source = """
        def f(a):
            for x in a:
                pass
            else:
                try:
                    pass
                except ValueError:
                    if a:
                        if not a:
                            pass
    """
    assert texts("node/a.py", source) == ["f nests 4 deep (limit 3)"]


@pytest.mark.parametrize("name", ["node/__init__.py", "coordinator/model/__init__.py"])
def test_a_room_needs_a_docstring(name: str) -> None:
    assert len(texts(name, "x = 1\n")) == 1
    assert texts(name, '"""What it is."""\n') == []


def test_other_packages_need_none() -> None:
    assert texts("tests/unit/__init__.py", "") == []
    assert texts("node/agent.py", "") == []


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX"])
def test_a_todo_names_its_issue(word: str) -> None:
    assert len(texts("node/a.py", f"x = 1  # {word}: later\n")) == 1
    assert texts("node/a.py", f"x = 1  # {word}(#12): later\n") == []


def test_source_that_does_not_parse_is_a_finding_not_a_traceback() -> None:
    assert texts("node/a.py", "def f(:\n")[0].startswith("does not parse")


def test_generated_code_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    long = "x = 1\n" * 500
    generated = tmp_path / "coordinator/wire/v1"
    generated.mkdir(parents=True)
    (generated / "tasks_pb2.py").write_text(long)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/note.txt").write_text(long)
    (tmp_path / "scripts/shell-script").write_text("#!/bin/sh\n" + long)
    assert tidy.findings(tmp_path) == []
    (tmp_path / "scripts/python-script").write_text("#!/usr/bin/env python3\n" + long)
    assert [finding.path for finding in tidy.findings(tmp_path)] == ["scripts/python-script"]
