"""A node that has too much to carry takes less for a while (TM-62). Pure.

Time is cut into windows. A window with a signal lowers the effective capacity by a fifth, never below the floor; a clean
one raises it by a twentieth, until it is what was configured. From 10: 8, 6, 5; and back 6, 7, 8, 9, 10. The leader
places by it; runs that are here go on. Without a signal there is no window and no timer.
"""

from __future__ import annotations

from math import ceil, floor

from node.core_desk import Desk

SHOWN_WINDOWS = 2  # after all is well again
LAG_MS = 5_000  # a worker's event loop that was late by more
_DUST = 1e-9  # what arithmetic leaves behind: 6 x 1.05 is no seventh place more than 7


class Overload:
    """Counted in capacity, that is in normal tasks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._config = desk.config
        self.configured = desk.config.units // 2
        self.effective = self.configured
        self.reason = ""  # of the last signal; empty when nothing is shown any more
        self._has_signal = False
        self._clean = 0  # windows in a row, with all of the capacity back
        self._timer = 0

    @property
    def told(self) -> int:
        """What the leader is told: 0 for all of it."""
        return 0 if self.effective == self.configured else self.effective

    def signal(self, reason: str) -> None:
        """Something that says so; any number within a window count once."""
        self._has_signal = True
        self.reason = reason
        if not self._timer:
            self._timer = self._desk.after(self._config.overload_window_ms, self._window_over)

    def lagged(self, lag_ms: int, executors: tuple[str, ...]) -> None:
        """A worker's event loop was late, with code of these running in it."""
        if lag_ms > LAG_MS:
            self.signal(f"event loop blocked by {' or '.join(executors) or 'unknown code'}")

    def _window_over(self, _: int) -> None:
        self._timer = 0
        before = self.effective
        if self._has_signal:
            least = min(self._config.overload_floor, self.configured)
            lowered = floor(self.effective * self._config.overload_down + _DUST)
            self.effective = min(self.configured, max(lowered, least))
        else:
            raised = ceil(self.effective * self._config.overload_up - _DUST)
            self.effective = min(self.configured, raised)
        well = not self._has_signal and before == self.configured
        self._clean = self._clean + 1 if well else 0
        self._has_signal = False
        if self.effective != before:
            self._desk.note(
                "warning" if self.effective < before else "info",
                "effective capacity changed",
                capacity=self.configured,
                effective=self.effective,
                reason=self.reason,
            )
        if self._clean >= SHOWN_WINDOWS:
            self.reason, self._clean = "", 0
            return
        self._timer = self._desk.after(self._config.overload_window_ms, self._window_over)
