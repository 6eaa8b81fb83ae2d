"""Recurring tasks as lines of text. Pure, apart from the zone data of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coordinator.cli.texts import Moments, age
from coordinator.client.schedules import expression_of
from coordinator.client.series_views import FireTime, Series
from coordinator.client.views import Json, Task

_NEAR_MS = 12 * 3_600_000
_NOTES = {
    "clock_goes_back": "clock goes back: this local time comes twice, the first one fires",
    "clock_goes_forward": "clock goes forward",
}
_USUAL = {
    "overlap": "skip",
    "misfire": "once",
    "dst_gap": "skip",
    "from": "due",
    "jitter": "0s",
    "max_catch_up": 1_000,
}


def zone_of(name: str) -> tuple[tzinfo, str]:
    """The zone and its name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name), name
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return timezone.utc, "UTC"  # noqa: UP017


def next_text(task: Task, moments: Moments) -> str:
    """`next 02:30 Europe/Berlin (in 4h)`; empty where no fire time is known."""
    series, schedule = task.series, task.spec.schedule
    at = None if series is None else series.next_due_at
    if at is None or not isinstance(schedule, Mapping):
        return ""
    away = age(max(0, at - moments.now))
    if schedule.get("every"):
        return f"next {moments.clock(at)} (in {away})"
    zone, name = zone_of(str(schedule["time_zone"]))
    moment = datetime.fromtimestamp(at / 1000, zone)
    clock = f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
    if abs(at - moments.now) >= _NEAR_MS:
        clock = f"{moment:%Y-%m-%d} {clock}"
    return f"next {clock} {name} (in {away})"


def timetable_text(schedule: Mapping[str, Json]) -> str:
    """`30 2 * * * Europe/Berlin`, `every 5m`."""
    zone = "" if schedule.get("every") else f" {schedule['time_zone']}"
    return expression_of(schedule) + zone


def schedule_line(schedule: Mapping[str, Json]) -> str:
    """The timetable, and what is not as usual."""
    parts = [timetable_text(schedule)]
    for name, value in schedule.items():
        if name in ("every", "cron", "rrule", "time_zone", "blackouts"):
            continue
        if value is not None and value != _USUAL.get(name):
            parts.append(f"{name.removesuffix('_at').replace('_', ' ')} {value}")
    parts += [f"black-out {window}" for window in schedule.get("blackouts") or ()]
    return ", ".join(parts)


def series_rows(task: Task, moments: Moments) -> Iterator[tuple[str, str]]:
    """Lines of `get` about a recurring task."""
    schedule, series = task.spec.schedule, task.series
    if isinstance(schedule, Mapping):
        yield "schedule", schedule_line(schedule)
    if series is None:
        return
    yield "next", next_text(task, moments).removeprefix("next ")
    if series.last_fire_at is not None:
        yield "last fire", moments.full(series.last_fire_at)
    yield "occurrence", _occurrence(series, moments)
    yield "failures", f"{series.failures} in a row" if series.failures else ""
    if series.extra_at is not None:
        yield "extra run", moments.full(series.extra_at)


def _occurrence(series: Series, moments: Moments) -> str:
    now = series.occurrence
    held = f"{series.queued} held back" if series.queued else ""
    if now is None:
        return held
    of = f" of {moments.clock(now.fire_at)}" if now.fire_at is not None else ""
    text = f"{now.cause}{of}"
    return f"{text}, {held}" if held else text


def fire_line(found: FireTime) -> str:
    """`2026-10-25 02:30 +02:00   00:30 UTC   clock goes back: ...`."""
    local = datetime.fromisoformat(found.local)
    instant = datetime.fromtimestamp(found.at / 1000, timezone.utc)  # noqa: UP017
    shape = "%H:%M:%S" if local.second else "%H:%M"
    offset = local.strftime("%z")
    parts = [
        f"{local:%Y-%m-%d} {local.strftime(shape)} {offset[:3]}:{offset[3:5]}",
        f"{instant.strftime(shape)} UTC",
    ]
    if found.fate != "started":
        parts.append(f"{found.fate}: {found.reason}" if found.reason else found.fate)
    if found.note:
        parts.append(_NOTES.get(found.note, found.note))
    return "   ".join(parts)
