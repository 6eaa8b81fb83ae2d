"""One recurring task `t` on node n1, whose leader is the test: it says when fire times are and what becomes of them."""

from __future__ import annotations

from typing import Any

from coordinator.machine.commands import FireSchedule, RunNow, StartRun, TimeSeries, UpdateTask
from coordinator.model.events import Fated, RunEnded
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence, Schedule, Series
from coordinator.model.tasks import Assignment, Code, Policy, RunOutcome, Task, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, on

T = TaskId("t")
EVERY = 30_000
WAITS = Assignment(code=Code.NO_CAPACITY, explanation="n1")
STARTED, SKIPPED, MISSED = FateWord.STARTED, FateWord.SKIPPED, FateWord.MISSED


def nth(k: int) -> Instant:
    """The k-th fire time, from 0."""
    return AT + k * EVERY


class Recurring(World):
    """`due` is what comes next; fire times are `nth(0)`, `nth(1)`, ... unless a test says otherwise."""

    def __init__(
        self, policy: Policy | None = None, *, timed: bool = True, **schedule: Any
    ) -> None:
        super().__init__()
        self.accept(join())
        spec = TaskSpec(schedule=Schedule(**({"every_ms": EVERY} | schedule)))
        self.accept(create(spec=spec, policy=policy or Policy(), assignment=Assignment()))
        if timed:
            self.time(nth(0))

    @property
    def series(self) -> Series:
        series = self.task().series
        assert series is not None
        return series

    @property
    def occurrence(self) -> Occurrence:
        occurrence = self.series.occurrence
        assert occurrence is not None
        return occurrence

    @property
    def held(self) -> list[Instant]:
        return [one.fire_at for one in self.series.queue]

    @property
    def fates(self) -> list[tuple[FateWord, str, Instant]]:
        """Every fate so far, ranges by their first."""
        return [(f.word, f.reason, f.first) for f in map(_fate, self.state.events) if f is not None]

    @property
    def stored(self) -> list[Fate]:
        """The ranges as a reader finds them: each under its first, the newest word of it."""
        ranges = {e.stored.first: e.stored for e in self.state.events if isinstance(e, Fated)}
        return [ranges[first] for first in sorted(ranges)]

    @property
    def ends(self) -> list[tuple[RunOutcome, str]]:
        return [(e.outcome, e.reason) for e in self.state.events if isinstance(e, RunEnded)]

    def time(self, next_at: Instant, anchor: Instant = AT) -> None:
        task = self.task()
        said = TimeSeries(
            T, task.edited_revision, self.series.since, anchor, Firing(next_at, next_at)
        )
        self.accept(said)

    def firing(self, next_at: Instant | None = None, **more: Any) -> FireSchedule:
        """The command for the fire time that is next: it starts, on n1, unless said otherwise."""
        due = self.series.next
        following = due.fire_at + EVERY if next_at is None else next_at
        start = Occurrence("schedule", due.fire_at, due.due_at)
        found: dict[str, Any] = {"handled": due.fire_at, "start": start, "assignment": on(), **more}
        edited = self.task().edited_revision
        return FireSchedule(T, edited, next=Firing(following, following), **found)

    def fire(self, next_at: Instant | None = None, **more: Any) -> Task:
        """The next fire time comes: the clock goes there unless it is past it."""
        self.at = max(self.at, self.series.next.due_at)
        self.accept(self.firing(next_at, **more))
        return self.task()

    def begin(self) -> None:
        task = self.task()
        incarnation = task.assignment.incarnation
        assert incarnation is not None
        self.accept(StartRun(T, task.allocation_id, incarnation, self.at))

    def succeed(self, **more: Any) -> Task:
        self.end("t", RunOutcome.SUCCEEDED, **more)
        return self.task()

    def fail(self, **more: Any) -> Task:
        self.end("t", RunOutcome.FAILED, **more)
        return self.task()

    def run_now(self, **more: Any) -> Task:
        self.accept(RunNow(T, **more))
        return self.task()

    def edit(self, schedule: Schedule | None, **more: Any) -> Task:
        edited = self.task().edited_revision
        spec = TaskSpec(schedule=schedule, **more)
        self.accept(UpdateTask(T, edited, spec=spec, policy=Policy()))
        return self.task()


def _fate(event: object) -> Fate | None:
    return event.fate if isinstance(event, Fated) else None
