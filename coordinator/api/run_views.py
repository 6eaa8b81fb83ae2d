"""Rows of the runs table as messages, with what the record knows of the run."""

from __future__ import annotations

from coordinator.api.door import StoredRun
from coordinator.api.translate import progress_to_wire
from coordinator.model.instants import Instant
from coordinator.model.tasks import Task
from coordinator.replica.live import progress_of_bytes
from coordinator.wire.v1 import tasks_pb2 as wire

LEVELS = ("debug", "info", "warning", "error")


def run_status(run: StoredRun, task: Task | None) -> str:
    """assigned running stopping ended; of a run in progress the record says it."""
    current = task is not None and task.allocation_id == run.allocation_id and task.has_node
    if task is not None and current:
        return task.status.value
    if run.ended_at is None and task is None:
        return "assigned" if run.started_at is None else "running"
    return "ended"


def _digest_after(run: StoredRun) -> str:
    """Of the state that it left, which is the one it was given unless it wrote another."""
    if run.ended_at is None:
        return ""
    written = run.state_digest_after
    return (run.state_digest_before or "") if written is None else written


def run_to_wire(run: StoredRun, task: Task | None, now: Instant) -> wire.Run:
    """A row of the runs table, with what the record knows of the run."""
    status = run_status(run, task)
    kept = run.logs.count(b"\n") if run.logs else 0
    lines = sum(run.log_counts) if run.log_counts else kept
    until = now if status != "ended" else run.ended_at or 0
    found = wire.Run(
        task=run.task_id,
        executor=run.executor or "",
        allocation_id=run.allocation_id,
        attempt=run.attempt or 0,
        cause=run.cause or "",
        node=run.node or "",
        incarnation=run.incarnation or "",
        due_at=run.due_at or 0,
        assigned_at=run.assigned_at or 0,
        started_at=run.started_at or 0,
        ended_at=run.ended_at or 0,
        status=status,
        outcome=run.outcome or "",
        reported=run.reported or "",
        reason=run.reason or "",
        error=run.error or b"",
        result=run.result or b"",
        description=f"id={run.task_id}",
        log_lines=lines,
        log_dropped=max(0, lines - kept) if run.logs is not None else 0,
        running_for_ms=max(0, until - run.started_at) if run.started_at else 0,
        occurrence_at=run.occurrence_at or 0,
    )
    _fill_left(found, run)
    if task is not None:
        found.description = task.description or found.description
        found.headers.update(task.spec.headers)
        found.parent = task.spec.parent
        if status != "ended" and task.stop_reason is not None:
            found.stop_reason = task.stop_reason.value
            found.stopping_since_at = task.stopping_since
    return found


def _fill_left(found: wire.Run, run: StoredRun) -> None:
    """What it was given and left behind."""
    found.state_digest_before = run.state_digest_before or ""
    found.state_digest_after = _digest_after(run)
    found.state_bytes = run.state_bytes or 0
    if run.log_counts:
        found.log_counts.CopyFrom(wire.LogCounts(**dict(zip(LEVELS, run.log_counts, strict=False))))
    if run.progress is not None:
        found.progress.CopyFrom(progress_to_wire(progress_of_bytes(run.progress)))
