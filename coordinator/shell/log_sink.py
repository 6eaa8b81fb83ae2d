"""Where log lines go without anybody waiting for it: a full pipe must hold up neither reads nor heartbeats (S13).

A thread of its own hands the lines on. Beyond the queue they are dropped and counted; the count is a line of its own
as soon as one passes again.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque

LINES_MAX = 10_000
PATIENCE_S = 0.5


class LogSink:
    """What a logger takes for a file: `write` returns at once. `settle` gives the lines a moment to get out."""

    def __init__(self, fd: int, lines_max: int = LINES_MAX) -> None:
        """`fd` is written to as it is: a lock of Python's own streams would be held by a write that never ends."""
        self._fd = fd
        self._lines: deque[str] = deque()
        self._lines_max = lines_max
        self._dropped = 0
        self._is_writing = False
        self._moved = threading.Condition()
        threading.Thread(target=self._drain, name="log", daemon=True).start()

    def write(self, text: str) -> None:
        """Queue a line."""
        with self._moved:
            if len(self._lines) >= self._lines_max:
                self._dropped += 1
                return
            self._lines.append(text)
            self._moved.notify_all()

    def flush(self) -> None:
        """Loggers call it after each line: nobody waits."""

    def settle(self, patience_s: float = PATIENCE_S) -> bool:
        """Whether all lines got out, after a moment at most."""
        with self._moved:
            return self._moved.wait_for(
                lambda: not self._lines and not self._is_writing, patience_s
            )

    def _drain(self) -> None:
        while True:
            with self._moved:
                self._is_writing = False
                self._moved.notify_all()
                self._moved.wait_for(lambda: self._lines)
                text = "".join(self._lines) + self._told_of_dropped()
                self._lines.clear()
                self._is_writing = True
            self._hand_on(text.encode(errors="replace"))

    def _told_of_dropped(self) -> str:
        count, self._dropped = self._dropped, 0
        said = {"level": "warning", "event": "log lines dropped", "count": count}
        return json.dumps(said) + "\n" if count else ""

    def _hand_on(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            pass  # nobody reads any more, or the disk of the log is full: work goes on
