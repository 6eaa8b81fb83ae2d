"""Fire times come: they start an occurrence, are held back, or skipped, each with its one fate (TM-5 to TM-12)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.assign import assigned
from coordinator.machine.commands import FireSchedule, MissOccurrence, TimeSeries
from coordinator.machine.fates import awaits_the_leader, is_too_late, skipped, with_fate
from coordinator.machine.fit import demand_of, still_fits
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import finished, not_found
from coordinator.machine.series import SCHEDULE_ENDED, is_exhausted, next_after
from coordinator.machine.stopping import ask_to_stop
from coordinator.model.instants import Instant, Millis
from coordinator.model.schedules import Fate, FateWord, Occurrence, Schedule, Series
from coordinator.model.settings import Settings
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, Status, StopReason, Task


def time_series(state: ClusterState, command: TimeSeries) -> Outcome:
    """The leader has said what comes next of a series that is new, was resumed or edited."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    series = task.series
    current = series is not None and bool(series.needs) and series.since == command.since
    if series is None or task.is_terminal or not current or command.edited != task.edited_revision:
        return _stale(task)
    series = replace(series, anchor=command.anchor, next=command.next, needs="", first_at=0)
    return put(state, _over_or_idle(state, replace(task, series=series)))


def fire_schedule(state: ClusterState, command: FireSchedule) -> Outcome:
    """No fire time is handled twice, whoever leads: the record says which one is next."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    series = task.series
    if series is None or task.is_terminal or task.desired is not Desired.RUNNING:
        return _stale(task)
    expected = series.extra_at if command.extra else series.next.fire_at
    is_current = expected and command.handled == expected and not series.needs
    if not is_current or command.edited != task.edited_revision:
        return _stale(task)
    started = _started(command)
    for fate in command.fates:
        if any(series.latest < one.fire_at < fate.first for one in started):
            series = replace(series, last_fate=None)  # it parts ranges before it has its own fate
        series = with_fate(state, task, series, fate)
    if command.extra:
        series = replace(series, extra_at=0)
    else:
        series = replace(series, next=command.next, handled=_last_handled(command))
    task = replace(task, series=series)
    if command.start is not None:
        task = _occur(state, task, series, command.start, command)
    for later in command.catch_up:
        task = hold(task, later)
    return put(state, _over_or_idle(state, _bounded(state, task)))


def miss_occurrence(state: ClusterState, command: MissOccurrence) -> Outcome:
    """It is too late to start it. A run that has a place goes on, however long its start takes."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    series, schedule = task.series, task.spec.schedule
    pending = series.occurrence if series is not None else None
    if series is None or schedule is None or pending is None or task.has_node:
        return _stale(task)
    if pending.fire_at != command.fire_at or not is_too_late(task, pending, state.at):
        return _stale(task)
    at = pending.fire_at
    following = next_after(task, series, state.at)
    series = with_fate(state, task, series, Fate(FateWord.MISSED, "start_deadline", at, at))
    task = replace(task, series=replace(series, occurrence=None, next=following))
    return put(state, _next_held(state, task))


def fallen_due(state: ClusterState, task: Task) -> Task:
    """The record to be edited: the fire time that is due, but not handled yet, starts by the schedule it had (TM-25)."""
    series, schedule = task.series, task.spec.schedule
    if series is None or schedule is None or not awaits_the_leader(state, task):
        return task
    at, due_at = series.next.fire_at, series.next.due_at
    series = replace(series, handled=at)
    is_late = state.at - due_at > misfire_grace(schedule, state.settings)
    if is_late and schedule.misfire == "skip":
        series = with_fate(state, task, series, Fate(FateWord.MISSED, "misfire", at, at))
        return replace(task, series=series)
    start, edited = Occurrence("schedule", at, due_at), task.edited_revision
    alone = FireSchedule(task.id, edited, at, series.next, start=start, late=is_late)
    return _occur(state, replace(task, series=series), series, start, alone)


def misfire_grace(schedule: Schedule, settings: Settings) -> Millis:
    """How late a fire time may be handled without being late (TM-10)."""
    own = schedule.misfire_grace_ms
    return own if own >= 0 else settings.millis("schedule.misfire_grace")


def _occur(
    state: ClusterState, task: Task, series: Series, occurrence: Occurrence, command: FireSchedule
) -> Task:
    """A time to run has come. By the overlap policy if the one before is not over (TM-12)."""
    current, schedule = series.occurrence, task.spec.schedule
    if current is None:
        return begin(state, task, series, occurrence, command.assignment)
    overlap = schedule.overlap if schedule is not None else "skip"
    if command.extra or (command.late and schedule is not None and schedule.misfire == "all"):
        return hold(task, occurrence)
    is_held = any(one.fire_at for one in series.queue)
    if overlap == "replace":
        return _replaced(state, task, series, occurrence)
    if overlap == "queue_one" and not is_held:
        return hold(task, occurrence)
    return replace(task, series=skipped(state, task, series, occurrence, "overlap"))


