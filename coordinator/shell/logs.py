"""Log lines on stderr or in a file: JSON unless a person watches (EX-70).

`event` is constant text, values are fields. Of one event at most five lines come in a row, then one per ten seconds
with a count of those left out, so that no fault fills a disk. Nobody waits for a line to be written.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

from coordinator.shell.log_sink import LogSink

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LINES_IN_A_ROW = 5
SECONDS_BETWEEN = 10.0

Fields = MutableMapping[str, Any]


class Limiter:
    """Lets the first lines of an event through, then one per ten seconds. `clock` counts in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float, int]] = {}  # event -> lines, last line at, left out

    def __call__(self, _logger: Any, _method: str, fields: Fields) -> Fields:
        event = str(fields.get("event", ""))
        now = self._clock()
        lines, last, left_out = self._seen.get(event, (0, now, 0))
        if now - last >= SECONDS_BETWEEN:
            lines = min(lines, LINES_IN_A_ROW - 1) if left_out else 0
        if lines >= LINES_IN_A_ROW:
            self._seen[event] = (lines, last, left_out + 1)
            raise structlog.DropEvent
        if left_out:
            fields["left_out"] = left_out
        self._seen[event] = (lines + 1, now, 0)
        return fields


class Log:
    """The log of one process, with its name in each line. `sink` takes the lines in place of the stream."""

    def __init__(
        self, stream: TextIO, level: str, sink: LogSink | None = None, **bound: Any
    ) -> None:
        self._stream, self._sink = stream, sink
        self.level = LEVELS[level]
        last: Any = (
            structlog.dev.ConsoleRenderer(colors=True)
            if stream.isatty()
            else structlog.processors.JSONRenderer(default=str)
        )
        self._logger = structlog.wrap_logger(
            structlog.WriteLogger(cast("TextIO", sink or stream)),
            processors=[
                Limiter(),
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
                structlog.processors.format_exc_info,
                last,
            ],
            wrapper_class=structlog.BoundLogger,
        ).bind(**bound)

    def line(self, level: str, event: str, /, **fields: Any) -> None:
        """Write one line, unless the level is below the threshold."""
        if LEVELS.get(level, 20) >= self.level:
            self._logger.info(event, level=level, **fields)

    def debug(self, event: str, **fields: Any) -> None:
        self.line("debug", event, **fields)

    def info(self, event: str, **fields: Any) -> None:
        self.line("info", event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        self.line("warning", event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        self.line("error", event, **fields)

    def flush(self) -> None:
        """Lines that a sink still holds get a moment."""
        if self._sink is not None:
            self._sink.settle()
        else:
            self._stream.flush()

    @property
    def stream(self) -> TextIO:
        """What the lines go to in the end."""
        return self._stream


def open_log(path: Path | None, level: str, **bound: Any) -> Log:
    """The log of this process. OSError if the file cannot be written."""
    if path is None:
        return Log(sys.stderr, level, LogSink(sys.stderr.fileno()), **bound)
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("a", buffering=1, encoding="utf-8")
    return Log(stream, level, LogSink(stream.fileno()), **bound)
