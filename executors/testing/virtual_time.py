"""Time that passes only when nothing else can happen: an hour of `task.sleep` takes no time at all.

While it is installed, the running event loop waits for nothing: when every coroutine waits for the clock, the clock
jumps to the next timer. While a socket is open or a thread is at work, time passes as usual, because nobody can know
how long those take.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Any

from typing_extensions import override

# Where an idle loop's clock begins: the same sums of the same delays everywhere, so that two tests see one order.
# Not larger: from 2**24 on, the loop's own resolution (1 ns) is lost in the rounding, and a timer would never be due.
START = 2.0**20

Events = list[tuple[selectors.SelectorKey, int]]


class ThreadAtWork:
    """One thread, counted as long as it works; while it sleeps by this clock, or once its run is dead, it is not."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._counts = self._has_left = False
        self.go_on()

    def rest(self) -> None:
        """It sleeps by this clock."""
        if self._counts:
            self._time.busy -= 1
            self._counts = False

    def go_on(self) -> None:
        """It is at work again."""
        if not self._counts and not self._has_left:
            self._time.busy += 1
            self._counts = True

    def leave(self) -> None:
        """It has ended, or nothing it does counts any more."""
        self.rest()
        self._has_left = True


class Due(float):
    """An instant of the loop; of two that are equal, the one with the lower number is the earlier."""

    number: int

    def __new__(cls, when: float, number: int) -> Due:
        """`number`: how many were asked for before."""
        made = super().__new__(cls, when)
        made.number = number
        return made

    @override
    def __lt__(self, other: float) -> bool:
        if isinstance(other, Due) and self == other:
            return self.number < other.number
        return super().__lt__(other)


class VirtualTime:
    """The clock of one event loop. `busy`: how many threads are at work."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises TypeError for a loop whose waiting cannot be replaced, uvloop's for instance."""
        selector = getattr(loop, "_selector", None)
        if not isinstance(selector, selectors.BaseSelector):
            raise TypeError(
                f"the test kit needs asyncio's own selector loop for its clock, not {type(loop).__name__}"
            )
        self.busy = 0
        self._loop: Any = loop
        self._selector: Any = selector
        waiting = [one for one in getattr(loop, "_scheduled", ()) if not one.cancelled()]
        self._now = loop.time() if waiting else START
        self._began = self._now
        self._own_fds = len(selector.get_map())
        self._asked = 0

    @property
    def elapsed(self) -> float:
        """Virtual seconds since `install`."""
        return self._now - self._began

    def install(self) -> None:
        """From now on the loop goes by this clock."""
        self._select = self._selector.select
        self._run_in_executor = self._loop.run_in_executor
        self._loop.run_in_executor = self._counted
        self._loop.time = lambda: self._now
        self._call_at = self._loop.call_at
        self._loop.call_at = self._in_order
        self._selector.select = self._wait

    def uninstall(self) -> None:
        """Back to the machine's clock."""
        del self._loop.time, self._loop.call_at, self._selector.select, self._loop.run_in_executor

    def _in_order(self, when: float, *call: Any, **options: Any) -> asyncio.TimerHandle:
        """Of what is due at one instant, what was asked for first comes first: a heap alone does not keep that."""
        self._asked += 1
        handle: asyncio.TimerHandle = self._call_at(Due(when, self._asked), *call, **options)
        return handle

    def _counted(self, *call: Any) -> asyncio.Future[Any]:
        """`to_thread` and its like are threads at work."""
        future: asyncio.Future[Any] = self._run_in_executor(*call)
        self.busy += 1
        future.add_done_callback(self._one_less)
        return future

    def _one_less(self, _: asyncio.Future[Any]) -> None:
        self.busy -= 1

    def _wait(self, seconds: float | None = None) -> Events:
        """In the place of the selector's `select`: None waits for ever."""
        ready: Events = self._select(0)
        if ready or (seconds is not None and seconds <= 0):
            return ready
        if seconds is None or self.busy > 0 or len(self._selector.get_map()) > self._own_fds:
            return self._wait_for_real(seconds)
        self._now += seconds
        return ready

    def _wait_for_real(self, seconds: float | None) -> Events:
        began = time.monotonic()
        ready: Events = self._select(seconds)
        self._now += time.monotonic() - began
        return ready
