"""What no linter knows: sizes without docstrings, a docstring for every room, no TODO without an issue number.

Parameters, branches and statements are counted by ruff (PLR0912, PLR0913, PLR0915, C901); nesting is counted here.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("coordinator", "node", "executors")
SOURCES = (*PACKAGES, "scripts", "tests")
GENERATED = ("coordinator/wire/v1/",)
FILE_LINES_AIM, FILE_LINES_MAX = 300, 400
FUNCTION_LINES_MAX, TEST_FUNCTION_LINES_MAX = 40, 60
NESTING_MAX = 3
UNOWNED_TODO = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\s*\(#\d+\))")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BRANCHING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match)
SCOPES = (ast.With, ast.AsyncWith)  # a `with` says what is held, not where the way forks


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something untidy; `binding` is false where the limit is an aim."""

    path: str
    line: int
    text: str
    binding: bool = True


def findings(root: Path) -> list[Finding]:
    """All that is untidy below `root`, in order of file and line."""
    found: list[Finding] = []
    for path in source_files(root):
        name = path.relative_to(root).as_posix()
        found += in_source(name, path.read_text(encoding="utf-8"))
    return sorted(found)


def source_files(root: Path) -> Iterator[Path]:
    """Python files people wrote; scripts without an ending count when their first line names Python."""
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not name.startswith(GENERATED) and is_python(path):
                yield path


def is_python(path: Path) -> bool:
    """By its ending, or for want of one by its first line."""
    if path.suffix:
        return path.suffix == ".py"
    with path.open("rb") as file:
        return b"python" in file.readline(200) and "__pycache__" not in path.parts


def in_source(name: str, source: str) -> Iterator[Finding]:
    """What is untidy in one file; `name` is its path below the root."""
    lines = source.splitlines()
    if len(lines) > FILE_LINES_AIM:
        over = len(lines) > FILE_LINES_MAX
        if over or not name.startswith("tests/"):
            limits = f"aim {FILE_LINES_AIM}, limit {FILE_LINES_MAX}"
            yield Finding(name, 1, f"file has {len(lines)} lines ({limits})", binding=over)
    for number, line in enumerate(lines, start=1):
        if UNOWNED_TODO.search(line) and not name.endswith("tidy.py"):
            yield Finding(name, number, "a TODO names its issue: TODO(#12)")
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        yield Finding(name, error.lineno or 1, f"does not parse: {error.msg}")
        return
    if is_room(name) and not ast.get_docstring(tree):
        yield Finding(name, 1, "a room says in its docstring what it is, why, who may enter")
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            yield from in_function(name, node)


def is_room(name: str) -> bool:
    """Every package of the project is a room, tests are not."""
    return name.endswith("/__init__.py") and name.startswith(PACKAGES)


def in_function(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Finding]:
    """Length and nesting of one function."""
    limit = TEST_FUNCTION_LINES_MAX if name.startswith("tests/") else FUNCTION_LINES_MAX
    length = function_lines(node)
    if length > limit:
        yield Finding(name, node.lineno, f"{node.name} has {length} lines (limit {limit})")
    depth = nesting(node.body)
    if depth > NESTING_MAX:
        yield Finding(name, node.lineno, f"{node.name} nests {depth} deep (limit {NESTING_MAX})")


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without decorators and without the docstring."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        docstring = node.body[0]
        length -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return length


def nesting(body: list[ast.stmt]) -> int:
    """How deep blocks stand inside each other; an `elif` is no deeper than its `if`, inner functions count for themselves."""
    return max((_depth(statement) for statement in body), default=0)


def _depth(statement: ast.stmt) -> int:
    if isinstance(statement, SCOPES):
        return nesting(statement.body)
    if not isinstance(statement, BRANCHING):
        return 0
    inner = 0
    for field in ("body", "finalbody"):
        inner = max(inner, nesting(getattr(statement, field, [])))
    for part in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
        inner = max(inner, nesting(part.body))
    other: list[ast.stmt] = getattr(statement, "orelse", [])
    if len(other) == 1 and isinstance(statement, ast.If) and isinstance(other[0], ast.If):
        return max(1 + inner, _depth(other[0]))
    return 1 + max(inner, nesting(other))


def main() -> int:
    """Print each finding as `path:line: text`; 1 if a limit is broken, 0 if only aims are missed."""
    found = findings(ROOT)
    for finding in found:
        kind = "" if finding.binding else "note: "
        print(f"{finding.path}:{finding.line}: {kind}{finding.text}")
    return int(any(finding.binding for finding in found))


if __name__ == "__main__":
    sys.exit(main())
