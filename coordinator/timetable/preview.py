"""What a timetable has to come, shown before it comes (TM-19), and what may surprise about it (EX-15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from coordinator.model.instants import DAY, SECOND, Instant, Millis
from coordinator.model.schedules import Schedule
from coordinator.model.settings import duration_text
from coordinator.timetable.firing import fate_of
from coordinator.timetable.problems import shortest_gap
from coordinator.timetable.steps import (
    falls_into_gap,
    goes_by_local_time,
    next_fire,
    next_local_time,
)
from coordinator.timetable.windows import moved_to
from coordinator.timetable.zones import (
    Wall,
    comes_twice,
    datetime_of,
    first_change,
    gap_at,
    local_text,
    offset_at,
    wall_at,
)

PREVIEW_MAX = 1_000
LOOK_AHEAD: Millis = 400 * DAY  # lint: every yearly change of the clock is among them


class Previewed(NamedTuple):
    """It is due within `jitter_ms` after `at`; words as in EX-20, empty where they say null.

    `at` of a fire time that a black-out moves is the end of that black-out. `local`: ISO 8601 with the offset.
    """

    at: Instant
    local: str
    fate: str  # started, skipped
    reason: str  # of a skipped one: blackout, dst_gap
    jitter_ms: Millis
    note: str  # clock_goes_back, clock_goes_forward


def preview(
    schedule: Schedule, task_id: str, anchor: Instant, from_at: Instant, count: int
) -> tuple[Previewed, ...]:
    """The next fire times strictly after `from_at`, `count` of them and at most 1,000."""
    del task_id  # whose jitter it is: shown is the range
    found: list[Previewed] = []
    at = next_fire(schedule, anchor, from_at)
    while at is not None and len(found) < min(count, PREVIEW_MAX):
        found.append(_previewed(schedule, anchor, at))
        at = next_fire(schedule, anchor, at)
    return tuple(found)


def lint(schedule: Schedule, usual_run_ms: Millis, at: Instant) -> tuple[str, ...]:
    """Warnings, in sentences: local times that a clock change within 400 days skips or repeats, runs that take longer.

    `usual_run_ms`: 0 where it is not known.
    """
    return tuple(_warnings(schedule, usual_run_ms, at))


def _previewed(schedule: Schedule, anchor: Instant, fire_at: Instant) -> Previewed:
    zone = schedule.time_zone
    fate, note = fate_of(schedule, anchor, fire_at), _note(schedule, anchor, fire_at)
    if fate:
        return Previewed(fire_at, local_text(zone, fire_at), "skipped", fate, 0, note)
    moved = moved_to(schedule.blackouts, fire_at) or fire_at
    jitter_ms = schedule.jitter_ms if moved == fire_at else 0
    return Previewed(moved, local_text(zone, moved), "started", "", jitter_ms, note)


def _note(schedule: Schedule, anchor: Instant, fire_at: Instant) -> str:
    if schedule.every_ms:
        return ""
    if comes_twice(schedule.time_zone, wall_at(schedule.time_zone, fire_at)):
        return "clock_goes_back"
    return "clock_goes_forward" if falls_into_gap(schedule, anchor, fire_at) else ""


def _warnings(schedule: Schedule, usual_run_ms: Millis, at: Instant) -> Iterator[str]:
    if goes_by_local_time(schedule):
        yield from _clock_changes(schedule, at)
    gap = shortest_gap(schedule, at)
    if usual_run_ms > gap:
        runs, every = duration_text(usual_run_ms), duration_text(gap)
        yield (
            f"a run usually takes {runs}, fire times are as near as {every}: overlap = {schedule.overlap} "
            "decides about those that come meanwhile"
        )


def _clock_changes(schedule: Schedule, at: Instant) -> Iterator[str]:
    """One sentence for each kind of change at most: the next one says it all."""
    zone, anchor, said = schedule.time_zone, schedule.start or at, set()
    begin = at
    while (change := first_change(zone, begin, at + LOOK_AHEAD)) is not None:
        begin = change
        gap = gap_at(zone, change)
        low, high = (gap.begin, gap.end) if gap is not None else _repeated(zone, change)
        wall = next_local_time(schedule, anchor, low - 1)
        if wall is None or wall >= high or (gap is None) in said:
            continue
        said.add(gap is None)
        shown = datetime_of(wall).strftime("%H:%M" if wall % 60 == 0 else "%H:%M:%S")
        on = f"{datetime_of(wall).date()} in {zone}"
        if gap is None:
            yield f"{shown} comes twice on {on}, where the clock is set back: it fires the first time only"
        elif schedule.dst_gap == "shift":
            until = datetime_of(gap.end).strftime("%H:%M")
            yield f"{shown} does not exist on {on}, where the clock is set forward: it fires at {until}"
        else:
            yield (
                f"{shown} does not exist on {on}, where the clock is set forward: it is skipped "
                "(dst_gap = shift fires after the gap)"
            )


def _repeated(zone: str, change: Instant) -> tuple[Wall, Wall]:
    before, after = offset_at(zone, change - 1), offset_at(zone, change)
    return (change + after) // SECOND, (change + before) // SECOND
