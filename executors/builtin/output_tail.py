"""The end of a program's output, and its lines for the run's log."""

from __future__ import annotations

from collections.abc import Callable

LINES_LOGGED_MAX = 2_000
LINE_BYTES_MAX = 4_000


class OutputTail:
    """Takes output piece by piece; keeps its last `bytes_max` bytes, hands on its first 2,000 lines. One thread's."""

    def __init__(self, log: Callable[[str], None], bytes_max: int) -> None:
        self.total = 0
        self._log = log
        self._bytes_max = bytes_max
        self._kept = b""
        self._line = b""
        self._last = b""
        self._lines = 0

    def add(self, data: bytes) -> None:
        """The next piece."""
        self.total += len(data)
        self._kept = (self._kept + data)[-self._bytes_max :] if self._bytes_max else b""
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._hand_on(line)
        if len(self._line) > LINE_BYTES_MAX:
            self._hand_on(self._line)
            self._line = b""

    def close(self) -> None:
        """No more comes: a line without an end is one, too."""
        if self._line:
            self._hand_on(self._line)
            self._line = b""

    def text(self) -> str:
        """What was kept. What is no UTF-8 becomes a mark, also a character that was cut."""
        return self._kept.decode(errors="replace")

    def last_line(self) -> str:
        """The last line with anything in it, at most 500 characters."""
        return self._last.decode(errors="replace").strip()[:500]

    def _hand_on(self, line: bytes) -> None:
        if line.strip():
            self._last = line
        self._lines += 1
        if self._lines <= LINES_LOGGED_MAX:
            self._log(line.decode(errors="replace"))
        elif self._lines == LINES_LOGGED_MAX + 1:
            self._log(f"(only the first {LINES_LOGGED_MAX} lines are logged)")
