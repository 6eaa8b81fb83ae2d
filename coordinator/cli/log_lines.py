"""Lines of a log as they come out: one after the other, or as one JSON document at the end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from coordinator.cli.output import tell
from coordinator.cli.session import Session
from coordinator.cli.task_texts import compact
from coordinator.cli.texts import Moments

if TYPE_CHECKING:
    from coordinator.client.views import LogLine


class Lines:
    """One line after the other; as one JSON document they are collected until `end`."""

    def __init__(self, session: Session, *, collects: bool = False) -> None:
        self._session = session
        self._collects = collects
        self._kept: list[LogLine] = []
        self.dropped = 0

    def heading(self, text: str) -> None:
        """Where a section begins, for people."""
        if self._session.out.is_table:
            self._session.out.write(text)

    def show(self, line: LogLine) -> None:
        if self._collects:
            self._kept.append(line)
            return
        text = partial(log_text, line, self._session.moments)
        self._session.out.line("Log", line, line.event, text)

    def end(self) -> None:
        """What was collected, and how many lines are missing."""
        if self._collects:
            self._session.out.listing("LogList", None, self._kept, ())
        elif self.dropped:
            tell(f"{self.dropped} lines were dropped")


def log_text(line: LogLine, moments: Moments) -> str:
    """`14:02:11 info     file hashed  path="a.py"`; what the run's record says has its own word in place of info."""
    fields = " ".join(f"{key}={compact(value)}" for key, value in (line.fields or {}).items())
    level = line.source if (line.source, line.level) == ("task", "info") else line.level
    text = f"{moments.clock(line.at)} {level:<7}  {line.event}"
    return f"{text}  {fields}" if fields else text
