"""A task runs once as soon as there is room, whatever its time (TM-29)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import RunNow
from coordinator.machine.firing import begin, hold, put, unassigned, with_choice
from coordinator.machine.leaving import RUN_NOW
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import already_finished, not_found, revision_mismatch
from coordinator.machine.stopping import ask_to_stop
from coordinator.model.pauses import since, worded
from coordinator.model.schedules import Occurrence, Series
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Code, Desired, Status, StopReason, Task


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
    if (pause := state.paused_executors.get(task.executor)) is not None:
        return Refused(Refusal.PAUSED, pause.told(task.executor), task.allocation_id)
    if task.has_node:
        return _run_again(state, task, command)
    if task.series is None:
        return _one_off_now(state, task, command)
    if task.series.occurrence is None:
        return put(state, begin(state, task, task.series, _manual(state, task), command.assignment))
    asked = _asked_for(task, task.series, task.series.occurrence)
    if task.status is Status.UNASSIGNED:  # due already: it has no place yet
        return put(state, asked) if asked != task else _unchanged(task)
    again = unassigned(asked, task.due_at)  # it waits for its next attempt
    return put(state, with_choice(state, again, command.assignment))


def _asked_for(task: Task, series: Series, pending: Occurrence) -> Task:
    """The record whose pending occurrence is the run that is wanted, however long it waits for a place."""
    if not pending.fire_at:  # it is somebody's wish already
        return task
    return replace(task, series=replace(series, occurrence=replace(pending, asked=True)))


def _unchanged(task: Task) -> Accepted:
    return Accepted(task.id, task.allocation_id, unchanged=True)


def _one_off_now(state: ClusterState, task: Task, command: RunNow) -> Outcome:
    if task.desired is Desired.PAUSED:
        return _resume_it(task)
    if task.assignment.code is Code.DEPENDENCY:
        return Refused(Refusal.PAUSED, "it waits for other tasks", task.allocation_id)
    if task.status is Status.UNASSIGNED:
        return _unchanged(task)
    is_held = task.assignment.code is Code.HELD_FOR_NODE  # due since before (PT-72)
    due_at = min(task.due_at, state.at) if is_held else state.at
    now = replace(unassigned(task, due_at), cause=RUN_NOW)
    return put(state, with_choice(state, now, command.assignment))


def _resume_it(task: Task) -> Refused:
    return Refused(Refusal.PAUSED, "the task is paused: resume it", task.allocation_id)


def _run_again(state: ClusterState, task: Task, command: RunNow) -> Outcome:
    """It has a node: once more afterwards, or in its place."""
    if not command.queue and not command.replace:
        detail = f"run {task.allocation_id} is {task.status} on {task.assignment.node}"
        return Refused(Refusal.ALREADY_RUNNING, detail, task.allocation_id)
    if task.series is None and task.desired is Desired.PAUSED:  # this run is its last
        return _resume_it(task)
    wanted = _with_another_run(state, task, first=command.replace)
    if command.replace:
        return ask_to_stop(state, wanted, StopReason.REPLACE, command.reason)
    if wanted == task:
        return _unchanged(task)
    return put(state, wanted)


def _with_another_run(state: ClusterState, task: Task, *, first: bool) -> Task:
    """One more run after the present one, however often it is asked for; `first`: in its place, before what is held."""
    series = task.series
    if series is None:
        return replace(task, run_again=True)
    held = [one for one in series.queue if one.cause == RUN_NOW]
    if not first:
        return task if held else hold(task, _manual(state, task))
    others = tuple(one for one in series.queue if one.cause != RUN_NOW)
    occurrence = series.occurrence
    if occurrence is not None:
        occurrence = replace(occurrence, replaced=True)
    queue = (*(held or [_manual(state, task)]), *others)
    return replace(task, series=replace(series, occurrence=occurrence, queue=queue))


def _manual(state: ClusterState, task: Task) -> Occurrence:
    return Occurrence(RUN_NOW, 0, state.at, while_paused=task.desired is Desired.PAUSED)


def _who_disabled(state: ClusterState) -> str:
    found = state.settings.values["assignment.enable"]
    return f"assignment is switched off{worded(found.by, found.reason)} since {since(found.at)}"
