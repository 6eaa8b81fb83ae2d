"""Progress and log lines of runs: what goes to the leader live, and what is kept to travel with the end of a run.

Live news may be thinned out: of a run's progress the last one counts, at most every 200 ms; of log lines there is a
limit per flush. Kept are the first 50 and the last 150 lines, at most 64 KiB (TM-70).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from coordinator.client.node_values import LogLine, Progress
from coordinator.client.node_wire import NO_LOG, KeptLog
from node import frames

FIRST_LINES = 50
LAST_LINES = 150
BYTES_MAX = 64 * 1024
LIVE_LINES_MAX = 200  # of all runs, per flush
FLUSH_S = 0.2
LEVELS = ("debug", "info", "warning", "error")


class LogBook:
    """The lines of one run that are kept, as JSON."""

    __slots__ = ("_bytes", "_first", "_last", "counts", "told")

    def __init__(self) -> None:
        self._first: list[bytes] = []
        self._last: deque[bytes] = deque()
        self._bytes = 0
        self.told = dict.fromkeys(LEVELS, 0)  # lines that arrived here
        self.counts: frames.LogCounts | None = (
            None  # as the worker of the run counted, when it has ended
        )

    def add(self, line: frames.Log) -> None:
        """Keep a line; the middle of a long log gives way."""
        self.told[line.level] = self.told.get(line.level, 0) + 1
        text = _encoded(line)
        is_first = len(self._first) < FIRST_LINES and not self._last
        if is_first and self._bytes + len(text) <= BYTES_MAX // 2:
            self._first.append(text)
            self._bytes += len(text)
            return
        self._last.append(text)
        self._bytes += len(text)
        while self._last and (len(self._last) > LAST_LINES or self._bytes > BYTES_MAX):
            self._bytes -= len(self._last.popleft())

    def kept(self) -> KeptLog:
        """The lines, how many are missing between them, and how many there were of each level."""
        lines = [*self._first, *self._last]
        counts = tuple(self.told[level] for level in LEVELS)
        if self.counts is not None and sum(exact := levels_of(self.counts)) >= sum(counts):
            counts = exact
        return KeptLog(b"".join(lines), max(0, sum(counts) - len(lines)), counts)


def levels_of(counts: frames.LogCounts) -> tuple[int, ...]:
    """From debug to error."""
    return (counts.debug, counts.info, counts.warning, counts.error)


def _encoded(line: frames.Log) -> bytes:
    fields = msgspec.Raw(line.fields or b"{}")
    return (
        msgspec.json.encode(
            {"at": line.at, "level": line.level, "event": line.event, "fields": fields}
        )
        + b"\n"
    )


class LiveNews:
    """Collects between two flushes, and keeps the books."""

    def __init__(self) -> None:
        self._books: dict[int, LogBook] = {}
        self._progress: dict[int, Progress] = {}
        self._lines: list[LogLine] = []

    def progress(self, task_id: str, news: frames.Progress) -> None:
        self._progress[news.allocation_id] = Progress(
            task_id, news.allocation_id, news.done, news.total, news.message
        )

    def log(self, task_id: str, line: frames.Log) -> None:
        self._books.setdefault(line.allocation_id, LogBook()).add(line)
        if len(self._lines) < LIVE_LINES_MAX:
            self._lines.append(
                LogLine(task_id, line.allocation_id, line.at, line.level, line.event, line.fields)
            )

    def ended(self, allocation_id: int, counts: frames.LogCounts) -> None:
        """The worker's own counts, lines included that never got here."""
        if any(levels_of(counts)):
            self._books.setdefault(allocation_id, LogBook()).counts = counts

    def kept(self, allocation_id: int) -> KeptLog:
        """What travels with the end of this run."""
        book = self._books.get(allocation_id)
        return NO_LOG if book is None else book.kept()

    def forget(self, allocation_ids: Iterable[int]) -> None:
        for allocation_id in allocation_ids:
            self._books.pop(allocation_id, None)
            self._progress.pop(allocation_id, None)

    @property
    def has_news(self) -> bool:
        return bool(self._progress or self._lines)

    def take(self) -> tuple[list[Progress], list[LogLine]]:
        """What goes to the leader now."""
        progress, lines = list(self._progress.values()), self._lines
        self._progress, self._lines = {}, []
        return progress, lines
