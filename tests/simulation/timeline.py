"""The world's time: a heap of (instant, sequence, event), in whole microseconds. Nothing else moves it.

An event may belong to a life (a process from its start to its death): it is dropped when the life is over and
waits while the life is paused, in the order in which it would have happened.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from zlib import crc32

MS = 1_000
SECOND = 1_000 * MS
LAST_EVENTS = 400
ROUND = 100  # of an event loop: what comes within it is one turn

Call = Callable[[], None]


class Life:
    """A process from its start to its death. `frozen_until`: no instruction of it is executed before."""

    def __init__(self) -> None:
        self.alive = True
        self.frozen_until = 0


class Handle:
    """What `call_later` gives back; the pump cancels by it."""

    __slots__ = ("cancelled",)

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Timeline:
    """`now` in microseconds since the beginning of the world; `step` numbers the events that happened."""

    def __init__(self) -> None:
        self.now = 0
        self.step = 0
        self.hash = 0
        self.traced: deque[str] = deque(maxlen=LAST_EVENTS)
        self.tracing = False
        self._sequence = 0
        self._heap: list[tuple[int, int, str, Call, Life | None]] = []

    def at(self, when: int, label: str, call: Call, life: Life | None = None) -> None:
        """Have it happen then; what lies in the past happens now, after what is due already."""
        self._sequence += 1
        heapq.heappush(self._heap, (max(when, self.now), self._sequence, label, call, life))

    def soon(self, label: str, call: Call, life: Life) -> None:
        """Now, or as soon as the process can execute anything."""
        if life.frozen_until > self.now:
            self.at(self.now, label, call, life)
        elif life.alive:
            call()

    def after(self, delay: int, label: str, call: Call, life: Life | None = None) -> None:
        self.at(self.now + delay, label, call, life)

    def run(self, until: int, last_step: int = 0) -> None:
        """Let everything happen up to that instant, or up to that step (0: all of it)."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            if last_step and self.step >= last_step:
                return
            when, _, label, call, life = heapq.heappop(heap)
            self.now = when
            if life is not None:
                if not life.alive:
                    continue
                if life.frozen_until > when:
                    self.at(life.frozen_until, label, call, life)
                    continue
            self._count(when, label)
            call()
        self.now = max(self.now, until)

    def at_step(self) -> int:
        """How many events there were so far."""
        return self.step

    def say(self, text: str) -> None:
        """A remark for whoever reads the trace."""
        if self.tracing:
            self.traced.append(f"{self.now / SECOND:12.6f} {self.step:8}     {text}")

    def _count(self, when: int, label: str) -> None:
        self.step += 1
        self.hash = crc32(b"%d %b" % (when, label.encode()), self.hash)
        if self.tracing:
            self.traced.append(f"{when / SECOND:12.6f} {self.step:8} {label}")


class Loop:
    """What the pump needs of an event loop, on the timeline and for one life."""

    def __init__(self, timeline: Timeline, life: Life, name: str) -> None:
        self._timeline, self._life, self._name = timeline, life, name

    def call_soon(self, call: Call) -> None:
        self._timeline.after(ROUND, self._name, call, self._life)

    def call_later(self, seconds: float, call: Callable[..., None], *given: object) -> Handle:
        handle = Handle()

        def unless_cancelled() -> None:
            if not handle.cancelled:
                call(*given)

        delay = round(seconds * SECOND)
        self._timeline.after(delay, f"{self._name} timer", unless_cancelled, self._life)
        return handle
