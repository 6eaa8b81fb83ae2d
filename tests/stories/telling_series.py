"""Where a recurring task stands, and what became of its fire times, told in a line. Instants count from the beginning."""

from __future__ import annotations

from coordinator.model.events import Fated
from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate, Occurrence
from coordinator.model.tasks import Task
from tests.stories.words import BEGINNING


def told_series(task: Task) -> list[str]:
    """What there is to tell of a series; nothing of a one-off."""
    series = task.series
    told = ["runs once more"] if task.run_again else []
    if series is None:
        return told
    if series.occurrence is not None:
        told.append(f"occurrence {_occurrence(series.occurrence)}")
    if series.queue:
        told.append(f"held {' and '.join(_occurrence(one) for one in series.queue)}")
    if series.needs:
        told.append(f"needs {series.needs} since {_seconds(series.since)}")
    if series.next.fire_at and not series.needs:
        due = "" if series.next.due_at == series.next.fire_at else f" due {_seconds(task.due_at)}"
        told.append(f"next {_seconds(series.next.fire_at)}{due}")
    if series.extra_at:
        told.append(f"extra {_seconds(series.extra_at)}")
    if series.failures:
        told.append(f"failures {series.failures}")
    return [*told, task.end_reason] if task.end_reason else told


def told_fate(event: Fated) -> str:
    """The fate, and the range that it is part of if that is another."""
    stored = f", in all {_fate(event.stored)}" if event.stored != event.fate else ""
    return f"  fate of {event.task_id}: {_fate(event.fate)}{stored}"


def _fate(fate: Fate) -> str:
    why = f" ({fate.reason})" if fate.reason else ""
    if fate.count == 1:
        return f"{fate.word} {_seconds(fate.first)}{why}"
    return f"{fate.word} {_seconds(fate.first)} to {_seconds(fate.last)}, {fate.count} times{why}"


def _occurrence(one: Occurrence) -> str:
    told = f"of {_seconds(one.fire_at)}" if one.fire_at else one.cause
    attempts = f" ({one.attempts} failed)" if one.attempts else ""
    return (
        f"{told}{attempts}{', placed' if one.placed else ''}{', replaced' if one.replaced else ''}"
    )


def _seconds(at: Instant) -> str:
    return f"{(at - BEGINNING) / 1000:g} s"
