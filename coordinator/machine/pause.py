"""Callers say that a task is not wanted for now, wanted again, or to run once more after its end (TM-26, TM-27, TM-56)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import PauseTask, ResumeTask, RetryTask
from coordinator.machine.create import active_full, records_full
from coordinator.machine.dependencies import settled_dependencies
from coordinator.machine.edit import edited_meanwhile, with_limits, with_params, with_policy
from coordinator.machine.fates import overtaken, withdrawn
from coordinator.machine.marks import OPERATOR, marked
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import already_finished, cleared, not_found, revision_mismatch
from coordinator.machine.series import has_passed, retimed
from coordinator.machine.stopping import ask_to_stop
from coordinator.model.schedules import NEVER, Occurrence, Series
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, Status, StopReason, Task


def pause_task(state: ClusterState, command: PauseTask) -> Outcome:
    """State and attempts are kept. A run that is left to finish may still succeed or fail for good.

    Whoever pauses again says anew until when.
    """
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    refused = _refuse(task, command.if_revision)
    if refused is not None:
        return refused
    wanted = replace(task, desired=Desired.PAUSED, paused_until=command.until)
    if task.desired is not Desired.PAUSED:
        series = overtaken(state, task, "paused").series
        set_by = marked(task.set_by, command.origin or OPERATOR, ["paused"])
        wanted = replace(wanted, series=series, set_by=set_by)
    if command.clear_state:
        wanted = _without_state(wanted)
    if task.has_node and not command.finish:
        wanted = replace(wanted, series=_as_usual(wanted.series))
        return ask_to_stop(state, wanted, StopReason.PAUSE, command.reason)
    if wanted == task:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    if not task.has_node and task.desired is not Desired.PAUSED:
        why = Assignment(code=Code.PAUSED, explanation=command.reason)
        wanted = replace(withdrawn(state, wanted, "paused"), status=Status.PAUSED)
        wanted = replace(wanted, assignment=why, wake_at=0)
    return _put(state, wanted)


def resume_task(state: ClusterState, command: ResumeTask) -> Outcome:
    """Due now, or at its later due time. A run that is on its way out ends first."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    refused = _refuse(task, command.if_revision)
    if refused is not None:
        return refused
    has_changed = command.paused_until and command.paused_until != task.paused_until
    if task.desired is Desired.RUNNING or has_changed:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    set_by = marked(task.set_by, command.origin or OPERATOR, ["paused"])
    wanted = replace(task, desired=Desired.RUNNING, paused_until=0, set_by=set_by)
    series = _as_usual(task.series)
    if series is not None:
        return _put(state, _resumed_series(state, wanted, series, command))
    if not task.has_node:
        wanted = settled_dependencies(state, replace(wanted, cause="resumed"))
    return _put(state, wanted)


def retry_task(state: ClusterState, command: RetryTask) -> Outcome:
    """The record goes on as it is, history and state kept; a cancel stays final."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    refused = _refuse_retry(state, task, command) or _no_room(state, task, command)
    if refused is not None:
        return refused
    edited = with_params(task, command.params, command.executor_version)
    if command.policy is not None:
        edited = with_policy(edited, command.policy)
    edited = with_limits(edited, command.limits)
    if edited != task:
        edited = replace(edited, edited_revision=state.revision)
    series = _begun_anew(state, edited)
    return _put(
        state,
        replace(
            edited,
            desired=Desired.RUNNING,
            series=series,
            due_at=state.at,
            end_reason="",
            waited=bool(edited.spec.after),
            status=Status.UNASSIGNED,
            assignment=Assignment(),
            attempts=0,
            losses=0,
            own_process=False,
            started_at=0,
            finished_at=0,
            expires_at=0,
            cause="retry",
        ),
    )


def _refuse(task: Task, if_revision: int) -> Refused | None:
    if if_revision and if_revision != task.revision:
        return revision_mismatch(task)
    if task.is_terminal:
        return already_finished(task)
    if task.desired is Desired.CANCELLED:
        return Refused(Refusal.ALREADY_FINISHED, "the task is being cancelled", task.allocation_id)
    return None


def _refuse_retry(state: ClusterState, task: Task, command: RetryTask) -> Refused | None:
    if command.if_revision and command.if_revision != task.revision:
        return revision_mismatch(task)
    if not task.is_terminal:
        return Refused(Refusal.NOT_FINISHED, f"the task is {task.status}", task.allocation_id)
    if task.status is Status.CANCELLED:
        return already_finished(task)
    if task.status is Status.SUCCEEDED and not command.again:
        detail = "the task is succeeded, and was not asked to run again"
        return Refused(Refusal.ALREADY_FINISHED, detail, task.allocation_id)
    active = state.dedup.get((task.executor, task.spec.dedup_key))
    if task.spec.dedup_key and active is not None:
        detail = f"{active} is active under the key {task.spec.dedup_key!r}"
        return Refused(Refusal.ALREADY_EXISTS, detail, task.allocation_id)
    if command.params is not None and command.edited != task.edited_revision:
        return edited_meanwhile(task)
    return None


def _no_room(state: ClusterState, task: Task, command: RetryTask) -> Refused | None:
    growth = 0 if command.params is None else len(command.params) - len(task.params)
    return active_full(state) or records_full(state, growth)


def _resumed_series(state: ClusterState, task: Task, series: Series, command: ResumeTask) -> Task:
    """Once, at once, if any fire time passed meanwhile; then by its timetable, which the leader looks up (TM-27)."""
    passed = has_passed(series, state.at)
    series = replace(series, passed=False)
    is_busy = task.has_node or series.occurrence is not None
    runs_now = passed and not command.no_catch_up and not is_busy
    if runs_now:
        series = replace(series, occurrence=Occurrence("resumed", 0, state.at))
    if passed or series.needs or series.next.fire_at == NEVER:
        series = retimed(series, task.spec.schedule, state.at, "resumed")
    task = replace(task, series=series)
    if is_busy:
        return task
    if runs_now:
        task = replace(task, due_at=state.at, cause="resumed")
        return replace(task, status=Status.UNASSIGNED, assignment=Assignment())
    why, due_at = Assignment(code=Code.NOT_DUE), series.next.due_at
    return replace(task, status=Status.WAITING, assignment=why, wake_at=0, due_at=due_at)


def _as_usual(series: Series | None) -> Series | None:
    """No run of it is one that goes on although the series is paused: somebody has said anew what it is to do."""
    if series is None:
        return None
    queue = tuple(replace(one, while_paused=False) for one in series.queue)
    occurrence = series.occurrence
    if occurrence is not None:
        occurrence = replace(occurrence, while_paused=False)
    return replace(series, occurrence=occurrence, queue=queue)


def _without_state(task: Task) -> Task:
    """At once, or when its run has ended (TM-34)."""
    if task.has_node:
        return replace(task, clear_state=True)
    return cleared(task)


def _begun_anew(state: ClusterState, task: Task) -> Series | None:
    """A failed series is enabled again and runs once now (TM-56)."""
    if task.series is None:
        return None
    occurrence = Occurrence("retry", 0, state.at)
    series = replace(task.series, occurrence=occurrence, failures=0, passed=False)
    return retimed(series, task.spec.schedule, state.at, "resumed")


def _put(state: ClusterState, task: Task) -> Accepted:
    state.put_task(replace(task, updated_at=state.at, revision=state.revision))
    return Accepted(task.id, task.allocation_id)
