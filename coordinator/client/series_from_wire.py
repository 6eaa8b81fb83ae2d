"""From protobuf to views: where a series stands, and what a preview says."""

from __future__ import annotations

from coordinator.client import series_views as views
from coordinator.wire.v1 import tasks_pb2 as wire


def series_of(series: wire.Series) -> views.Series:
    """Where a recurring task stands."""
    return views.Series(
        next_fire_at=series.next_fire_at or None,
        next_due_at=series.next_due_at or None,
        last_fire_at=series.last_fire_at or None,
        occurrence=_occurrence(series.occurrence) if series.HasField("occurrence") else None,
        queued=series.queued,
        failures=series.failures,
        extra_at=series.extra_at or None,
    )


def fire_time_of(found: wire.FireTime) -> views.FireTime:
    """An instant of a timetable."""
    return views.FireTime(
        at=found.at,
        local=found.local,
        fate=found.fate,
        reason=found.reason or None,
        jitter_ms=found.jitter_ms,
        note=found.note or None,
    )


def preview_of(reply: wire.PreviewScheduleResponse) -> views.SchedulePreview:
    """What a timetable has to come."""
    return views.SchedulePreview(
        expression=reply.expression,
        timezone=reply.time_zone,
        reading=reply.reading,
        from_at=reply.from_at or None,
        items=[fire_time_of(one) for one in reply.items],
        warnings=list(reply.warnings),
    )


def _occurrence(found: wire.Occurrence) -> views.Occurrence:
    return views.Occurrence(
        found.cause, found.fire_at or None, found.due_at or None, found.attempts
    )
