"""Log lines of supervisor and agent: JSON, or plain text on a terminal (EX-70).

A thread of its own does the writing, so that a sink that takes nothing (a full pipe) never holds up a heartbeat; lines
beyond the queue are dropped and counted. Of one event at most five lines are written, then one per ten seconds.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
QUEUE_MAX = 10_000
BURST = 5
PAUSE_S = 10.0


class Log:
    """`log.write("info", "constant text", key=value)`; fields given at construction are part of every line."""

    def __init__(
        self, logger: str, path: Path | None, level: str = "info", **fields: object
    ) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = sys.stderr.fileno() if path is None else os.open(path, flags, 0o640)
        self._is_text = os.isatty(self._fd)
        self._least = LEVELS[level]
        self._fields = {"logger": logger, **fields}
        self._lines: queue.Queue[bytes | None] = queue.Queue(QUEUE_MAX)
        self._dropped = 0
        self._seen: dict[str, tuple[int, float, int]] = {}  # event -> lines, last one at, held back
        self._thread = threading.Thread(target=self._drain, name="log", daemon=True)
        self._thread.start()

    def write(self, level: str, event: str, **fields: object) -> None:
        """Queue one line. Never blocks, never raises."""
        if LEVELS.get(level, 0) < self._least:
            return
        held_back = self._let_through(event)
        if held_back is None:
            return
        if held_back:
            fields["held_back"] = held_back
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"ts": now, "level": level, "event": event, **self._fields, **fields}
        try:
            self._lines.put_nowait(self._format(line))
        except queue.Full:
            self._dropped += 1

    def set_level(self, level: str) -> None:
        """The least level that is written from now on, by its name or its first letter."""
        self._least = next(least for name, least in LEVELS.items() if name[0] == level[0])

    def _let_through(self, event: str) -> int | None:
        """How many lines of this event were held back before this one; None: hold this one back, too."""
        lines, last_at, held = self._seen.get(event, (0, 0.0, 0))
        now = time.monotonic()
        if now - last_at > PAUSE_S:
            self._seen[event] = (1, now, 0)
            return held
        if lines >= BURST:
            self._seen[event] = (lines, last_at, held + 1)
            return None
        self._seen[event] = (lines + 1, now, 0)
        return held

    def _format(self, line: dict[str, object]) -> bytes:
        if self._is_text:
            rest = " ".join(f"{key}={value}" for key, value in list(line.items())[4:])
            return f"{line['ts']} {line['level']:7} {line['event']} {rest}\n".encode()
        return msgspec.json.encode(line, enc_hook=str) + b"\n"

    def _drain(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                os.write(self._fd, line)
            except OSError:
                self._dropped += 1

    def close(self, patience_s: float = 0.3) -> None:
        """Write what is queued, for a moment at most."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(patience_s)
