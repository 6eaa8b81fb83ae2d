"""Looking ahead in a timetable: of a stored task, or of one that somebody thinks of (TM-19, EX-15)."""

from __future__ import annotations

from coordinator import timetable
from coordinator.api.errors import from_refusal, invalid
from coordinator.api.schedules import (
    FIRE_TIMES,
    FIRE_TIMES_MAX,
    check_schedule,
    expression_of,
    fire_times_of,
    first_fire_times,
    schedule_from_wire,
    warnings_of,
)
from coordinator.api.selection import task_not_found
from coordinator.machine.outcome import Refusal, Refused
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.schedules import Schedule
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task, TaskSpec
from coordinator.timetable.steps import LAST_INSTANT
from coordinator.wire.v1 import tasks_pb2 as wire


def asked_fire_times(task: Task, now: Instant, count: int) -> list[wire.FireTime]:
    """So many of a task's next ones; none of a one-off. Raises Rejected for too many."""
    if not 0 < count <= FIRE_TIMES_MAX:
        raise invalid("fire_times", f"must be 1 .. {FIRE_TIMES_MAX} (got {count})")
    return fire_times_of(task, now, count)


def preview_of(
    request: wire.PreviewScheduleRequest, state: ClusterState, now: Instant
) -> wire.PreviewScheduleResponse:
    """Everything but who answers. Raises Rejected: no such task, a one-off, a schedule that could not be stored."""
    count = request.count or FIRE_TIMES
    if not 0 < count <= FIRE_TIMES_MAX:
        raise invalid("count", f"must be 1 .. {FIRE_TIMES_MAX} (got {count})")
    if not 0 <= request.from_at < LAST_INSTANT:
        raise invalid(
            "from_at", f"must be after 1970 and before the year 3000 (got {request.from_at})"
        )
    task = state.tasks.get(TaskId(request.id)) if request.id else None
    from_at = request.from_at or now
    if request.HasField("schedule"):
        schedule = schedule_from_wire(request.schedule)
        check_schedule(TaskSpec(schedule=schedule), from_at)
        times = first_fire_times(schedule, request.id, None, from_at, count)
    else:
        task = _there(task, request.id)
        schedule = _schedule_of(task)
        times = fire_times_of(task, now, count, request.from_at)
    usual_ms = task.last_outcome.duration_ms if task is not None and task.last_outcome else 0
    return wire.PreviewScheduleResponse(
        expression=expression_of(schedule),
        time_zone=schedule.time_zone,
        reading=timetable.reading(schedule),
        from_at=from_at,
        items=times,
        warnings=warnings_of(schedule, usual_ms, from_at),
    )


def _there(task: Task | None, task_id: str) -> Task:
    if task is None and not task_id:
        raise invalid("id", "is missing: name a task, or give a schedule")
    if task is None:
        raise task_not_found(task_id)
    return task


def _schedule_of(task: Task) -> Schedule:
    if task.spec.schedule is None:
        raise from_refusal(Refused(Refusal.NOT_RECURRING, f"{task.id} runs once"))
    return task.spec.schedule
