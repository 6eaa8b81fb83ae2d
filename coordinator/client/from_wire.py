"""From protobuf to views: tasks, runs, explanations. Zero and the empty string mean "absent" on the wire."""

from __future__ import annotations

import msgspec

from coordinator.client import replies, views
from coordinator.client.constraints import constraints_from_wire
from coordinator.client.durations import format_duration, limit_text
from coordinator.client.errors import ClientError, error_of
from coordinator.client.labels import label_of
from coordinator.client.schedules import schedule_from_wire
from coordinator.client.series_from_wire import fire_time_of, series_of
from coordinator.client.views import Json
from coordinator.wire.v1 import tasks_pb2 as wire

_decode = msgspec.json.decode


def json_or_none(raw: bytes) -> Json:
    """Decoded JSON; nothing at all is null."""
    return _decode(raw) if raw else None


def answer_of(message: wire.Answer) -> views.Answer:
    """What the answer reflects."""
    return views.Answer(
        message.revision,
        message.member,
        message.term,
        message.leader,
        message.leader_address,
        message.stale,
        message.age_ms,
        message.forwarded,
    )


def _backoff(message: wire.Backoff) -> dict[str, Json]:
    if not message.kind or message.kind == "default":
        return {}
    return {
        "kind": message.kind,
        "first": format_duration(message.first_ms),
        "base": format_duration(message.base_ms),
        "cap": format_duration(message.cap_ms),
        "jitter": message.jitter,
    }


def _attempts(number: int) -> int | str:
    return number or "unlimited"


def _asked_retry(spec: wire.TaskSpec) -> views.Retry:
    return views.Retry(
        max_attempts=_attempts(spec.max_attempts) if spec.HasField("max_attempts") else None,
        backoff=_backoff(spec.backoff) if spec.HasField("backoff") else {},
        on_lost=spec.on_lost if spec.HasField("on_lost") else None,
    )


def _object(kind: str, ident: str) -> dict[str, str] | None:
    return {"kind": kind, "id": ident} if kind else None


def spec_of(spec: wire.TaskSpec) -> views.Spec:
    """What was asked; None where nothing was."""
    has = spec.HasField
    return views.Spec(
        schedule=schedule_from_wire(spec.schedule) if has("schedule") else None,
        priority=spec.priority if has("priority") else None,
        cost=spec.cost if has("cost") else None,
        timeout=limit_text(spec.timeout_ms) if has("timeout_ms") else None,
        retry=_asked_retry(spec),
        constraints=constraints_from_wire(spec.constraints),
        labels=dict(spec.labels),
        parent=spec.parent or None,
        object=_object(spec.object_kind, spec.object_id),
        after=list(spec.after),
        dedup_key=spec.dedup_key or None,
        headers=dict(spec.headers),
        retention=format_duration(spec.retention_ms) if has("retention_ms") else None,
        cancel_grace=format_duration(spec.cancel_grace_ms) if has("cancel_grace_ms") else None,
        exclusive=spec.exclusive if has("exclusive") else None,
        isolation=spec.isolation if has("isolation") else None,
        due_at=spec.due_at if has("due_at") else None,
        until=spec.until or None,
        on_dependency_failure=spec.on_dependency_failure or None,
        within_occurrence=spec.within_occurrence if has("within_occurrence") else None,
        reset_after=limit_text(spec.reset_after_ms) if has("reset_after_ms") else None,
        invalid_state=spec.invalid_state if has("invalid_state") else None,
        movable=spec.movable if has("movable") else None,
    )


def policy_of(policy: wire.Policy) -> views.Policy:
    """What is in force."""
    return views.Policy(
        priority=policy.priority,
        cost=policy.cost,
        timeout=limit_text(policy.timeout_ms),
        retry=views.Retry(
            _attempts(policy.max_attempts), _backoff(policy.backoff), policy.on_lost or None
        ),
        cancel_grace=format_duration(policy.cancel_grace_ms),
        retention=None if policy.retention_ms < 0 else format_duration(policy.retention_ms),
        exclusive=policy.exclusive,
        movable=policy.movable,
        isolation=policy.isolation,
        within_occurrence=policy.within_occurrence,
        reset_after=limit_text(policy.reset_after_ms),
        invalid_state=policy.invalid_state or "fail",
    )


def last_outcome_of(message: wire.LastOutcome) -> views.LastOutcome:
    """How the last run ended."""
    return views.LastOutcome(
        outcome=message.outcome,
        allocation_id=message.allocation_id,
        reason=message.reason or None,
        error=json_or_none(message.error),
        result=json_or_none(message.result),
        ended_at=message.ended_at or None,
        node=message.node or None,
        duration_ms=message.duration_ms if message.ended_at else None,
    )


def progress_of(message: wire.Progress) -> views.Progress:
    """How far a run says it is."""
    total = message.total if message.HasField("total") else None
    return views.Progress(message.done, total, message.message, message.at or None)


def _assignment(task: wire.Task) -> views.Assignment:
    node, incarnation = task.node or None, task.incarnation or None
    return views.Assignment(node, incarnation, task.code, task.explanation)


