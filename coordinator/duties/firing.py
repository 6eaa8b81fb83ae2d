"""Fire times that have come, series that wait to be told what comes next, occurrences that are too late (TM-5, TM-6).

The only place that evaluates timetables. What is found goes into commands; the record refuses what it has had already,
so a leader that repeats another's work does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from coordinator.duties.agenda import Agenda, Freshness, Item
from coordinator.duties.due import Places
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import (
    Command,
    FireSchedule,
    MissOccurrence,
    TimeSeries,
)
from coordinator.machine.firing import misfire_grace
from coordinator.machine.series_commands import TimetableWord
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant, Now
from coordinator.model.schedules import Firing, Occurrence, Schedule, Series
from coordinator.model.tasks import Desired, Status, Task
from coordinator.timetable.firing import edited, first_firing, resumed
from coordinator.timetable.misfires import Plan, plan

BATCH = 500
EFFORT = 500  # stretches of late fire times looked at in one turn; one series alone may take more
EFFORT_ASKED = 10 * EFFORT  # of series whose fire times a wish takes away: it waits for the rest


def fire_due(
    view: LeaderView, now: Now, asked: frozenset[TaskId] = frozenset(), *, others: bool = True
) -> Agenda:
    """One decision for each series that has something due and none under way, `asked` before the `others`.

    What would take too long at once is left for the next turn.
    """
    state, at = view.state, view.time(now)
    places = Places(view, now)
    items = _decided(state.fires_among(asked, at), view, at, places, EFFORT_ASKED)
    decided = {task_id for item in items for task_id in item.tasks}
    if others:
        rest = [task for task in state.fires_until(at, BATCH) if task.id not in decided]
        items += _decided(rest, view, at, places, EFFORT)
        decided |= {task_id for item in items for task_id in item.tasks}
    for task in state.deadlines_until(at, BATCH):
        is_meant = others or task.id in asked
        if is_meant and task.id not in view.busy and task.id not in decided:
            items += _missed(task)
    nxt = state.next_fire()
    return Agenda(tuple(items), None if nxt is None else view.steady_of(nxt, now))


def _decided(
    tasks: Iterable[Task], view: LeaderView, at: Instant, places: Places, effort: int
) -> list[Item]:
    found: list[Item] = []
    for task in tasks:
        if effort <= 0:
            break
        if task.id in view.busy:
            continue
        item, looked = _next(task, view, at, places)
        effort -= looked
        if item is not None:
            found.append(item)
    return found


def all_due(
    view: LeaderView, told: Mapping[TaskId, TimetableWord | None], at: Instant
) -> tuple[list[Item], frozenset[TaskId]]:
    """All that is due by `at` of these series, each after what is `told` of it last: it cannot be said later (G9).

    In their order, up to where it takes too long; those from there on come second. Places are not looked for: what
    begins has none yet.
    """
    found: list[Item] = []
    effort = EFFORT_ASKED
    due = {task.id: task for task in view.state.fires_among(told, at)}
    open_ones = [task_id for task_id in told if task_id in due]
    for place, task_id in enumerate(open_ones):
        for command, looked in _further(due[task_id], view, told[task_id], at):
            fresh = _fresh(
                command, view, due[task_id]
            )  # on slow disks it may not be in the next entry
            found.append(Item(command, (), (task_id,), fresh))
            effort -= looked
            if effort <= 0:
                return found, frozenset(open_ones[place:])
    return found, frozenset()


def _further(
    task: Task, view: LeaderView, told: TimetableWord | None, at: Instant
) -> Iterator[tuple[TimetableWord, int]]:
    """Those that are not late are decided one by one, and the record lets each overlap the one before as it has to."""
    series, schedule = task.series, task.spec.schedule
    if series is None or schedule is None or task.desired is not Desired.RUNNING:
        return
    if told is None and series.needs:
        told = _timed(task, schedule, series)
        yield told, 1
    if isinstance(told, TimeSeries):
        series = replace(series, anchor=told.anchor, next=told.next)
    elif told is not None:
        series = replace(series, next=told.next)
    grace = misfire_grace(schedule, view.state.settings)
    while (found := plan(schedule, task.id, series, at, grace)) is not None:
        yield _fires(task, found, is_late=at - series.next.due_at > grace), found.stretches
        series = replace(series, next=found.next)


def _next(task: Task, view: LeaderView, at: Instant, places: Places) -> tuple[Item | None, int]:
    """What is to be said of this series, and how many stretches had to be looked at for it."""
    series, schedule = task.series, task.spec.schedule
    if series is None or schedule is None:
        return None, 0
    if series.needs:
        return Item(_timed(task, schedule, series), (), (task.id,)), 1
    if 0 < series.extra_at <= at:
        start = Occurrence("extra", 0, series.extra_at)
        command = FireSchedule(
            task.id, task.edited_revision, series.extra_at, Firing(), start=start, extra=True
        )
        return _placed(command, task, places), 1
    grace = misfire_grace(schedule, view.state.settings)
    found = plan(schedule, task.id, series, at, grace)
    if found is None:
        return None, 1
    command = _fires(task, found, is_late=at - series.next.due_at > grace)
    item = _placed(command, task, places)
    return replace(item, fresh=_fresh(item.command, view, task)), found.stretches


def _fires(task: Task, found: Plan, *, is_late: bool) -> FireSchedule:
    return FireSchedule(
        task.id,
        task.edited_revision,
        found.handled,
        found.next,
        found.fates,
        found.start,
        found.catch_up,
        late=is_late,
    )


def _fresh(command: Command, view: LeaderView, task: Task) -> Freshness | None:
    """On time as decided, too late when the disks let it wait: then it is what is done with those that are late (TM-10)."""
    schedule = task.spec.schedule
    if schedule is None or not isinstance(command, FireSchedule) or command.start is None:
        return None
    if command.late and schedule.misfire != "skip":
        return None
    grace = misfire_grace(schedule, view.state.settings)

    def decide_again(at: Instant) -> FireSchedule:
        current = view.state.tasks.get(task.id)
        series = current.series if current is not None else None
        if current is None or series is None or not _is_next(command, current, series):
            return command  # which the record refuses
        found = plan(schedule, task.id, series, at, grace)
        if found is None:
            return command
        assignment = command.assignment if found.start is not None else None
        is_late = at - series.next.due_at > grace
        return replace(_fires(current, found, is_late=is_late), assignment=assignment)

    return Freshness(command.start.due_at + grace, decide_again)


def _is_next(command: FireSchedule, task: Task, series: Series) -> bool:
    """Whether the record would still take this command for its next fire time."""
    is_same = command.handled == series.next.fire_at and command.edited == task.edited_revision
    return is_same and not series.needs


def _timed(task: Task, schedule: Schedule, series: Series) -> TimeSeries:
    anchor, firing = _first(task, schedule, series)
    return TimeSeries(task.id, task.edited_revision, series.since, anchor, firing)


def _first(task: Task, schedule: Schedule, series: Series) -> tuple[Instant, Firing]:
    """Anchor and next fire time of a series that is new, or was resumed or edited (TM-17, TM-25, TM-27)."""
    if series.needs == "first" or not series.anchor:
        due_at = series.first_at or task.spec.due_at or 0
        return first_firing(schedule, task.id, series.since, due_at)
    if series.needs == "resumed":
        return series.anchor, resumed(schedule, task.id, series, series.since)
    return edited(schedule, task.id, series, series.since)


def _placed(command: FireSchedule, task: Task, places: Places) -> Item:
    """With a place for what begins at once, if there is one."""
    start, series = command.start, task.series
    if start is None or series is None or series.occurrence is not None:
        return Item(command, (), (task.id,))
    due = replace(task, status=Status.UNASSIGNED, due_at=start.due_at)
    assignment, claims = places.place(due)
    return Item(replace(command, assignment=assignment), claims, (task.id,))


def _missed(task: Task) -> Iterator[Item]:
    pending = task.series.occurrence if task.series is not None else None
    if pending is not None and not task.has_node:
        yield Item(MissOccurrence(task.id, pending.fire_at), (), (task.id,))
