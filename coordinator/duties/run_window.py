"""The last runs of one executor: how late they began, how long they took, how they ended (TM-76)."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from coordinator.duties.spread import NOTHING_MEASURED, Spread, spread_of
from coordinator.model.instants import Millis
from coordinator.model.tasks import RunOutcome


class RunFigures(msgspec.Struct, frozen=True, gc=False):
    """Times in ms. `runs` have ended, `units` is what they took together; of what has begun there may be more."""

    start_delay: Spread = NOTHING_MEASURED
    hand_over: Spread = NOTHING_MEASURED
    duration: Spread = NOTHING_MEASURED
    runs: int = 0
    units: int = 0
    outcomes: tuple[tuple[str, int], ...] = ()  # by word

    def share(self, outcome: RunOutcome) -> float:
        """Of the runs in the window, 0 to 1."""
        return dict(self.outcomes).get(outcome.value, 0) / self.runs if self.runs else 0.0


class RunWindow:
    """At most `size` of each kind of figure. They are worked out when somebody looks, once for each change."""

    def __init__(self, size: int) -> None:
        self.delays: deque[Millis] = deque(maxlen=size)
        self._hand_overs: deque[Millis] = deque(maxlen=size)
        self._ended: deque[tuple[Millis, RunOutcome, int]] = deque(maxlen=size)
        self._figures: RunFigures | None = None

    def began(self, delay_ms: Millis, hand_over_ms: Millis) -> None:
        """From due to the first line of its code, and from its placement to that."""
        self.delays.append(max(0, delay_ms))
        self._hand_overs.append(max(0, hand_over_ms))
        self._figures = None

    def ended(self, duration_ms: Millis, outcome: RunOutcome, units: int) -> None:
        """A run whose code had begun."""
        self._ended.append((max(0, duration_ms), outcome, units))
        self._figures = None

    def resize(self, size: int) -> None:
        """Keep the newest."""
        self.delays = deque(self.delays, size)
        self._hand_overs = deque(self._hand_overs, size)
        self._ended = deque(self._ended, size)
        self._figures = None

    def figures(self) -> RunFigures:
        if self._figures is None:
            outcomes = Counter(outcome.value for _, outcome, _ in self._ended)
            self._figures = RunFigures(
                spread_of(self.delays),
                spread_of(self._hand_overs),
                spread_of(duration for duration, _, _ in self._ended),
                len(self._ended),
                sum(units for _, _, units in self._ended),
                tuple(sorted(outcomes.items())),
            )
        return self._figures
