"""One direction of a connection: order is kept, and every item takes its time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Pipe(Generic[T]):
    """`delay` gives the seconds that an item put now takes; None: it is lost, and so is all that follows."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        delay: Callable[[], float | None],
        arrive: Callable[[T], None],
    ) -> None:
        self._loop = loop
        self._delay = delay
        self._arrive = arrive
        self._waiting: deque[tuple[float, T]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def put(self, item: T) -> None:
        """It arrives after all that was put before."""
        delay = self._delay()
        if self._is_closed or delay is None:
            self._is_closed = True
            return
        due = self._loop.time() + delay
        if self._waiting:
            due = max(due, self._waiting[-1][0])
        self._waiting.append((due, item))
        self._arm()

    def close(self) -> None:
        """Nothing arrives any more."""
        self._is_closed = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is None and self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._deliver)

    def _deliver(self) -> None:
        """One at a time: what it brings about may close us."""
        self._timer = None
        if self._waiting:
            _, item = self._waiting.popleft()
            self._arrive(item)
            self._arm()
