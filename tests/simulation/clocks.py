"""Clocks of simulated machines: they start anywhere, run at a rate of their own, and the wall clock may jump."""

from __future__ import annotations

from coordinator.model.instants import Now
from tests.simulation.dice import MILLION
from tests.simulation.timeline import MS, Timeline


class Clock:
    """One machine's pair of clocks. `rate` in millionths faster (or slower) than true time."""

    def __init__(self, timeline: Timeline, steady_us: int, wall_us: int) -> None:
        self._timeline = timeline
        self._since = timeline.now
        self._steady = steady_us
        self._wall_minus_steady = wall_us - steady_us
        self.rate = 0

    def steady_us(self) -> int:
        passed = self._timeline.now - self._since
        return self._steady + passed * (MILLION + self.rate) // MILLION

    def steady_ms(self) -> int:
        return self.steady_us() // MS

    def read(self) -> Now:
        steady = self.steady_us()
        return Now(steady // MS, (steady + self._wall_minus_steady) // MS)

    def when(self, steady_ms: int) -> int:
        """The true instant at which the steady clock shows at least this, if its rate stays."""
        left = steady_ms * MS - self.steady_us()
        if left <= 0:
            return self._timeline.now
        return self._timeline.now - -left * MILLION // (MILLION + self.rate) + 1

    def run_at(self, rate: int) -> None:
        self._steady, self._since = self.steady_us(), self._timeline.now
        self.rate = rate

    def jump(self, wall_us: int) -> None:
        """The wall clock alone."""
        self._wall_minus_steady += wall_us
