"""Wishes of operators about one task: cancel it, take it off its node, remove its record."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import (
    CancelRun,
    CancelTask,
    RemoveTask,
    StopRun,
    UnassignTask,
)
from coordinator.machine.fates import overtaken
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import (
    already_finished,
    declared_still,
    finished,
    is_fenced,
    not_found,
    revision_mismatch,
    stale_allocation,
    store,
)
from coordinator.machine.stopping import ask_to_stop, with_grace
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, Status, StopReason, Task


def cancel_task(state: ClusterState, command: CancelTask) -> Outcome:
    """Final once accepted (G10): no new run starts, and nothing makes the task succeed."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if command.if_revision and command.if_revision != task.revision:
        return revision_mismatch(task)
    if (command.purge or command.finished_only) and task.declared and not command.undeclared:
        return declared_still(task)
    if command.undeclared:
        if not task.declared:
            return Refused(Refusal.CHOICE_STALE, "nobody declared it", task.allocation_id)
        task = replace(task, declared="")
    if task.is_terminal:
        return _cancel_finished(state, task, command)
    if command.finished_only:
        return Refused(Refusal.NOT_FINISHED, f"the task is {task.status}", task.allocation_id)
    purge = task.purge or command.purge
    task = overtaken(state, task, "cancelled")
    wanted = replace(task, desired=Desired.CANCELLED, paused_until=0, purge=purge)
    if task.has_node:
        wanted = with_grace(replace(wanted, rerun=False), command.grace_ms)
        return ask_to_stop(state, wanted, StopReason.CANCEL, command.reason)
    over = replace(wanted, assignment=Assignment(code=Code.FINISHED, explanation=command.reason))
    return store(state, finished(state, over, Status.CANCELLED))


def unassign_task(state: ClusterState, command: UnassignTask) -> Outcome:
    """Stop, confirmation, new placement (PT-32). Needs the allocation id in force."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if task.allocation_id != command.allocation_id:
        return stale_allocation(task)
    if command.if_revision and command.if_revision != task.revision:
        return revision_mismatch(task)
    if task.is_terminal:
        return already_finished(task)
    if not task.has_node:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    return ask_to_stop(state, task, StopReason.MOVE, command.reason)


def cancel_run(state: ClusterState, command: CancelRun) -> Outcome:
    """The run ends `cancelled` whatever it reports; what becomes of the task is the caller's to say (PT-30)."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if command.if_revision and command.if_revision != task.revision:
        return revision_mismatch(task)
    if task.is_terminal:
        return already_finished(task)
    if not task.has_node:
        return Refused(Refusal.RUN_NOT_FOUND, f"the task is {task.status}", task.allocation_id)
    if command.allocation_id and command.allocation_id != task.allocation_id:
        return stale_allocation(task)
    if not command.rerun and task.series is None:
        whole = CancelTask(task.id, grace_ms=command.grace_ms, reason=command.reason)
        return cancel_task(state, whole)
    if task.desired is Desired.CANCELLED:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    wanted = with_grace(replace(task, rerun=True), command.grace_ms)
    return ask_to_stop(state, wanted, StopReason.REPLACE, command.reason)


def stop_run(state: ClusterState, command: StopRun) -> Outcome:
    """Ask this very run to end; a run that is over by now is left alone."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if not is_fenced(task, command.allocation_id, command.incarnation):
        return stale_allocation(task)
    return ask_to_stop(state, task, command.reason)


def remove_task(state: ClusterState, command: RemoveTask) -> Outcome:
    """The end of retention: by age, or because too many finished records are kept (TM-74)."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if task.revision != command.revision:
        return revision_mismatch(task)
    if not task.is_terminal:
        return Refused(Refusal.NOT_FINISHED, f"the task is {task.status}", task.allocation_id)
    if task.declared:
        return declared_still(task)
    if task.expires_at > state.at and not _too_many_kept(state, task.status):
        return Refused(Refusal.CHOICE_STALE, "its retention has not ended", task.allocation_id)
    state.drop_task(task.id)
    return Accepted(task.id, task.allocation_id, removed=True, record=task)


def _cancel_finished(state: ClusterState, task: Task, command: CancelTask) -> Outcome:
    if command.purge or command.finished_only:
        state.drop_task(task.id)
        return Accepted(task.id, task.allocation_id, removed=True, record=task)
    if task.status is Status.CANCELLED:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    return already_finished(task)


def _too_many_kept(state: ClusterState, status: Status) -> bool:
    if status is Status.SUCCEEDED:
        return state.status_counts[status] > state.settings.kept("retention.succeeded")[1]
    others = state.status_counts[Status.FAILED] + state.status_counts[Status.CANCELLED]
    return others > state.settings.kept("retention.failed")[1]
