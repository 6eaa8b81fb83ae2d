"""Pokes: somebody says that a condition outside the state may have turned true (PT-52)."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.model.instants import Millis

MERGED_MS = 100


class Pokes:
    """The first one counts at once; those within 100 ms after it come to one more look, at their end."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._until: Millis = 0
        self._waiting = False

    def poke(self, steady: Millis) -> None:
        if steady < self._until:
            self._waiting = True
            return
        self._begin(steady)

    def tick(self, steady: Millis) -> None:
        if self._waiting and steady >= self._until:
            self._begin(steady)

    def _begin(self, steady: Millis) -> None:
        self._waiting = False
        self._until = steady + MERGED_MS
        self._look()
