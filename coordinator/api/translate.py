"""Values to wire and wire to values: tasks, specs, runs."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from coordinator.api.schedules import schedule_from_wire, schedule_to_wire, series_to_wire
from coordinator.model.constraints import AttributeTest, Constraints, Preference
from coordinator.model.ids import TaskId
from coordinator.model.tasks import Backoff, LastOutcome, Policy, Status, Task, TaskSpec
from coordinator.replica.inputs import Create
from coordinator.replica.live import ProgressNow
from coordinator.wire.v1 import tasks_pb2 as wire

_OPTIONAL = (
    "due_at",
    "priority",
    "cost",
    "timeout_ms",
    "max_attempts",
    "on_lost",
    "cancel_grace_ms",
    "retention_ms",
    "exclusive",
    "isolation",
    "within_occurrence",
    "reset_after_ms",
    "invalid_state",
    "movable",
)


NOTHING_ASKED = TaskSpec()


def spec_from_wire(asked: wire.TaskSpec) -> TaskSpec:
    """What was asked; None where nothing was. Most ask nothing, and share one value. Raises Rejected: a black-out."""
    if not asked.ByteSize():
        return NOTHING_ASKED
    fields = {name: getattr(asked, name) for name in _OPTIONAL if asked.HasField(name)}
    backoff = None
    if asked.HasField("backoff"):
        b = asked.backoff
        backoff = Backoff(b.kind or "exponential", b.first_ms, b.base_ms, b.cap_ms, b.jitter)
    return TaskSpec(
        backoff=backoff,
        labels=tuple(sorted(asked.labels.items())),
        headers=tuple(sorted(asked.headers.items())),
        object_kind=asked.object_kind,
        object_id=asked.object_id,
        parent=asked.parent,
        constraints=_constraints(asked.constraints),
        schedule=schedule_from_wire(asked.schedule) if asked.HasField("schedule") else None,
        after=tuple(asked.after),
        until=asked.until,
        on_dependency_failure=asked.on_dependency_failure,
        dedup_key=asked.dedup_key,
        **fields,
    )


def create_from_wire(new: wire.NewTask) -> Create:
    return Create(
        task_id=TaskId(new.id),
        executor=new.executor,
        params=new.params or b"{}",
        spec=spec_from_wire(new.spec),
        paused=new.paused,
        require_assignment=new.require_assignment,
        replace_finished=new.replace_finished,
    )


@lru_cache(maxsize=1_000)
def spec_to_wire(spec: TaskSpec) -> wire.TaskSpec:
    """Not to be changed by whoever gets it: equal specs share one message."""
    found = wire.TaskSpec(
        labels=dict(spec.labels),
        headers=dict(spec.headers),
        object_kind=spec.object_kind,
        object_id=spec.object_id,
        parent=spec.parent,
        after=spec.after,
        until=spec.until,
        on_dependency_failure=spec.on_dependency_failure,
        dedup_key=spec.dedup_key,
    )
    for name in _OPTIONAL:
        value = getattr(spec, name)
        if value is not None:
            setattr(found, name, value)
    if spec.backoff is not None:
        found.backoff.CopyFrom(backoff_to_wire(spec.backoff))
    if spec.constraints is not None:
        found.constraints.CopyFrom(_constraints_to_wire(spec.constraints))
    if spec.schedule is not None:
        found.schedule.CopyFrom(schedule_to_wire(spec.schedule))
    return found


def _constraints(asked: wire.Constraints) -> Constraints | None:
    if not asked.ByteSize():
        return None
    return Constraints(
        require=tuple(_test(one) for one in asked.require),
        avoid=tuple(_test(one) for one in asked.avoid),
        prefer=tuple(Preference(_test(one.test), one.weight) for one in asked.prefer),
        spread=tuple(asked.spread),
        apart=tuple(asked.apart),
    )


def _test(asked: wire.AttributeTest) -> AttributeTest:
    return AttributeTest(asked.attribute, tuple(asked.values))


def _constraints_to_wire(found: Constraints) -> wire.Constraints:
    def test(one: AttributeTest) -> wire.AttributeTest:
        return wire.AttributeTest(attribute=one.attribute, values=one.values)

    return wire.Constraints(
        require=[test(one) for one in found.require],
        avoid=[test(one) for one in found.avoid],
        prefer=[wire.Preference(test=test(one.test), weight=one.weight) for one in found.prefer],
        spread=found.spread,
        apart=found.apart,
    )


def backoff_to_wire(backoff: Backoff) -> wire.Backoff:
    return wire.Backoff(
        kind=backoff.kind,
        first_ms=backoff.first_ms,
        base_ms=backoff.base_ms,
        cap_ms=backoff.cap_ms,
        jitter=backoff.jitter,
    )


@lru_cache(maxsize=1_000)
def policy_to_wire(policy: Policy) -> wire.Policy:
    """Not to be changed by whoever gets it: equal policies share one message."""
    return wire.Policy(
        priority=policy.priority,
        cost=policy.cost,
        timeout_ms=policy.timeout_ms,
        max_attempts=policy.max_attempts,
        backoff=backoff_to_wire(policy.backoff),
        on_lost=policy.on_lost,
        cancel_grace_ms=policy.cancel_grace_ms,
        retention_ms=policy.retention_ms,
        exclusive=policy.exclusive,
        movable=policy.movable,
        isolation=policy.isolation,
        within_occurrence=policy.within_occurrence,
        reset_after_ms=policy.reset_after_ms,
        invalid_state=policy.invalid_state,
    )


def task_to_wire(task: Task, progress: ProgressNow | None = None) -> wire.Task:
    """The whole record."""
    where = task.assignment
    found = wire.Task(
        id=task.id,
        executor=task.executor,
        executor_version=task.executor_version,
        status=task.status,
        desired=task.desired,
        stop_reason=task.stop_reason or "",
        stopping_since_at=task.stopping_since,
        params=task.params,
        state=task.state or b"",
        state_version=task.state_version,
        state_allocation_id=task.state_allocation_id,
        state_is_current=task.state_is_current,
        description=task.description or f"id={task.id}",
        spec=spec_to_wire(task.spec),
        policy=policy_to_wire(task.policy),
        allocation_id=task.allocation_id,
        node=where.node or "",
        incarnation=where.incarnation or "",
        code=where.code,
        explanation=where.explanation,
        attempts=task.attempts,
        due_at=(task.wake_at or task.due_at) if task.status is Status.WAITING else task.due_at,
        created_at=task.created_at,
        updated_at=task.updated_at,
        started_at=task.started_at,
        finished_at=task.finished_at,
        expires_at=task.expires_at,
        created_revision=task.created_revision,
        modified_revision=task.revision,
        declared=bool(task.declared),
        paused_until_at=task.paused_until,
        end_reason=task.end_reason,
        run_again=task.run_again,
    )
    _put_parts(found, task, progress)
    return found


def _put_parts(found: wire.Task, task: Task, progress: ProgressNow | None) -> None:
    """What many records do not have."""
    if task.set_by:
        found.set_by.update(task.set_by)
    if task.series is not None:
        found.series.CopyFrom(series_to_wire(task.series))
    if task.last_outcome is not None:
        found.last_outcome.CopyFrom(outcome_to_wire(task.last_outcome))
    if progress is not None:
        found.progress.CopyFrom(progress_to_wire(progress))


def outcome_to_wire(last: LastOutcome) -> wire.LastOutcome:
    """From the record alone: the error is its first line, a result over 1 KiB is missing."""
    error = b""
    if last.error_text:
        kind, _, message = last.error_text.partition(": ")
        error = msgspec.json.encode({"type": kind, "message": message, "traceback": None})
    return wire.LastOutcome(
        outcome=last.outcome,
        allocation_id=last.allocation_id,
        reason=last.reason,
        error=error,
        result=last.result or b"",
        ended_at=last.ended_at,
        node=last.node,
        duration_ms=last.duration_ms,
    )


def progress_to_wire(progress: ProgressNow) -> wire.Progress:
    found = wire.Progress(done=progress.done, message=progress.message, at=progress.at)
    if progress.total is not None:
        found.total = progress.total
    return found
