"""What runs were like lately: begun late, long, failed, by executor; what is overdue; what series ask for.

Every member follows what it applies, so a new leader begins with what it has seen as a follower; only the samples of
load are its own. Nothing here walks the records, but for once at the start and when a snapshot has replaced them.
Executors beyond a number share one line, so the memory is bounded whatever names callers come up with.
"""

from __future__ import annotations

from collections.abc import Iterable

from coordinator.duties.capacity import Demand, Measured
from coordinator.duties.long_runs import LongRuns
from coordinator.duties.overdue import OVERDUE, Overdue, occurrence_of
from coordinator.duties.run_window import RunWindow
from coordinator.duties.series_demand import SeriesDemand
from coordinator.duties.spread import Rate
from coordinator.model.events import Event, RunEnded, SettingsChanged, TaskChanged
from coordinator.model.ids import TaskId
from coordinator.model.instants import SECOND, Instant
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Code, RunOutcome, Status, Task

WAITING_MAX = 256  # entries; a tick looks at them all
EXECUTORS_MAX = 200  # as many as metrics name (EX-73)
OTHERS = "other"
NOT_COMPLETED = (RunOutcome.LOST, RunOutcome.ABORTED)
_ARRIVING_FROM = frozenset(
    {Status.WAITING, Status.PAUSED, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}
)


class _OfExecutor:
    def __init__(self, size: int, at: Instant) -> None:
        self.window = RunWindow(size)
        self.arrivals = Rate(at)  # of tasks without a schedule


