"""Instants as people write them, and fire times one after the other."""

from __future__ import annotations

from datetime import UTC, datetime

from coordinator.model.instants import Instant
from coordinator.model.schedules import Firing, Schedule, Series
from coordinator.timetable import fate_of, next_firing

TASK = "nightly"


def instant(text: str) -> Instant:
    """Of `2026-10-25T00:30` by UTC, or with an offset of its own."""
    found = datetime.fromisoformat(text)
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1_000)


def utc(at: Instant) -> str:
    """`2026-10-25T00:30`, with seconds only where there are any."""
    shown = datetime.fromtimestamp(at / 1_000, UTC)
    return shown.strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")


def fires(schedule: Schedule, after: str, count: int, anchor: str = "") -> list[str]:
    """The next fire times strictly after an instant, with the fate of those that will not start."""
    at, found = instant(after), []
    begun = instant(anchor) if anchor else at
    for _ in range(count):
        firing = next_firing(schedule, TASK, begun, at)
        if firing == Firing():
            break
        at = firing.fire_at
        found.append(f"{utc(at)} {fate_of(schedule, begun, at)}".strip())
    return found


def waiting(first: Instant, anchor: Instant | None = None, due_at: Instant | None = None) -> Series:
    """A series that waits for this fire time."""
    begun = first if anchor is None else anchor
    return Series(begun, Firing(first, first if due_at is None else due_at))
