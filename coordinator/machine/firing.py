"""Fire times come: they start an occurrence, are held back, or skipped, each with its one fate (TM-5 to TM-12, TM-29)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.assign import assigned
from coordinator.machine.commands import FireSchedule, MissOccurrence, RunNow, TimeSeries
from coordinator.machine.fates import awaits_the_leader, is_too_late, skipped, with_fate
from coordinator.machine.fit import demand_of, still_fits
from coordinator.machine.leaving import RUN_NOW
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import already_finished, finished, not_found, revision_mismatch
from coordinator.machine.series import SCHEDULE_ENDED, is_exhausted, next_after
from coordinator.machine.stopping import ask_to_stop
from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate, FateWord, Occurrence, Series
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
    return _put(state, _over_or_idle(state, replace(task, series=series)))


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
        task = _hold(task, later)
    return _put(state, _over_or_idle(state, task))


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
    return _put(state, _next_held(state, task))


def run_now(state: ClusterState, command: RunNow) -> Outcome:
    """Never fails silently, and never moves the next fire time (TM-29)."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if command.if_revision and command.if_revision != task.revision:
        return revision_mismatch(task)
    if task.is_terminal or task.desired is Desired.CANCELLED:
        return already_finished(task)
    if not state.settings.assignment_enabled:
        return Refused(Refusal.PAUSED, _who_disabled(state), task.allocation_id)
    if task.has_node:
        return _run_again(state, task, command)
    if task.series is None:
        return _one_off_now(state, task, command)
    if task.series.occurrence is None:
        return _put(
            state, _begin(state, task, task.series, _manual(state, task), command.assignment)
        )
    if task.status is Status.UNASSIGNED:  # due already: it has no place yet
        return Accepted(task.id, task.allocation_id, unchanged=True)
    again = _unassigned(task, task.due_at)  # it waits for its next attempt
    return _put(state, _with_choice(state, again, command.assignment))


def fallen_due(state: ClusterState, task: Task) -> Task:
    """The record to be edited: the fire time that is due, but not handled yet, starts by the schedule it had (TM-25)."""
    series = task.series
    if series is None or not awaits_the_leader(state, task):
        return task
    at = series.next.fire_at
    task = replace(task, series=replace(series, handled=at))
    start = Occurrence("schedule", at, series.next.due_at)
    alone = FireSchedule(task.id, task.edited_revision, at, series.next, start=start)
    return _occur(state, task, task.series or series, start, alone)


def _occur(
    state: ClusterState, task: Task, series: Series, occurrence: Occurrence, command: FireSchedule
) -> Task:
    """A time to run has come. By the overlap policy if the one before is not over (TM-12)."""
    current, schedule = series.occurrence, task.spec.schedule
    if current is None:
        return _begin(state, task, series, occurrence, command.assignment)
    overlap = schedule.overlap if schedule is not None else "skip"
    if command.extra or (command.late and schedule is not None and schedule.misfire == "all"):
        return _hold(task, occurrence)
    is_held = any(one.fire_at for one in series.queue)
    if overlap == "replace":
        return _replaced(state, task, series, occurrence)
    if overlap == "queue_one" and not is_held:
        return _hold(task, occurrence)
    return replace(task, series=skipped(state, task, series, occurrence, "overlap"))


def _begin(
    state: ClusterState,
    task: Task,
    series: Series,
    occurrence: Occurrence,
    chosen: Assignment | None,
) -> Task:
    """The occurrence is the present one, with the leader's choice of a node if that holds."""
    task = replace(task, series=replace(series, occurrence=occurrence), cause=occurrence.cause)
    task = _unassigned(task, occurrence.due_at)
    if is_too_late(task, occurrence, state.at):
        return task
    return _with_choice(state, task, chosen)


def _with_choice(state: ClusterState, task: Task, chosen: Assignment | None) -> Task:
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


def _unassigned(task: Task, due_at: int) -> Task:
    return replace(
        task, status=Status.UNASSIGNED, assignment=Assignment(), wake_at=0, due_at=due_at
    )


def _hold(task: Task, occurrence: Occurrence) -> Task:
    series = task.series
    if series is None:
        return task
    return replace(task, series=replace(series, queue=(*series.queue, occurrence)))


