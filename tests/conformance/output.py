"""Where handlers write: text that can be indented, and silenced by the log level `none`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.conformance.values import Refused

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE")


class Output:
    """The text of one directive. The level stays from one to the next."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._is_quiet = False

    def begin(self) -> None:
        self._parts = []

    def text(self) -> str:
        return "".join(self._parts)

    def write(self, text: str) -> None:
        if not self._is_quiet:
            self._parts.append(text)

    def line(self, text: str) -> None:
        self.write(text + "\n")

    def set_level(self, name: str) -> None:
        if name.upper() not in LEVELS:
            raise Refused(f"log levels must be either of [{' '.join(LEVELS)}]")
        self._is_quiet = name.upper() == "NONE"

    @contextmanager
    def level(self, name: str | None) -> Iterator[None]:
        """Let a level hold for a while."""
        before = self._is_quiet
        if name is not None:
            self.set_level(name)
        try:
            yield
        finally:
            self._is_quiet = before

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Indent by two blanks what is written meanwhile, an unfinished last line becoming a line."""
        outer, self._parts = self._parts, []
        try:
            yield
        finally:
            inner = "".join(self._parts)
            self._parts = outer
            lines = inner.removesuffix("\n").split("\n") if inner else []
            self._parts += [f"  {line}\n" for line in lines]