def task_of(task: wire.Task) -> views.Task:
    """A task record."""
    has = task.HasField
    return views.Task(
        id=task.id,
        executor=task.executor,
        executor_version=task.executor_version,
        status=task.status,
        desired=task.desired,
        stop_reason=task.stop_reason or None,
        stopping_since_at=task.stopping_since_at or None,
        params=json_or_none(task.params),
        state=json_or_none(task.state),
        state_version=task.state_version or None,
        state_allocation_id=task.state_allocation_id or None,
        state_is_current=task.state_is_current,
        description=task.description,
        spec=spec_of(task.spec),
        allocation_id=task.allocation_id,
        assignment=_assignment(task),
        attempts=task.attempts,
        due_at=task.due_at or None,
        last_outcome=last_outcome_of(task.last_outcome) if has("last_outcome") else None,
        progress=progress_of(task.progress) if has("progress") else None,
        created_at=task.created_at or None,
        updated_at=task.updated_at or None,
        started_at=task.started_at or None,
        finished_at=task.finished_at or None,
        expires_at=task.expires_at or None,
        created_revision=task.created_revision,
        modified_revision=task.modified_revision,
        policy=policy_of(task.policy),
        declared=task.declared,
        paused_until_at=task.paused_until_at or None,
        series=series_of(task.series) if has("series") else None,
        end_reason=task.end_reason or None,
        set_by=dict(task.set_by),
        run_again=task.run_again,
        label=label_of(task.status, task.last_outcome.outcome or None),
    )


def run_of(run: wire.Run) -> views.Run:
    """One run; its duration is that of user code, from its start to its end."""
    lasted = run.ended_at - run.started_at if run.ended_at and run.started_at else None
    return views.Run(
        name=f"{run.task}#{run.allocation_id}",
        description=run.description,
        task=run.task,
        executor=run.executor,
        allocation_id=run.allocation_id,
        attempt=run.attempt,
        cause=run.cause,
        node=run.node or None,
        incarnation=run.incarnation or None,
        occurrence_at=run.occurrence_at or None,
        due_at=run.due_at or None,
        assigned_at=run.assigned_at or None,
        started_at=run.started_at or None,
        ended_at=run.ended_at or None,
        duration_ms=lasted,
        status=run.status,
        outcome=run.outcome or None,
        reported=run.reported or None,
        reason=run.reason or None,
        error=json_or_none(run.error),
        result=json_or_none(run.result),
        progress=progress_of(run.progress) if run.HasField("progress") else None,
        log_counts=_counts(run.log_counts) if run.HasField("log_counts") else {},
        state_digest_before=run.state_digest_before or None,
        state_digest_after=run.state_digest_after or None,
        parent=run.parent or None,
        trace_id=None,
        log_lines=run.log_lines,
        log_dropped=run.log_dropped,
        stop_reason=run.stop_reason or None,
        stopping_since_at=run.stopping_since_at or None,
        headers=dict(run.headers),
        running_for_ms=run.running_for_ms if run.started_at else None,
        state_bytes=run.state_bytes or None,
    )


def _counts(counts: wire.LogCounts) -> dict[str, int]:
    return {level: getattr(counts, level) for level in ("debug", "info", "warning", "error")}


def log_line_of(line: wire.LogLine) -> views.LogLine:
    """One line of a run's log."""
    return views.LogLine(
        line.at or None, line.level, line.event, json_or_none(line.fields) or {}, line.allocation_id
    )


def _error_in(told: wire.ItemError) -> ClientError:
    return error_of(told.code, told.message, told.reason, dict(told.metadata))


def changed_item_of(item: wire.ChangeManyItem) -> replies.ChangedItem:
    """What became of one id."""
    return replies.ChangedItem(
        id=item.id,
        result=item.result,
        task=task_of(item.task) if item.HasField("task") else None,
        removed=item.removed,
        error=_error_in(item.error) if item.HasField("error") else None,
        validated=item.validated,
    )


def created_item_of(item: wire.CreateManyItem) -> replies.CreatedItem:
    """One entry of a batch: a task or the error it met."""
    error = _error_in(item.error) if item.HasField("error") else None
    return replies.CreatedItem(
        id=item.id,
        created=item.created,
        status=item.status,
        allocation_id=item.allocation_id,
        node=item.node or None,
        task=task_of(item.task) if item.HasField("task") else None,
        error=error,
        validated=item.validated,
        deduplicated=item.deduplicated,
    )


def changed_of(reply: wire.ChangeResponse) -> replies.Changed:
    """What a change did."""
    task = task_of(reply.task) if reply.HasField("task") else None
    return replies.Changed(
        answer_of(reply.answer),
        task,
        reply.unchanged,
        reply.removed,
        reply.effect,
        list(reply.now),
        list(reply.next_run),
        reply.validated,
        [fire_time_of(one) for one in reply.fire_times],
        list(reply.notes),
    )


def waited_of(reply: wire.WaitResponse) -> replies.Waited:
    """How a round of waiting ended."""
    task = task_of(reply.task) if reply.HasField("task") else None
    return replies.Waited(answer_of(reply.answer), task, reply.met, reply.gone, reply.condition)