def begin(
    state: ClusterState,
    task: Task,
    series: Series,
    occurrence: Occurrence,
    chosen: Assignment | None,
) -> Task:
    """The occurrence is the present one, with the leader's choice of a node if that holds."""
    task = replace(task, series=replace(series, occurrence=occurrence), cause=occurrence.cause)
    task = unassigned(task, occurrence.due_at)
    if is_too_late(task, occurrence, state.at):
        return task
    return with_choice(state, task, chosen)


def with_choice(state: ClusterState, task: Task, chosen: Assignment | None) -> Task:
    """On the node that the leader chose, or unassigned with the reason."""
    if chosen is None:
        return task
    if chosen.node is None:
        return replace(task, assignment=chosen)
    objection = still_fits(state, chosen, demand_of(task))
    if objection is None:
        return assigned(state, task, chosen)
    why = Assignment(code=objection.code, explanation=objection.text)
    return replace(task, assignment=why)


def unassigned(task: Task, due_at: int) -> Task:
    """The record without a node that wants one, due since then."""
    return replace(
        task, status=Status.UNASSIGNED, assignment=Assignment(), wake_at=0, due_at=due_at
    )


def hold(task: Task, occurrence: Occurrence) -> Task:
    """The record with one more occurrence behind the present one."""
    series = task.series
    if series is None:
        return task
    return replace(task, series=replace(series, queue=(*series.queue, occurrence)))


def _bounded(state: ClusterState, task: Task) -> Task:
    """Never more held back than may be caught up with, over however many outages: the newest of them (TM-10)."""
    series, schedule = task.series, task.spec.schedule
    if series is None or schedule is None or len(series.queue) <= schedule.max_catch_up:
        return task
    fired = [one.fire_at for one in series.queue if one.fire_at]
    dropped = fired[: max(0, len(fired) - schedule.max_catch_up)]
    gone = frozenset(dropped)
    kept = tuple(one for one in series.queue if one.fire_at not in gone)
    series = replace(series, queue=kept)
    for at in dropped:
        series = with_fate(state, task, series, Fate(FateWord.MISSED, "misfire", at, at))
    return replace(task, series=series)


def _replaced(state: ClusterState, task: Task, series: Series, occurrence: Occurrence) -> Task:
    """The new one in the place of the current one, which is stopped first if it runs, and of what was held back."""
    for held in series.queue:
        series = skipped(state, task, series, held, "overlap")
    asked_for = tuple(one for one in series.queue if not one.fire_at)  # nobody takes those back
    current = series.occurrence
    if current is not None and not task.has_node:
        series = skipped(state, task, series, current, "overlap")
        asked = current.asked or not current.fire_at  # then a run is wanted all the same (TM-29)
        occurrence = replace(occurrence, asked=asked)
        return begin(state, task, replace(series, queue=asked_for), occurrence, None)
    if current is not None:
        series = replace(series, occurrence=replace(current, replaced=True))
    task = replace(task, series=replace(series, queue=(*asked_for, occurrence)))
    ask_to_stop(state, task, StopReason.REPLACE)
    return state.tasks[task.id]


def _last_handled(command: FireSchedule) -> Instant:
    """The newest of the fire times that this command says something of."""
    fired = [one.fire_at for one in _started(command)] + [fate.last for fate in command.fates]
    return max([command.handled, *fired])


def _started(command: FireSchedule) -> tuple[Occurrence, ...]:
    return command.catch_up if command.start is None else (command.start, *command.catch_up)


def _next_held(state: ClusterState, task: Task) -> Task:
    """No occurrence is left: the first one that was held back, or wait for the next fire time."""
    series = task.series
    if series is None:
        return task
    if series.queue:
        first, rest = series.queue[0], series.queue[1:]
        return begin(state, task, replace(series, queue=rest), first, None)
    why, due_at = Assignment(code=Code.NOT_DUE), series.next.due_at
    task = replace(task, status=Status.WAITING, assignment=why, wake_at=0, due_at=due_at)
    return _over_or_idle(state, task)


def _over_or_idle(state: ClusterState, task: Task) -> Task:
    """A series of which nothing is left ends (TM-16); one that waits shows when it is due."""
    series = task.series
    if series is None or task.has_node or series.occurrence is not None:
        return task
    if is_exhausted(series) and task.desired is Desired.RUNNING:
        over = Assignment(code=Code.FINISHED)
        task = replace(task, assignment=over, end_reason=SCHEDULE_ENDED)
        return finished(state, task, Status.SUCCEEDED)
    return replace(task, due_at=series.next.due_at)


def _stale(task: Task) -> Refused:
    return Refused(Refusal.CHOICE_STALE, f"the task is {task.status}", task.allocation_id)


def put(state: ClusterState, task: Task) -> Accepted:
    """Store the record, changed now."""
    stored = replace(task, updated_at=state.at, revision=state.revision)
    if stored != state.tasks[task.id]:  # else the stop that it takes was all
        state.put_task(stored)
    return Accepted(task.id, task.allocation_id)