class Statistics:
    """One per member. `applied` after each entry."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._by_executor: dict[str, _OfExecutor] = {}
        self.begun = 0  # runs, ever
        self._since: Instant = 0  # when the first entry was seen
        self._arrivals, self._completed = Rate(0), Rate(0)
        self._ended: dict[TaskId, RunEnded] = {}  # of the entry in hand
        self._size = state.settings.number("stats.window")
        self._waiting: list[tuple[Instant, Iterable[Event]]] = []
        self._at: Instant = 0  # of the entry in hand
        self.replaced(state)

    def replaced(self, state: ClusterState) -> None:
        """Another state took the place of the one that was followed. What was measured stays."""
        self.settle()
        self._state = state
        self.overdue, self.series, self._long = Overdue(), SeriesDemand(), LongRuns()
        self.counts: dict[str, dict[Status, int]] = {}
        self._resize()
        placed = []
        for task in state.tasks.values():
            self._count(None, task)
            self.series.follow(None, task)
            self.overdue.follow(None, task, max(task.due_at, task.updated_at))
            if task.has_node:
                placed.append(task)
        for task in sorted(placed, key=lambda task: (task.assigned_at, task.id)):
            self._long.follow(None, task)

    def applied(self, events: Iterable[Event]) -> None:
        """What one entry did, in its order."""
        self.later(events)
        self.settle()

    def later(self, events: Iterable[Event]) -> None:
        """The same, to be looked at when nobody waits: callers of that very entry are answered first."""
        self._waiting.append((self._state.at, events))
        if len(self._waiting) >= WAITING_MAX:
            self.settle()

    def settle(self) -> None:
        """Look at what waits."""
        waiting, self._waiting = self._waiting, []
        for self._at, events in waiting:
            self._follow(events)

    def _follow(self, events: Iterable[Event]) -> None:
        if not self._since:
            self._since = self._at
            self._arrivals, self._completed = Rate(self._since), Rate(self._since)
        for event in events:
            if isinstance(event, TaskChanged):
                self._task(event.old, event.new)
            elif isinstance(event, RunEnded):
                self._ended[event.task_id] = event
            elif isinstance(event, SettingsChanged):
                self._resize()
        self._ended.clear()

    # -- reading: by the leader -------------------------------------------------------------------

    def windows(self) -> list[tuple[str, RunWindow]]:
        """In order of the executors' names."""
        return [(name, self._by_executor[name].window) for name in sorted(self._by_executor)]

    def arrivals(self, at: Instant) -> tuple[Demand, ...]:
        """Of tasks without a schedule."""
        found = []
        for name, one in sorted(self._by_executor.items()):
            rate, units = one.arrivals.per_minute(at)
            if rate:
                found.append(Demand(name, rate, units))
        return tuple(found)

    def mix(self) -> tuple[Demand, ...]:
        """What the windows hold, as if it had come within a minute: for its proportions alone."""
        found = [(name, window.figures()) for name, window in self.windows()]
        return tuple(Demand(name, one.runs, one.units) for name, one in found if one.runs)

    def measured(self) -> dict[str, Measured]:
        """Of executors with a run that came to its end. One that shares the line of others is measured by it."""
        found = {}
        for name, window in self.windows():
            figures = window.figures()
            if figures.duration.mean is not None:
                hand_over = (figures.hand_over.mean or 0.0) / SECOND
                found[name] = Measured(figures.duration.mean / SECOND, hand_over)
        return found

    def name_of(self, executor: str) -> str:
        """Under which its runs are counted."""
        full = len(self._by_executor) >= EXECUTORS_MAX
        return OTHERS if full and executor not in self._by_executor else executor

    def long_units(self, at: Instant) -> int:
        return self._long.units(at)

    def rates(self, at: Instant) -> tuple[float, float]:
        """(runs that were wanted, runs that were completed) per minute, over the last ten."""
        return self._arrivals.per_minute(at)[0], self._completed.per_minute(at)[0]

    # -- following --------------------------------------------------------------------------------

    def _task(self, old: Task | None, new: Task | None) -> None:
        """Most changes are of one kind: each part looks at what it has to, and nothing is asked twice."""
        task = new if new is not None else old
        if task is None:
            return
        ended = self._ended.pop(task.id, None) if self._ended else None
        was_series = old is not None and old.spec.schedule is not None
        if was_series or task.spec.schedule is not None:
            self.series.follow(old, new)
        if old is not None and new is not None and old.allocation_id == new.allocation_id:
            if old.status is new.status:
                return  # it wrote state, or was edited
        else:
            self._long.follow(old, new)
        self._count(old, new)
        was_due = old is not None and old.status in OVERDUE
        if was_due or task.status in OVERDUE:
            self._moved(old, new, ended)
        if ended is not None and ended.started_at > 0:
            self._run_ended(old or task, ended)

    def _moved(self, old: Task | None, new: Task | None, ended: RunEnded | None) -> None:
        begun = ended is not None and ended.started_at > 0
        since = self.overdue.follow(old, new, self._at, begun=begun)
        if old is not None and since is not None:
            self._began(old, new, ended, since)
        if new is not None and _arrives(old, new):
            self._arrived(new)

    def _began(self, old: Task, new: Task | None, ended: RunEnded | None, since: Instant) -> None:
        started_at = 0
        if ended is not None:
            started_at = ended.started_at
        elif new is not None and new.allocation_id == old.allocation_id:
            started_at = new.started_at
        if started_at:
            self.begun += 1
            window = self._of(old.executor).window
            window.began(started_at - since, started_at - old.assigned_at)

    def _run_ended(self, old: Task, ended: RunEnded) -> None:
        window = self._of(old.executor).window
        window.ended(ended.duration_ms, ended.outcome, old.policy.cost)
        if ended.outcome not in NOT_COMPLETED:
            self._completed.add(self._at)

    def _arrived(self, task: Task) -> None:
        at = self._at
        self._arrivals.add(at)
        if task.spec.schedule is None:
            self._of(task.executor).arrivals.add(at, task.policy.cost)

    def _of(self, executor: str) -> _OfExecutor:
        found = self._by_executor.get(executor)
        if found is None:
            name = self.name_of(executor)
            found = self._by_executor.get(name)
            if found is None:
                found = self._by_executor[name] = _OfExecutor(self._size, self._since)
        return found

    def _count(self, old: Task | None, new: Task | None) -> None:
        if old is not None:
            counts = self.counts[old.executor]
            counts[old.status] -= 1
            if not counts[old.status]:
                del counts[old.status]
        if new is not None:
            counts = self.counts.setdefault(new.executor, {})
            counts[new.status] = counts.get(new.status, 0) + 1
        elif old is not None and not self.counts[old.executor]:
            del self.counts[old.executor]

    def _resize(self) -> None:
        size = self._state.settings.number("stats.window")
        if size != self._size:
            self._size = size
            for one in self._by_executor.values():
                one.window.resize(size)


def _arrives(old: Task | None, new: Task) -> bool:
    """It is wanted, and not because a run of it was lost or moved, or its node is back."""
    if old is None or new.status not in OVERDUE:
        return old is None
    if new.series is not None and occurrence_of(new) != occurrence_of(old):
        return True
    return old.status in _ARRIVING_FROM and old.assignment.code is not Code.HELD_FOR_NODE
