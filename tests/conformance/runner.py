"""Runs stories through the consensus core and says where they differ: `scripts/raft-conformance [-v] [--strict] PATH...`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Protocol

from tests.conformance import confchange_kind, quorum_kind, reader
from tests.conformance.confchange_kind import ConfChangeKind
from tests.conformance.interaction_kind import InteractionKind
from tests.conformance.quorum_kind import QuorumKind
from tests.conformance.reader import Directive
from tests.conformance.values import Refused

_LOG_LINES = ("DEBUG ", "INFO ", "WARN ", "ERROR ")
END = "<end>"


class Kind(Protocol):
    def handle(self, directive: Directive) -> str:
        """The output of a directive. Raises `Refused` with an output, anything else for a failure."""


@dataclass(frozen=True)
class Failure:
    """A directive whose output is not the expected one."""

    path: str
    directive: Directive
    got: str
    expected_line: str
    got_line: str

    def summary(self) -> str:
        where = f"{self.path}:{self.directive.line}: {self.directive.name}"
        return f'{where}: expected "{self.expected_line}", got "{self.got_line}"'


@dataclass(frozen=True)
class Result:
    passed: int
    failures: tuple[Failure, ...]


def run_text(path: str, text: str, *, strict: bool = False) -> Result:
    """Run one file. Raises `reader.ParseError`."""
    directives = list(reader.read(text))
    kind = _kind(directives)
    failures: list[Failure] = []
    broken: str | None = None  # an exception breaks the rest of the file
    for directive in directives:
        got = broken
        if got is None:
            got, broken = _handle(kind, directive)
        failure = _compare(path, directive, got, strict=strict)
        if failure is not None:
            failures.append(failure)
    return Result(len(directives) - len(failures), tuple(failures))


def _kind(directives: Sequence[Directive]) -> Kind:
    names = {directive.name for directive in directives}
    if names & quorum_kind.NAMES:
        return QuorumKind()
    if names & confchange_kind.NAMES:
        return ConfChangeKind()
    return InteractionKind()


def _handle(kind: Kind, directive: Directive) -> tuple[str, str | None]:
    try:
        return kind.handle(directive), None
    except Refused as refused:
        return str(refused), None
    except Exception as error:  # noqa: BLE001  whatever the core raises is this directive's failure
        text = f"exception: {type(error).__name__}: {error}"
        return text, text


def _compare(path: str, directive: Directive, got: str, *, strict: bool) -> Failure | None:
    expected_lines = comparable(directive.expected, strict=strict)
    got_lines = comparable(got, strict=strict)
    for expected, actual in zip_longest(expected_lines, got_lines, fillvalue=END):
        if expected != actual:
            return Failure(path, directive, got, _one_line(expected), _one_line(actual))
    return None


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")


def comparable(text: str, *, strict: bool = False) -> list[str]:
    """The lines that count: without log lines, unless `strict`, and without a final newline."""
    lines = text.removesuffix("\n").split("\n") if text else []
    if not strict:
        lines = [line for line in lines if not line.lstrip().startswith(_LOG_LINES)]
    return lines if lines and lines != [""] else ["ok"]


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """Files as named, folders searched for stories. Raises `OSError` for what is not there."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.txt"))
        elif path.exists():
            yield path
        else:
            raise FileNotFoundError(f"no such file or folder: {path}")


def shown_path(path: Path) -> str:
    """The last folder and the name, as reports show it."""
    return f"{path.parent.name}/{path.name}" if path.parent.name else path.name


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all passed, and there was something; 1: not so; 2: a path or a file could not be read."""
    parser = argparse.ArgumentParser(prog="raft-conformance", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the full texts")
    parser.add_argument("--strict", action="store_true", help="compare log lines, too")
    options = parser.parse_args(arguments)
    passed = failed = 0
    try:
        for path in files(options.paths):
            text = path.read_bytes().decode("utf-8")
            result = run_text(shown_path(path.resolve()), text, strict=options.strict)
            passed += result.passed
            failed += len(result.failures)
            for failure in result.failures:
                _report(failure, verbose=options.verbose)
    except (OSError, UnicodeDecodeError, reader.ParseError) as error:
        print(f"raft-conformance: {error}", file=sys.stderr)
        return 2
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


def _report(failure: Failure, *, verbose: bool) -> None:
    print(failure.summary())
    if verbose:
        print(f"  expected:\n{_indent(failure.directive.expected)}  got:\n{_indent(failure.got)}")


def _indent(text: str) -> str:
    return "".join([f"    {line}\n" for line in text.removesuffix("\n").split("\n")])


if __name__ == "__main__":
    sys.exit(main())
