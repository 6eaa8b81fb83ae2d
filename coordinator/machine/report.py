"""What a node says of a run: it began, it wrote state, it ended. All of it is fenced (PT-3)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import EndRun, StartRun, WriteState
from coordinator.machine.create import records_full
from coordinator.machine.endings import SUCCESSES, end_run_of
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import is_fenced, not_found, stale_allocation, store
from coordinator.model import limits
from coordinator.model.state import ClusterState
from coordinator.model.tasks import LastOutcome, RunOutcome, Status, Task

# Recorded in place of what the run said, because it had been asked to stop (PT-16).
_CONVERTED = (RunOutcome.CANCELLED, RunOutcome.TIMED_OUT, RunOutcome.ABORTED)


def start_run(state: ClusterState, command: StartRun) -> Outcome:
    """Assigned becomes running. A run that was asked to stop meanwhile stays stopping."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if not is_fenced(task, command.allocation_id, command.incarnation):
        return stale_allocation(task)
    if task.started_at:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    state.put_task(
        replace(
            task,
            status=Status.RUNNING if task.status is Status.ASSIGNED else task.status,
            started_at=command.started_at or state.at,
            updated_at=state.at,
            revision=state.revision,
        )
    )
    return Accepted(task.id, task.allocation_id)


def write_state(state: ClusterState, command: WriteState) -> Outcome:
    """A number that is not above the last one of this run was written before (PT-27)."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if not is_fenced(task, command.allocation_id, command.incarnation):
        return stale_allocation(task)
    if not is_newer(task, command.seq):
        return Accepted(task.id, task.allocation_id, unchanged=True)
    if (refused := state_too_large(state, task, command.state)) is not None:
        return refused
    state.put_task(
        replace(
            task,
            state=command.state,
            state_version=command.state_version,
            state_allocation_id=task.allocation_id,
            state_seq=command.seq,
            updated_at=state.at,
            revision=state.revision,
        )
    )
    return Accepted(task.id, task.allocation_id)


def end_run(state: ClusterState, command: EndRun) -> Outcome:
    """The first outcome committed is the run's only one (N3); its repetition changes nothing."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if not is_fenced(task, command.allocation_id, command.incarnation):
        last = task.last_outcome
        if last is not None and _is_repetition(last, command):
            return Accepted(task.id, task.allocation_id, unchanged=True)
        return stale_allocation(task)
    return store(state, end_run_of(state, _with_final_state(task, command), command))


def is_newer(task: Task, seq: int) -> bool:
    """Whether a write of the current run is above the last one it made."""
    return seq > (task.state_seq if task.state_is_current else 0)


def _with_final_state(task: Task, command: EndRun) -> Task:
    """State and outcome in one message are applied as one (PT-6)."""
    if not command.has_final_state or not is_newer(task, command.final_state_seq):
        return task
    return replace(
        task,
        state=command.final_state,
        state_version=command.final_state_version,
        state_allocation_id=task.allocation_id,
        state_seq=command.final_state_seq,
    )


def _is_repetition(last: LastOutcome, command: EndRun) -> bool:
    if last.allocation_id != command.allocation_id:
        return False
    if last.outcome is RunOutcome.ABORTED and command.outcome in SUCCESSES:
        return False  # a success is never recorded as `aborted`: this is another outcome
    was_refused = command.schedule is not None and last.reason == Refusal.INVALID_SCHEDULE
    return last.outcome is command.outcome or last.outcome in _CONVERTED or was_refused


def state_too_large(state: ClusterState, task: Task, written: bytes | None) -> Refused | None:
    size = len(written or b"")
    if size > limits.STATE_BYTES_MAX:
        return Refused(
            Refusal.TOO_LARGE, f"state of {size} bytes; at most {limits.STATE_BYTES_MAX}"
        )
    return records_full(state, size - len(task.state or b""))
