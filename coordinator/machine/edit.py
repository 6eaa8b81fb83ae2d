"""Edits by callers: params, spec, state. An edit and the end of a run commute; neither fails because of the other (PT-11)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import UpdateTask
from coordinator.machine.create import records_full
from coordinator.machine.dependencies import refuse_schedule
from coordinator.machine.fates import withdrawn
from coordinator.machine.firing import fallen_due
from coordinator.machine.leaving import RUN_NOW
from coordinator.machine.marks import OPERATOR, marked
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import already_finished, not_found, revision_mismatch
from coordinator.machine.report import state_too_large
from coordinator.machine.series import rescheduled
from coordinator.machine.stopping import ask_to_stop
from coordinator.model.concurrency import TaskLimit
from coordinator.model.ids import NO_ALLOCATION
from coordinator.model.schedules import Occurrence, Schedule, Series, same_times
from coordinator.model.state import ClusterState
from coordinator.model.tasks import (
    OF_A_RUN,
    Assignment,
    Code,
    Policy,
    Status,
    StopReason,
    Task,
    TaskSpec,
)

FIXED = ("parent", "headers", "after", "until", "on_dependency_failure", "dedup_key")  # no edit


def update_task(state: ClusterState, command: UpdateTask) -> Outcome:
    """In any status but a terminal one, which only a state may still be given to (PT-27, PT-33)."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    refused = _refuse(state, task, command) or _too_large(state, task, command)
    if refused is not None:
        return refused
    edited = _with_intent(state, task, command)
    if edited != task:
        set_by = marked(task.set_by, command.origin or OPERATOR, _groups(task, edited))
        edited = replace(edited, edited_revision=state.revision, set_by=set_by)
    if command.has_state:
        edited = _with_state(edited, command)
    if command.restart and task.has_node:
        return ask_to_stop(state, edited, StopReason.REPLACE, command.reason)
    if edited == task:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    state.put_task(replace(edited, updated_at=state.at, revision=state.revision))
    return Accepted(task.id, task.allocation_id)


def with_params(task: Task, params: bytes | None, version: int) -> Task:
    """The record with other params and the executor version that validated them; None: as they are."""
    return task if params is None else replace(task, params=params, executor_version=version)


def with_policy(task: Task, policy: Policy) -> Task:
    """The record under another policy. A run in progress keeps what it was started with."""
    if not task.has_node:
        return replace(task, policy=policy)
    now = replace(policy, **{name: getattr(task.policy, name) for name in OF_A_RUN})
    return replace(task, policy=now, next_policy=policy if policy != now else None)


def with_limits(task: Task, limits: tuple[TaskLimit, ...] | None) -> Task:
    """The record under other concurrency limits; a run in progress counts under those it was placed under."""
    if limits is None:
        return task
    if not task.has_node:
        return replace(task, limits=limits)
    return replace(task, next_limits=limits if limits != task.limits else None)


def edited_meanwhile(task: Task) -> Refused:
    """What was merged into the params and spec as they were has to be merged anew."""
    return Refused(Refusal.CHOICE_STALE, f"edited at {task.edited_revision}", task.allocation_id)


def _refuse(state: ClusterState, task: Task, command: UpdateTask) -> Refused | None:
    if command.if_revision and command.if_revision != task.revision:
        return revision_mismatch(task)
    changes_intent = command.params is not None or command.spec is not None
    if task.is_terminal and (changes_intent or command.restart):
        return already_finished(task)
    if changes_intent and command.edited != task.edited_revision:
        return edited_meanwhile(task)
    asked = command.spec.schedule if command.spec is not None else None
    if asked is not None and task.series is None:
        after = () if task.waited else task.spec.after
        if (refused := refuse_schedule(state, task.id, after)) is not None:
            return refused
    if command.has_state and task.has_node:
        detail = f"run {task.allocation_id} on {task.assignment.node} writes it"
        return Refused(Refusal.STATE_IN_USE, detail, task.allocation_id)
    return None


def _too_large(state: ClusterState, task: Task, command: UpdateTask) -> Refused | None:
    if command.has_state and (refused := state_too_large(state, task, command.state)) is not None:
        return refused
    growth = 0 if command.params is None else len(command.params) - len(task.params)
    return records_full(state, growth)