def _replaced(state: ClusterState, task: Task, series: Series, occurrence: Occurrence) -> Task:
    """The new one in the place of the current one, which is stopped first if it runs, and of what was held back."""
    for held in series.queue:
        series = skipped(state, task, series, held, "overlap")
    asked_for = tuple(one for one in series.queue if not one.fire_at)  # nobody takes those back
    current = series.occurrence
    if current is not None and not task.has_node:
        series = skipped(state, task, series, current, "overlap")
        return _begin(state, task, replace(series, queue=asked_for), occurrence, None)
    if current is not None:
        series = replace(series, occurrence=replace(current, replaced=True))
    task = replace(task, series=replace(series, queue=(*asked_for, occurrence)))
    ask_to_stop(state, task, StopReason.REPLACE)
    return state.tasks[task.id]


def _run_again(state: ClusterState, task: Task, command: RunNow) -> Outcome:
    """It has a node: once more afterwards, or in its place."""
    if not command.queue and not command.replace:
        detail = f"run {task.allocation_id} is {task.status} on {task.assignment.node}"
        return Refused(Refusal.ALREADY_RUNNING, detail, task.allocation_id)
    wanted = _with_another_run(state, task, first=command.replace)
    if command.replace:
        return ask_to_stop(state, wanted, StopReason.REPLACE, command.reason)
    if wanted == task:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    return _put(state, wanted)


def _with_another_run(state: ClusterState, task: Task, *, first: bool) -> Task:
    """One more run after the present one, however often it is asked for; `first`: in its place, before what is held."""
    series = task.series
    if series is None:
        return replace(task, run_again=True)
    held = [one for one in series.queue if one.cause == RUN_NOW]
    if not first:
        return task if held else _hold(task, _manual(state, task))
    others = tuple(one for one in series.queue if one.cause != RUN_NOW)
    occurrence = series.occurrence
    if occurrence is not None:
        occurrence = replace(occurrence, replaced=True)
    queue = (*(held or [_manual(state, task)]), *others)
    return replace(task, series=replace(series, occurrence=occurrence, queue=queue))


def _manual(state: ClusterState, task: Task) -> Occurrence:
    return Occurrence(RUN_NOW, 0, state.at, while_paused=task.desired is Desired.PAUSED)


def _last_handled(command: FireSchedule) -> Instant:
    """The newest of the fire times that this command says something of."""
    fired = [one.fire_at for one in _started(command)] + [fate.last for fate in command.fates]
    return max([command.handled, *fired])


def _started(command: FireSchedule) -> tuple[Occurrence, ...]:
    return command.catch_up if command.start is None else (command.start, *command.catch_up)


def _one_off_now(state: ClusterState, task: Task, command: RunNow) -> Outcome:
    if task.desired is Desired.PAUSED:
        return Refused(Refusal.PAUSED, "the task is paused: resume it", task.allocation_id)
    if task.assignment.code is Code.DEPENDENCY:
        return Refused(Refusal.PAUSED, "it waits for other tasks", task.allocation_id)
    if task.status is Status.UNASSIGNED:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    due_at = min(task.due_at, state.at) if task.due_at else task.due_at
    now = replace(_unassigned(task, due_at), cause=RUN_NOW)
    return _put(state, _with_choice(state, now, command.assignment))


def _next_held(state: ClusterState, task: Task) -> Task:
    """No occurrence is left: the first one that was held back, or wait for the next fire time."""
    series = task.series
    if series is None:
        return task
    if series.queue:
        first, rest = series.queue[0], series.queue[1:]
        return _begin(state, task, replace(series, queue=rest), first, None)
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


def _who_disabled(state: ClusterState) -> str:
    found = state.settings.values.get("assignment.enable")
    by = f" by {found.by}" if found is not None and found.by else ""
    return f"assignment is switched off{by}"


def _stale(task: Task) -> Refused:
    return Refused(Refusal.CHOICE_STALE, f"the task is {task.status}", task.allocation_id)


def _put(state: ClusterState, task: Task) -> Accepted:
    stored = replace(task, updated_at=state.at, revision=state.revision)
    if stored != state.tasks[task.id]:  # else the stop that it takes was all
        state.put_task(stored)
    return Accepted(task.id, task.allocation_id)
