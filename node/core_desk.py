"""What the parts of NodeCore share: the present instant, the effects asked for so far, and the timers. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from node.effects import Effect, Note, Tell
from node.frames import ToWorker

Handler: TypeAlias = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """What never changes during one incarnation. Durations are ms.

    `units` is the capacity in units (two for a normal task). `condemned_ms`: how long the neighbours of a hung run get
    to end before their worker is killed.
    """

    incarnation: str
    units: int = 20
    spare_workers: int = 1
    max_starting: int = 50
    shutdown_grace_ms: int = 30_000
    orphan_limit_ms: int = 600_000
    slot_wait_ms: int = 5_000
    start_hold_ms: int = 50
    condemned_ms: int = 30_000
    farewell_ms: int = 5_000
    overload_window_ms: int = 10_000
    overload_down: float = 0.8
    overload_up: float = 1.05
    overload_floor: int = 5


class Timers:
    """Calls to make later. Cancelled ones are thrown out in bulk, so that a cancel costs next to nothing."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Handler, int]] = []
        self._last_token = 0
        self._cancelled: set[int] = set()

    def at(self, when: int, handler: Handler, key: int = 0) -> int:
        """Have `handler(key)` called at `when`. The token cancels it; tokens are never 0."""
        self._last_token += 1
        heapq.heappush(self._heap, (when, self._last_token, handler, key))
        return self._last_token

    def cancel(self, token: int) -> None:
        """Call off what has not been called yet; 0 is no timer."""
        if token:
            self._cancelled.add(token)
            if len(self._cancelled) > 1_024 and len(self._cancelled) * 2 > len(self._heap):
                self._sweep()

    def _sweep(self) -> None:
        self._heap = [entry for entry in self._heap if entry[1] not in self._cancelled]
        heapq.heapify(self._heap)
        self._cancelled.clear()

    def run_due(self, now: int) -> None:
        """Make all calls whose time has come, oldest first."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, token, handler, key = heapq.heappop(heap)
            if token in self._cancelled:
                self._cancelled.discard(token)
            else:
                handler(key)
                heap = self._heap

    @property
    def next_at(self) -> int | None:
        """When to call `run_due` next."""
        while self._heap and self._heap[0][1] in self._cancelled:
            self._cancelled.discard(heapq.heappop(self._heap)[1])
        return self._heap[0][0] if self._heap else None


class Desk:
    """One per NodeCore. `now` is the instant of the input being handled."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.now = 0
        self.timers = Timers()
        self._out: list[Effect] = []

    def ask(self, effect: Effect) -> None:
        self._out.append(effect)

    def tell(self, worker: int, message: ToWorker) -> None:
        self._out.append(Tell(worker, message))

    def note(self, level: str, event: str, **fields: object) -> None:
        self._out.append(Note(level, event, tuple(fields.items())))

    def after(self, delay: int, handler: Handler, key: int = 0) -> int:
        return self.timers.at(self.now + delay, handler, key)

    def take(self) -> list[Effect]:
        """All effects asked for since the last time."""
        out, self._out = self._out, []
        return out