def _with_state(task: Task, command: UpdateTask) -> Task:
    """A state of nobody's run: no run that comes takes it for its own."""
    return replace(
        task,
        state=command.state,
        state_version=command.state_version,
        state_allocation_id=NO_ALLOCATION,
        state_seq=0,
    )


def _with_intent(state: ClusterState, task: Task, command: UpdateTask) -> Task:
    edited = with_params(task, command.params, command.executor_version)
    if command.policy is not None:
        edited = with_policy(edited, command.policy)
    edited = with_limits(edited, command.limits)
    if command.declared:
        edited = replace(edited, declared=command.declared)
    if command.spec is None:
        return edited
    spec = replace(command.spec, **{name: getattr(task.spec, name) for name in FIXED})
    if not same_times(spec.schedule, task.spec.schedule):
        edited = fallen_due(state, edited)
        return _with_schedule(state, replace(edited, spec=spec), task.spec.schedule)
    edited = replace(edited, spec=spec)
    return edited if spec.due_at == task.spec.due_at else _due_anew(state, edited, spec)


def _groups(task: Task, edited: Task) -> list[str]:
    """Groups of fields that the edit has changed (TM-23)."""
    # What policy they come to says nobody.
    others = replace(edited.spec, schedule=task.spec.schedule)
    changed = {
        "schedule": edited.spec.schedule != task.spec.schedule,
        "params": edited.params != task.params,
        "policy": others != task.spec,
    }
    return [group for group, has_changed in changed.items() if has_changed]


def _with_schedule(state: ClusterState, task: Task, old: Schedule | None) -> Task:
    """Another timetable, or the first one, or none any more. What is due already is not withdrawn (TM-25)."""
    schedule = task.spec.schedule
    if schedule is None:
        return _one_off(state, task)
    if task.series is not None:
        return replace(task, series=rescheduled(task, task.series, old, state.at))
    is_held = task.assignment.code is Code.HELD_FOR_NODE  # due, but waits for its node (PT-72)
    is_idle = task.status in (Status.WAITING, Status.PAUSED) and not is_held
    current = None if is_idle else Occurrence(task.cause, 0, task.due_at or task.created_at)
    queue = (Occurrence(RUN_NOW, 0, state.at),) if task.run_again else ()
    series = Series(0, occurrence=current, queue=queue, needs="first", since=state.at)
    series = replace(series, fates=task.past_fates)
    task = replace(task, series=series, run_again=False, past_fates=0)
    if is_idle and task.status is Status.WAITING:
        return replace(task, wake_at=0, assignment=Assignment(code=Code.NOT_DUE))
    return task


def _one_off(state: ClusterState, task: Task) -> Task:
    """From now on it runs once: what runs or is due already, or at its due time, or now."""
    is_idle = task.series is not None and task.series.occurrence is None
    task = withdrawn(state, task, "edited")
    past = task.series.fates if task.series is not None else 0
    task = replace(task, series=None, past_fates=past)
    if not is_idle:
        return task
    due_at = task.spec.due_at or 0
    task = replace(task, due_at=due_at)
    if task.status is not Status.WAITING:
        return task
    if due_at > state.at:
        return replace(task, wake_at=due_at)
    return replace(task, status=Status.UNASSIGNED, assignment=Assignment())


def _due_anew(state: ClusterState, task: Task, spec: TaskSpec) -> Task:
    """A first due time that was moved counts at once for a task that has no place; whatever else it waits for stays.

    Nothing runs before what it waits for (TM-67) or before its next attempt (TM-36); only a later time than that moves
    one. One that is held for its node is due already (PT-72): only a time to come takes it from there.
    """
    due_at, code = spec.due_at or 0, task.assignment.code
    if task.series is not None:
        return task
    if task.status not in (Status.WAITING, Status.UNASSIGNED) or code is Code.DEPENDENCY:
        return replace(task, due_at=due_at)
    if due_at > (task.wake_at if code is Code.BACKOFF else state.at):
        why = Assignment(code=Code.NOT_DUE)
        return replace(task, status=Status.WAITING, wake_at=due_at, due_at=due_at, assignment=why)
    if code is Code.NOT_DUE:  # the past means now (TM-20)
        return replace(task, wake_at=state.at, due_at=state.at)
    return task
