"""From what callers ask of one task to its command. Pure; raises Rejected for words that nobody knows, or that clash."""

from __future__ import annotations

from coordinator.api.editing import merged
from coordinator.api.errors import Code, Rejected, invalid
from coordinator.machine.commands import (
    CancelRun,
    CancelTask,
    PauseTask,
    ResumeTask,
    RetryTask,
    RunNow,
)
from coordinator.machine.outcome import Refusal
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.instants import MINUTE, Instant
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Desired, Task
from coordinator.timetable.windows import windows_at
from coordinator.wire.v1 import tasks_pb2 as wire

GRACE_MS_MAX = 10 * MINUTE


def check_grace(grace_ms: int) -> None:
    if grace_ms > GRACE_MS_MAX:
        raise invalid("grace_ms", f"must be 0 .. {GRACE_MS_MAX} (got {grace_ms})")


def cancel_of(request: wire.CancelRequest) -> CancelTask | CancelRun:
    change, grace = request.change, request.grace_ms if request.HasField("grace_ms") else -1
    check_grace(grace)
    if request.scope not in ("", "task", "run"):
        raise invalid("scope", f"must be task or run (got {request.scope})")
    if request.then not in ("", "rerun"):
        raise invalid("then", f"must be rerun, or nothing (got {request.then})")
    task_id = TaskId(request.id)
    if request.scope == "run":
        if request.purge or request.finished_only:
            raise invalid("purge", "is about the task, not about one run of it")
        number = AllocationId(request.allocation_id)
        return CancelRun(
            task_id, number, bool(request.then), change.if_revision, grace, change.reason
        )
    if request.then or request.allocation_id:
        raise invalid("then", "is about one run: say scope = run")
    return CancelTask(
        task_id, request.purge, request.finished_only, change.if_revision, grace, change.reason
    )


def check_pause(request: wire.PauseRequest, now: Instant) -> None:
    if request.running not in ("", "stop", "finish"):
        raise invalid("running", f"must be stop or finish (got {request.running})")
    if request.until_at and request.until_at <= now:
        raise invalid("until_at", f"is over: {request.until_at} is not after {now}")


def pause_of(
    request: wire.PauseRequest, change: wire.Change, task_id: str, task: Task | None
) -> PauseTask:
    """By itself the run of a recurring task ends as it will, any other may be endless and is stopped (TM-26)."""
    is_recurring = task is not None and task.spec.schedule is not None
    finish = request.running == "finish" or (is_recurring and not request.running)
    return PauseTask(
        TaskId(task_id),
        finish,
        change.if_revision,
        change.reason,
        request.until_at,
        clear_state=request.clear_state,
    )


def resume_of(request: wire.ResumeRequest, change: wire.Change, task_id: str) -> ResumeTask:
    return ResumeTask(TaskId(task_id), change.if_revision, no_catch_up=request.no_catch_up)


def retry_of(
    request: wire.RetryRequest, change: wire.Change, task_id: str, task: Task | None
) -> RetryTask:
    return RetryTask(
        TaskId(task_id),
        request.again,
        task.edited_revision if task is not None else 0,
        merged(task, request.params, merge=request.merge_params),
        if_revision=change.if_revision,
    )


def check_run_now(request: wire.RunNowRequest) -> None:
    if request.queue and request.replace:
        raise invalid("queue", "and replace are two different wishes")


def run_now_of(
    request: wire.RunNowRequest, change: wire.Change, task_id: str, state: ClusterState
) -> RunNow:
    """Refused where nobody knows the executor any more (TM-29)."""
    task = state.tasks.get(TaskId(task_id))
    if task is not None and not task.is_terminal and not state.manifests.get(task.executor):
        why = f"unknown_executor: nobody offers {task.executor} any more"
        metadata = {"executor": task.executor, "known": ", ".join(sorted(state.manifests)[:50])}
        raise Rejected(Code.INVALID_ARGUMENT, Refusal.UNKNOWN_EXECUTOR.value, why, metadata)
    return RunNow(
        TaskId(task_id), request.queue, request.replace, change.if_revision, change.reason
    )


def run_now_effect(request: wire.RunNowRequest, before: Task | None) -> str:
    """What a manual run came to, for a task that was like this."""
    if before is None:
        return "now"
    if before.has_node:
        return "replaces" if request.replace else "queued"
    is_paused = before.series is not None and before.desired is Desired.PAUSED
    return "runs_once" if is_paused else "now"


def run_now_notes(task: Task | None, now: Instant) -> list[str]:
    """A black-out does not touch a manual run, but whoever asks for one should know (TM-15)."""
    schedule = task.spec.schedule if task is not None else None
    if schedule is None or not windows_at(schedule.blackouts, now):
        return []
    return ["a black-out of its schedule is on; manual runs are not held back by it"]
