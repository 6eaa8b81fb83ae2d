"""What tasks there are and what became of them, followed event by event: no scrape looks at a single task (TM-82).

Every member follows the records, so that a new leader's gauges are right at once. What happened is counted only by who
led when it was applied, so that a sum over coordinators counts it once; at a change of leader the entries between two
terms may be counted by nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.api.door import Told
from coordinator.client.metric_parts import Counts, Names, Sheet, Spreads
from coordinator.duties.overdue import Overdue
from coordinator.model.events import Fated, NodeChanged, RunEnded, TaskChanged
from coordinator.model.ids import TaskId
from coordinator.model.instants import SECOND, Instant
from coordinator.model.nodes import NodeStatus
from coordinator.model.schedules import FateWord
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Code, Desired, Status, StopReason, Task
from coordinator.replica.effects import Applied, LeadershipChanged, StateReplaced


class TaskFigures:
    """The gauges. `follow` with each change, in order; `begin` with a state that was not followed."""

    def __init__(self, state: ClusterState) -> None:
        self.begin(state)

    def begin(self, state: ClusterState) -> None:
        """The one walk over all records: at the start, and where a snapshot took the place of the state."""
        self.tasks = Counts()
        self.unassigned = Counts()
        self.lazy_units = Counts()
        self.dead_letters = Counts()
        self.overdue = Overdue()
        for task in state.tasks.values():
            self._count(task, 1)
            self.overdue.follow(None, task, max(task.due_at, task.updated_at))

    def follow(
        self, old: Task | None, new: Task | None, at: Instant, *, begun: bool
    ) -> Instant | None:
        """Returns since when the task was due, if its code has begun or it is not wanted any more."""
        if old is None or new is None or _is_elsewhere(old, new):
            if old is not None:
                self._count(old, -1)
            if new is not None:
                self._count(new, 1)
        return self.overdue.follow(old, new, at, begun=begun)

    def put(self, sheet: Sheet, names: Names, at: Instant) -> None:
        """`at`: the present, on the clock of the cluster."""
        for (status, executor), count in self.tasks.items():
            sheet.add("tasks", count, status, names.label(executor))
        oldest: dict[str, Instant] = {}
        for executor in self.overdue.executors():
            label, backlog = names.label(executor), self.overdue.of(executor)
            sheet.add("overdue", backlog.tasks, label)
            since = at if backlog.since is None else backlog.since
            oldest[label] = min(since, oldest.get(label, at))
        for label, since in oldest.items():
            sheet.put("overdue_age_seconds", (at - since) / SECOND, label)
        sheet.put_all("unassigned", self.unassigned)
        sheet.put_all("dead_letters", self.dead_letters)
        for (executor,), units in self.lazy_units.items():
            sheet.add("lazy_cost_units", units, names.label(executor))

    def _count(self, task: Task, change: int) -> None:
        status = task.status
        _move(self.tasks, (status, task.executor), change)
        if status is Status.UNASSIGNED:
            code = task.assignment.code
            _move(self.unassigned, (code,), change)
            if code is Code.LAZY:
                _move(self.lazy_units, (task.executor,), change * task.policy.cost)
        elif status is Status.FAILED:
            _move(self.dead_letters, (task.end_reason or "unknown",), change)


class TaskCounts:
    """Counters and histograms of what happened. One per process; nothing is ever set back."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.created = Counts()
        self.runs = Counts()
        self.retries = Counts()
        self.cancels = Counts({(): 0})
        self.moves = Counts().begin_with("drain", "rebalance", "operator")
        self.fates = Counts()
        self.dropped = Counts()
        self.node_losses = Counts({(): 0})
        self.start_delay, self.assign = Spreads(), Spreads()
        self.run_seconds, self.lateness = Spreads(), Spreads()

    def fated(self, executor: str, word: FateWord, count: int) -> None:
        """`count` fire times of a series have got this fate."""
        self.fates[self._names.label(executor), word.value] += count

    def changed(self, old: Task | None, new: Task | None, ended: RunEnded | None) -> None:
        """One change of a record, with the end of its run, if that is what changed it."""
        if old is None:
            if new is not None:
                self.created[self._names.label(new.executor), "created"] += 1
            return
        if ended is not None:
            self._ended(old, ended)
        if new is None:
            if old.is_terminal:
                self.dropped[(old.status.value,)] += 1
            return
        if new.desired is Desired.CANCELLED and old.desired is not Desired.CANCELLED:
            self.cancels[()] += 1

    def assigned(self, task: Task, since: Instant | None) -> None:
        """The task has got a node; it was due `since`."""
        executor = (self._names.label(task.executor),)
        if task.cause == "retry":
            self.retries[executor] += 1
        if since is not None:
            self.assign[executor].observe(max(0, task.assigned_at - since) / SECOND)

    def moved(self, reason: str) -> None:
        """A run was asked to end so that its task runs elsewhere."""
        self.moves[(reason,)] += 1

    def began(self, task: Task, started_at: Instant, since: Instant) -> None:
        """User code of a run has begun; the task was due `since`."""
        executor = (self._names.label(task.executor),)
        self.start_delay[executor].observe(max(0, started_at - since) / SECOND)
        occurrence = task.series.occurrence if task.series is not None else None
        if occurrence is not None and occurrence.fire_at and not occurrence.attempts:
            late = max(0, started_at - occurrence.fire_at)
            self.lateness[executor].observe(late / SECOND)

    def put(self, sheet: Sheet) -> None:
        """All of it."""
        sheet.put_all("created_total", self.created)
        sheet.put_all("runs_total", self.runs)
        sheet.put_all("retries_total", self.retries)
        sheet.put_all("cancels_total", self.cancels)
        sheet.put_all("moves_total", self.moves)
        sheet.put_all("schedule_fates_total", self.fates)
        sheet.put_all("records_dropped_total", self.dropped)
        sheet.put_all("node_losses_total", self.node_losses)
        sheet.put_all("start_delay_seconds", self.start_delay)
        sheet.put_all("assign_seconds", self.assign)
        sheet.put_all("run_seconds", self.run_seconds)
        sheet.put_all("schedule_lateness_seconds", self.lateness)

    def _ended(self, task: Task, ended: RunEnded) -> None:
        key = (self._names.label(task.executor), ended.outcome.value)
        self.runs[key] += 1
        if ended.started_at:
            self.run_seconds[key].observe(ended.duration_ms / SECOND)


