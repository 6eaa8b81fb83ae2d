"""Reads a story: directives with arguments, input and the expected output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEPARATOR = "----"


class ParseError(Exception):
    """The file is not in the language."""


@dataclass(frozen=True)
class Argument:
    """`key`, `key=value` or `key=(v1, v2)`; `text` is all of it as written."""

    key: str
    values: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Directive:
    line: int  # where it stands in the file, from 1
    name: str
    arguments: tuple[Argument, ...]
    input: str
    expected: str


def read(text: str) -> Iterator[Directive]:
    """The directives of a file, in order. Raises `ParseError`."""
    lines = _Lines(text)
    while (head := lines.next_directive()) is not None:
        number, line = head
        name, *rest = _split(line, number)
        yield Directive(
            line=number,
            name=name,
            arguments=tuple([_argument(token) for token in rest]),
            input=lines.input(number),
            expected=lines.expected(),
        )


class _Lines:
    def __init__(self, text: str) -> None:
        self._lines = [line.removesuffix("\r") for line in text.split("\n")]
        if self._lines[-1] == "":
            self._lines.pop()
        self._at = 0

    def _take(self) -> str | None:
        if self._at >= len(self._lines):
            return None
        self._at += 1
        return self._lines[self._at - 1]

    def next_directive(self) -> tuple[int, str] | None:
        """Number and text of the next directive line, continuations joined."""
        while (line := self._take()) is not None:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            number = self._at
            while line.endswith("\\"):
                line = line[:-1] + " " + (self._take() or "").strip()
            return number, line
        return None

    def input(self, number: int) -> str:
        collected: list[str] = []
        while (line := self._take()) is not None:
            if line == SEPARATOR:
                return "\n".join(collected).strip()
            collected.append(line)
        raise ParseError(f"line {number}: no {SEPARATOR} after this directive")

    def expected(self) -> str:
        if self._at < len(self._lines) and self._lines[self._at] == SEPARATOR:
            self._at += 1
            return self._expected_with_blanks()
        collected: list[str] = []
        while (line := self._take()) is not None and line.strip():
            collected.append(line + "\n")
        return "".join(collected)

    def _expected_with_blanks(self) -> str:
        collected: list[str] = []
        while (line := self._take()) is not None:
            if line == SEPARATOR and self._lines[self._at : self._at + 1] == [SEPARATOR]:
                self._at += 1
                break
            collected.append(line + "\n")
        return "".join(collected)


def _split(line: str, number: int) -> list[str]:
    """Tokens between blanks; blanks inside the parentheses of `key=(...)` do not count."""
    tokens: list[str] = []
    rest = line.strip()
    while rest:
        token = rest.split(maxsplit=1)[0]
        opening = token.find("=(")
        if opening >= 0:
            closing = rest.find(")", opening)
            if closing < 0:
                raise ParseError(f"line {number}: parenthesis without end: {rest}")
            token = rest[: closing + 1]
            if rest[closing + 1 :][:1].strip():
                raise ParseError(f"line {number}: text after a parenthesis: {rest}")
        tokens.append(token)
        rest = rest[len(token) :].lstrip()
    return tokens


def _argument(token: str) -> Argument:
    key, equals, value = token.partition("=")
    if not equals:
        return Argument(key, (), token)
    if value.startswith("(") and value.endswith(")"):
        values = tuple([part.strip() for part in value[1:-1].split(",")])
        return Argument(key, values, token)
    return Argument(key, (value,), token)
