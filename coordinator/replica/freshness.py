"""How far this member is behind its leader, in time: since when it was told of an entry that it has not applied (TM-78)."""

from __future__ import annotations

from collections import deque

from coordinator.model.instants import Millis

MARK_EVERY_MS: Millis = 500
READY_BEHIND_MS: Millis = 5_000
DISPATCH_MS: Millis = 4_500  # without a turn of the leader's dispatch, or a word from it


class Freshness:
    """Marks of what was committed when, at most two a second; those that are applied go."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, Millis]] = deque()  # index, steady

    def told(self, commit: int, applied: int, now: Millis) -> None:
        """The leader says that so much is committed."""
        self._drop(applied)
        last, at = self._marks[-1] if self._marks else (applied, now - MARK_EVERY_MS)
        if commit > last and now - at >= MARK_EVERY_MS:
            self._marks.append((commit, now))

    def behind_ms(self, applied: int, now: Millis) -> Millis:
        """0 for a member that has applied what it was told of."""
        self._drop(applied)
        return now - self._marks[0][1] if self._marks else 0

    def _drop(self, applied: int) -> None:
        while self._marks and self._marks[0][0] <= applied:
            self._marks.popleft()
