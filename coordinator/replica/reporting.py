"""The leader's figures on health and capacity: made anew by the clock, hot ones often and cold ones seldom (TM-76)."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from coordinator.duties.capacity import Demand, Figures, estimate
from coordinator.duties.health import Cold, ExecutorFigures, Hot, Overloaded
from coordinator.duties.outlook import outlook
from coordinator.duties.run_window import RunFigures
from coordinator.duties.spread import NOTHING_MEASURED, Spread, spread_of
from coordinator.model.instants import SECOND, Instant, Millis
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.tasks import Status
from coordinator.replica.bench import Bench
from coordinator.replica.sessions import Sessions
from coordinator.replica.statistics import EXECUTORS_MAX, Statistics

LOAD_EVERY_MS: Millis = SECOND
LOAD_SAMPLES = 600  # ten minutes of them
LINES_MAX = 2 * EXECUTORS_MAX  # those that ran, and those that wait to


class Reporting:
    """One per term. `tick` as often as the leader ticks."""

    def __init__(self, bench: Bench, statistics: Statistics, sessions: Sessions) -> None:
        self._statistics = statistics
        self.hot: Hot | None = None
        self.cold: Cold | None = None
        self._bench = bench
        self._sessions = sessions
        self._delays: tuple[int, Spread] = (0, NOTHING_MEASURED)
        self._load: deque[float] = deque(maxlen=LOAD_SAMPLES)
        self._sample_at: Millis = bench.now.steady

    def tick(self) -> None:
        bench, steady = self._bench, self._bench.now.steady
        settings = bench.state.settings
        self.statistics.series.work_out(outlook, bench.at)
        if steady >= self._sample_at:
            self._sample_at = steady + LOAD_EVERY_MS
            self._sample()
        if self.hot is None or steady - self.hot.made_at >= settings.millis("health.hot"):
            self.hot = self._make_hot()
        if self.cold is None or steady - self.cold.made_at >= settings.millis("health.cold"):
            self.cold = self._make_cold()

    @property
    def statistics(self) -> Statistics:
        """Up to the entry applied last."""
        self._statistics.settle()
        return self._statistics

    @property
    def at(self) -> Instant:
        """The state's time, which goes on between entries."""
        return self._bench.at

    def figures(self) -> Figures:
        """What an estimate of this moment is made of."""
        statistics, at = self.statistics, self._bench.at
        nodes = self._nodes()
        wanted, completed = statistics.rates(at)
        return Figures(
            nodes=len(nodes),
            units=float(sum(node.units for node in nodes)),
            series=tuple(
                Demand(statistics.name_of(one.executor), one.per_minute, one.units_per_minute)
                for one in statistics.series.demands()
            ),
            arrivals=statistics.arrivals(at),
            mix=statistics.mix(),
            long_units=float(statistics.long_units(at)),
            measured=statistics.measured(),
            load=self._load_lately(),
            overdue=statistics.overdue.total(self._paused()).tasks,
            completed_per_minute=completed,
            arrivals_per_minute=wanted,
        )

    # -- making them ------------------------------------------------------------------------------

    def _make_hot(self) -> Hot:
        bench, statistics, paused = self._bench, self.statistics, self._paused()
        wanted, completed = statistics.rates(bench.at)
        return Hot(
            made_at=bench.now.steady,
            at=bench.at,
            overdue=statistics.overdue.total(paused),
            overdue_paused=statistics.overdue.total(paused, held=True),
            start_delay=self._start_delay(),
            executors=self._executors(paused),
            load=self._load_lately(),
            load_now=self._load[-1] if self._load else None,
            arrivals_per_minute=wanted,
            completed_per_minute=completed,
            dead_letters=bench.state.status_counts[Status.FAILED],
            overloaded=self._overloaded(),
        )

    def _make_cold(self) -> Cold:
        series = self.statistics.series
        return Cold(
            self._bench.now.steady,
            estimate(self.figures()),
            series.series,
            series.pending(),
            tuple(series.forecast(self._bench.at)),
        )

    def _executors(self, paused: Collection[str]) -> tuple[ExecutorFigures, ...]:
        """Those that ran lately, or have something overdue."""
        statistics = self.statistics
        windows = dict(statistics.windows())
        names = sorted({*windows, *statistics.overdue.executors()})
        found = []
        for name in names[:LINES_MAX]:
            window, counts = windows.get(name), statistics.counts.get(name, {})
            found.append(
                ExecutorFigures(
                    name,
                    window.figures() if window is not None else RunFigures(),
                    statistics.overdue.of(name),
                    tuple(sorted((status.value, count) for status, count in counts.items())),
                    name in paused,
                )
            )
        return tuple(found)

    def _start_delay(self) -> Spread:
        """Of all executors; as it was if no run has begun since."""
        statistics, (begun, spread) = self.statistics, self._delays
        if begun != statistics.begun:
            delays = [delay for _, window in statistics.windows() for delay in window.delays]
            spread = spread_of(delays)
            self._delays = (statistics.begun, spread)
        return spread

    def _paused(self) -> Collection[str]:
        """Executors that nothing is placed of for now, on somebody's word (TM-28)."""
        if self._bench.state.settings.assignment_enabled:
            return self._bench.state.paused_executors
        return set(self.statistics.overdue.executors())

    # -- load -------------------------------------------------------------------------------------

    def _nodes(self) -> list[Node]:
        """Live ones that take new work."""
        return [
            node
            for node in self._bench.state.nodes_by_name()
            if node.status is NodeStatus.READY and node.drain is None
        ]

    def _overloaded(self) -> tuple[Overloaded, ...]:
        load, sessions = self._bench.view.load, self._sessions
        found = []
        for node in self._bench.state.nodes_by_name():
            session = sessions.get(node.name)
            if session is not None and session.overload:
                room = load.room(node)
                found.append(Overloaded(node.name, session.overload, room, node.units))
        return tuple(found)

    def _sample(self) -> None:
        """A reserved node counts as full, since work is left waiting for it (TM-59)."""
        load = self._bench.view.load
        reserved = load.reserved.node if load.reserved is not None else None
        units = used = 0
        for node in self._nodes():
            room = load.room(node)
            units += room
            used += room if node.name == reserved else min(room, load.units(node.name))
        if units:
            self._load.append(used / units)

    def _load_lately(self) -> Spread:
        return spread_of(self._load)
