"""A leader with a timetable of whole milliseconds, and a book of what became of every fire time it handled (G9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from coordinator.machine import commands as c
from coordinator.model.events import Event, Fated, TaskChanged
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence, Schedule, Series
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Desired, Task

Draw = Callable[[st.SearchStrategy[Any]], Any]
Choose = Callable[[], Assignment]
GRACE = 3
OF_A_WISH = ("paused", "cancelled", "edited", "ended")
FOREVER = 2**60


def fire_times(schedule: Schedule, first: Instant) -> Iterator[Instant]:
    """Multiples of the interval from `first` on, before the end."""
    every = schedule.every_ms
    at = -(-first // every) * every
    while at < (schedule.end or FOREVER):
        yield at
        at += every


def duty(state: ClusterState, at: Instant, draw: Draw, choose: Choose) -> list[c.Command]:
    """What a leader proposes at this moment: of each series that has something due one command."""
    found: list[c.Command] = []
    for task in state.fires_until(at, 10):
        series, schedule = task.series, task.spec.schedule
        assert series is not None
        assert schedule is not None
        if series.needs:
            found.append(_timed(task, schedule, series))
        elif 0 < series.extra_at <= at:
            start = Occurrence("extra", 0, series.extra_at)
            edited = task.edited_revision
            extra = c.FireSchedule(
                task.id, edited, series.extra_at, Firing(), start=start, extra=True
            )
            found.append(extra)
        else:
            found.append(_fired(task, schedule, at, draw, choose))
    for task in state.deadlines_until(at, 10):
        assert task.series is not None
        assert task.series.occurrence is not None
        found.append(c.MissOccurrence(task.id, task.series.occurrence.fire_at))
    return found


def _firing(schedule: Schedule, first: Instant) -> Firing:
    fire_at = next(fire_times(schedule, first), 0)
    return Firing(fire_at, fire_at + schedule.jitter_ms) if fire_at else Firing()


def _timed(task: Task, schedule: Schedule, series: Series) -> c.TimeSeries:
    first = series.since + (series.needs != "first")
    return c.TimeSeries(task.id, task.edited_revision, series.since, 0, _firing(schedule, first))


def _fired(
    task: Task, schedule: Schedule, at: Instant, draw: Draw, choose: Choose
) -> c.FireSchedule:
    """TM-10, spelled out one fire time after the other."""
    series = task.series
    assert series is not None
    handled, edited, jitter = series.next.fire_at, task.edited_revision, schedule.jitter_ms
    if at - series.next.due_at <= GRACE or schedule.count_from != "due":
        following = Firing()
        if schedule.count_from == "due":
            following = _firing(schedule, handled + 1)
        if draw(st.integers(0, 9)) < 2 and schedule.count_from == "due":
            gone = Fate(FateWord.SKIPPED, "blackout", handled, handled)
            return c.FireSchedule(task.id, edited, handled, following, (gone,))
        start = Occurrence("schedule", handled, series.next.due_at)
        chosen = choose()
        return c.FireSchedule(task.id, edited, handled, following, start=start, assignment=chosen)
    times = list(_until(schedule, handled, at - jitter))
    kept = {"once": 1, "all": schedule.max_catch_up, "skip": 0}[schedule.misfire]
    starting = times[len(times) - kept :] if kept else []
    missed = times[: len(times) - len(starting)]
    fates = (
        (Fate(FateWord.MISSED, "misfire", missed[0], missed[-1], len(missed)),) if missed else ()
    )
    begun = [Occurrence("schedule", one, one + jitter) for one in starting]
    return c.FireSchedule(
        task.id,
        edited,
        handled,
        _firing(schedule, times[-1] + 1),
        fates,
        begun[0] if begun else None,
        tuple(begun[1:]),
        late=True,
        assignment=choose() if begun else None,
    )


def _until(schedule: Schedule, first: Instant, last: Instant) -> Iterator[Instant]:
    for one in fire_times(schedule, first):
        if one > last:
            return
        yield one


@dataclass
class Page:
    """Of one series, from its creation to the removal of its record."""

    handled: Counter[Instant] = field(default_factory=Counter)
    fates: dict[Instant, tuple[FateWord, str]] = field(default_factory=dict)
    stored: dict[Instant, Fate] = field(default_factory=dict)
    numbers: dict[int, Instant] = field(default_factory=dict)


class Book:
    """Kept from accepted commands and events alone."""

    def __init__(self) -> None:
        self.pages: dict[TaskId, Page] = {}

    def learn(
        self, command: c.Command, before: Task | None, events: list[Event], at: Instant
    ) -> None:
        """`before`: the record that a firing or an edit found."""
        if isinstance(command, c.UpdateTask) and before is not None:
            self._edited(command, before, at)
        if isinstance(command, c.PauseTask | c.CancelTask) and before is not None:
            self._overtaken(before, at)
        if isinstance(command, c.FireSchedule) and not command.extra and before is not None:
            self._handled(command, before)
        for event in events:
            match event:
                case Fated():
                    self._fated(event, before)
                case TaskChanged(old, None) if old is not None:
                    self.pages.pop(old.id, None)
                case _:
                    pass

    def agree(self, state: ClusterState) -> None:
        """Each fire time that was handled has exactly one fate, or is still open; the ranges are those fates."""
        for task_id, page in self.pages.items():
            task = state.tasks[task_id]
            waiting = _open(task)
            assert len(set(waiting)) == len(waiting), f"{task_id}: {waiting} are open twice"
            assert set(page.handled.values()) <= {1}, f"{task_id}: handled twice: {page.handled}"
            assert not set(waiting) & set(page.fates), f"{task_id}: open, but has its fate"
            assert set(page.handled) == set(waiting) | set(page.fates), f"{task_id}: forgotten"
            self._ranges(page)

    def _ranges(self, page: Page) -> None:
        ranges = [page.stored[first] for first in sorted(page.stored)]
        for one, other in pairwise(ranges):
            assert one.last < other.first, f"{one} and {other} overlap"
        for one in ranges:
            inside = [at for at in page.fates if one.first <= at <= one.last]
            assert len(inside) == one.count, f"{one} holds {sorted(inside)}"
            assert {page.fates[at] for at in inside} == {(one.word, one.reason)}
        assert sum(one.count for one in ranges) == len(page.fates)
        assert sorted(page.numbers) == list(range(1, len(ranges) + 1))
        assert sorted(page.numbers.values()) == sorted(page.stored)

    def _handled(self, command: c.FireSchedule, before: Task) -> None:
        page = self.pages.setdefault(command.task_id, Page())
        schedule = before.spec.schedule
        assert schedule is not None
        for fate in command.fates:
            page.handled.update(_times(fate, schedule))
        started = command.catch_up if command.start is None else (command.start, *command.catch_up)
        page.handled.update(one.fire_at for one in started)

    def _edited(self, command: c.UpdateTask, before: Task, at: Instant) -> None:
        """What was due, and not handled yet, is not withdrawn by another schedule (TM-25)."""
        spec = command.spec
        if spec is not None and _when(spec.schedule) != _when(before.spec.schedule):
            self._overtaken(before, at)

    def _overtaken(self, before: Task, at: Instant) -> None:
        """A wish that came before the leader's word on a fire time that is due leaves it its fate."""
        series = before.series
        if series is None or series.needs or before.desired is not Desired.RUNNING:
            return
        if 0 < series.next.due_at <= at:
            self.pages.setdefault(before.id, Page()).handled[series.next.fire_at] += 1

    def _fated(self, event: Fated, before: Task | None) -> None:
        page = self.pages.setdefault(event.task_id, Page())
        schedule = before.spec.schedule if before is not None else None
        for at in _times(event.fate, schedule):
            assert at not in page.fates, f"{event.task_id}: {at} has a second fate, {event.fate}"
            if event.fate.reason in OF_A_WISH and at not in page.handled:
                page.handled[at] = 1  # the wish came before the leader's word
            page.fates[at] = (event.fate.word, event.fate.reason)
        page.stored[event.stored.first] = event.stored
        page.numbers[event.number] = event.stored.first


def _when(schedule: Schedule | None) -> tuple[int, ...]:
    """All that says when the fire times drawn here are; nothing else of an edit decides one that is due."""
    if schedule is None:
        return ()
    counts = ("due", "start", "end").index(schedule.count_from)
    return schedule.every_ms, schedule.end, counts, schedule.jitter_ms


def _times(fate: Fate, schedule: Schedule | None) -> list[Instant]:
    """Only the leader tells of several at once, by the schedule in force."""
    if fate.count == 1:
        assert fate.first == fate.last
        return [fate.first]
    assert schedule is not None
    times = list(range(fate.first, fate.last + 1, schedule.every_ms))
    assert len(times) == fate.count
    return times


def _open(task: Task) -> list[Instant]:
    series = task.series
    if series is None:
        return []
    pending = series.occurrence
    found = [one.fire_at for one in series.queue]
    if pending is not None and not pending.placed:
        found.append(pending.fire_at)
    return [at for at in found if at]