class TaskMetrics:
    """Listens to what is applied, and keeps both. `state` gives the one in force."""

    def __init__(self, names: Names, state: Callable[[], ClusterState]) -> None:
        self._names = names
        self._state = state
        self.counts = TaskCounts(names)
        self.figures = TaskFigures(state())
        self._leads = False
        self._ended: dict[TaskId, RunEnded] = {}  # of the entry in hand
        self.is_rebalancing: Callable[[TaskId], bool] = lambda _: False

    def listen(self, told: Told) -> None:
        """A listener of the pump."""
        match told:
            case Applied():
                self._applied(told)
            case LeadershipChanged():
                self._leads = told.is_leader
            case StateReplaced():
                self.figures.begin(self._state())
            case _:
                pass

    def put(self, sheet: Sheet, at: Instant | None) -> None:
        """What was counted; of a leader the gauges as well, `at` the present of the cluster's clock."""
        self.counts.put(sheet)
        if at is not None:
            self.figures.put(sheet, self._names, at)

    def _applied(self, applied: Applied) -> None:
        for event in applied.events:
            if type(event) is TaskChanged:
                self._task(event.old, event.new, applied.at)
            elif type(event) is RunEnded:
                self._ended[event.task_id] = event
            elif self._leads:
                self._other(event)
        self._ended.clear()

    def _other(self, event: Any) -> None:
        if isinstance(event, Fated):
            self.counts.fated(event.executor, event.fate.word, event.fate.count)
        elif isinstance(event, NodeChanged):
            was_ready = event.old is not None and event.old.status is not NodeStatus.LOST
            if was_ready and event.new is not None and event.new.status is NodeStatus.LOST:
                self.counts.node_losses[()] += 1

    def _task(self, old: Task | None, new: Task | None, at: Instant) -> None:
        ended = self._ended.pop(old.id, None) if old is not None and self._ended else None
        begun = ended is not None and ended.started_at > 0
        since = self.figures.follow(old, new, at, begun=begun)
        if not self._leads:
            return
        counts = self.counts
        counts.changed(old, new, ended)
        if new is not None and new.has_node and _is_another_run(old, new):
            counts.assigned(new, self.figures.overdue.since(new))
        if old is None:
            return
        if new is not None and _is_moving(new) and not _is_moving(old):
            counts.moved(self._why_moved(new))
        started_at = _started_at(old, new, ended)
        if since is not None and started_at:
            counts.began(old, started_at, since)

    def _why_moved(self, task: Task) -> str:
        node = self._state().nodes.get(task.assignment.node) if task.assignment.node else None
        if node is not None and node.drain is not None:
            return "drain"
        return "rebalance" if self.is_rebalancing(task.id) else "operator"


def _started_at(old: Task, new: Task | None, ended: RunEnded | None) -> Instant:
    """When user code began, if the record says so now; the start of a short run is told with its end."""
    if ended is not None:
        return ended.started_at
    is_same = new is not None and new.allocation_id == old.allocation_id
    return new.started_at if is_same and new is not None else 0


def _is_elsewhere(old: Task, new: Task) -> bool:
    """Whether a gauge shows it under another label, or with another cost."""
    return (
        old.status is not new.status
        or old.executor != new.executor
        or old.assignment.code is not new.assignment.code
        or old.policy.cost != new.policy.cost
        or old.end_reason != new.end_reason
    )


def _is_another_run(old: Task | None, new: Task) -> bool:
    return old is None or old.allocation_id != new.allocation_id


def _is_moving(task: Task) -> bool:
    return task.stop_reason is StopReason.MOVE


def _move(counts: Counts, key: tuple[str, ...], change: int) -> None:
    left = counts[key] + change
    if left:
        counts[key] = left
    else:
        counts.pop(key, None)
