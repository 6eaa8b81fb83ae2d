"""Black-outs: the windows in which nothing of a schedule begins (TM-15).

A weekly span goes by local time of its own zone and lasts from one local time to the other; a cron window lasts its duration
from each match. A fire time inside a window with `skip` is skipped. One inside a window with `shift` moves to its end, and
on to the end of any other window that it comes into; of several that come to one end only the last starts. A retry
inside moves to the end in either case.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from coordinator.model.instants import Instant
from coordinator.model.schedules import Blackout, Schedule
from coordinator.timetable.steps import next_fire
from coordinator.timetable.zones import Wall, wall_at, walled

HOPS_MAX = 400  # from window to window: beyond them nothing ever comes out
WEEK_MINUTES = 7 * 24 * 60
_WEEK_S = WEEK_MINUTES * 60
_FIRST_MONDAY_S = 4 * 86_400  # 1970 began on a Thursday


class Window(NamedTuple):
    begin: Instant
    end: Instant  # lies outside
    shifts: bool


def windows_at(blackouts: Sequence[Blackout], at: Instant) -> tuple[Window, ...]:
    """Those that cover the instant."""
    found = (_covering(one, at) for one in blackouts)
    return tuple(window for window in found if window is not None)


def next_begin(blackouts: Sequence[Blackout], after: Instant) -> Instant | None:
    """When the next window opens, strictly after."""
    return min((at for one in blackouts if (at := _opens(one, after)) is not None), default=None)


@lru_cache(maxsize=4096)
def moved_to(blackouts: tuple[Blackout, ...], at: Instant) -> Instant | None:
    """Where a fire time may start: itself outside all windows, the end of those that shift it; None: skipped."""
    for _ in range(HOPS_MAX):
        covering = windows_at(blackouts, at)
        if not covering:
            return at
        if not all(window.shifts for window in covering):
            return None
        at = max(window.end for window in covering)
    return None


def after_blackouts(blackouts: tuple[Blackout, ...], at: Instant) -> Instant:
    """The first instant from `at` on outside all windows, those with `skip` as well: where a retry moves to."""
    for _ in range(HOPS_MAX):
        covering = windows_at(blackouts, at)
        if not covering:
            break
        at = max(window.end for window in covering)
    return at


def _covering(blackout: Blackout, at: Instant) -> Window | None:
    if blackout.cron:
        begin = next_fire(_as_schedule(blackout), 0, at - blackout.duration_ms)
        if begin is None or begin > at:
            return None
        return Window(begin, begin + blackout.duration_ms, blackout.then == "shift")
    length = _length_s(blackout)
    begin_wall = _span_begin(blackout, wall_at(blackout.time_zone, at) + 86_400)
    for wall in (begin_wall, begin_wall - _WEEK_S, begin_wall - 2 * _WEEK_S):
        window = _span(blackout, wall, length)
        if window.begin <= at < window.end:
            return window
    return None


def _opens(blackout: Blackout, after: Instant) -> Instant | None:
    if blackout.cron:
        return next_fire(_as_schedule(blackout), 0, after)
    wall = _span_begin(blackout, wall_at(blackout.time_zone, after) - 86_400)
    while (begin := walled(blackout.time_zone, wall)) <= after:
        wall += _WEEK_S
    return begin


def _span(blackout: Blackout, wall: Wall, length: int) -> Window:
    begin, end = walled(blackout.time_zone, wall), walled(blackout.time_zone, wall + length)
    return Window(begin, end, blackout.then == "shift")


def _span_begin(blackout: Blackout, wall: Wall) -> Wall:
    """The last begin of the weekly span by this wall."""
    into = wall - _FIRST_MONDAY_S - blackout.first * 60
    return wall - into % _WEEK_S


def _length_s(blackout: Blackout) -> int:
    """From a minute to itself is the whole week."""
    minutes = (blackout.last - blackout.first) % WEEK_MINUTES
    return (minutes or WEEK_MINUTES) * 60


def _as_schedule(blackout: Blackout) -> Schedule:
    return Schedule(cron=blackout.cron, time_zone=blackout.time_zone)
