"""Local time: what a clock on the wall shows at an instant, and the instants at which it shows something.

A *wall* is what such a clock shows, as whole seconds since 1970-01-01 00:00 of its own; walls know no offset, so one may
come twice or not at all. Zone data is that of the `tzdata` package, whatever the machine has: two leaders of one release
agree, though nothing depends on it, since only the leader evaluates timetables and what it finds goes into the log.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coordinator.model.instants import DAY, SECOND, Instant, Millis

Wall = int  # seconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall has no zone


class Gap(NamedTuple):
    """Walls from `begin` up to, not including, `end` that never come: the clock is set forward at `at`."""

    at: Instant
    begin: Wall
    end: Wall


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every IANA name there is."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    if name not in zone_names():  # also keeps names such as `../../etc` from the file system
        raise ValueError(f"{name!r} is no IANA time zone")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def offset_at(zone: str, at: Instant) -> Millis:
    """How far local time is ahead of UTC."""
    day = at // DAY
    steady = _steady_offset(zone, day)
    return _looked_up(zone, at) if steady is None else steady


def wall_at(zone: str, at: Instant) -> Wall:
    """What the clock shows, the part of a second left out."""
    return (at + offset_at(zone, at)) // SECOND


def walled(zone: str, wall: Wall) -> Instant:
    """The first instant at which the clock shows `wall`, or has passed it because it was set forward."""
    day = wall // 86_400
    steady = _steady_offset(zone, day)
    if steady is not None and steady == _steady_offset(zone, day - 1) == _steady_offset(
        zone, day + 1
    ):
        return wall * SECOND - steady
    local = _local(zone, wall)
    before, after = _offset_of(local), _offset_of(local.replace(fold=1))
    if before >= after:  # it comes once, or twice
        return wall * SECOND - before
    return _bisected(zone, wall * SECOND - after, wall * SECOND - before)


def comes_twice(zone: str, wall: Wall) -> bool:
    """The clock shows it, is set back, and shows it again."""
    local = _local(zone, wall)
    later = local.replace(fold=1)
    return _offset_of(local) > _offset_of(later)


def gap_at(zone: str, at: Instant) -> Gap | None:
    """The walls that are left out at this very instant."""
    before, after = offset_at(zone, at - 1), offset_at(zone, at)
    if after <= before:
        return None
    return Gap(at, (at + before) // SECOND, (at + after) // SECOND)


def first_change(zone: str, begin: Instant, end: Instant) -> Instant | None:
    """The first instant after `begin`, up to `end`, at which the offset differs from the moment before."""
    offset = offset_at(zone, begin)
    low = begin
    while low < end:
        high = min(low + DAY, end)
        if offset_at(zone, high) != offset:
            return _bisected(zone, low, high)
        low = high
    return None


def local_text(zone: str, at: Instant) -> str:
    """`2026-10-25T02:30:00+02:00`; with milliseconds only where there are any."""
    local = (_EPOCH + timedelta(milliseconds=at)).astimezone(_zone(zone))
    return local.isoformat(timespec="milliseconds" if at % SECOND else "seconds")


def datetime_of(wall: Wall) -> datetime:
    """Without a zone, as a wall is."""
    return _WALL_EPOCH + timedelta(seconds=wall)


def wall_of(shown: datetime) -> Wall:
    since = shown - _WALL_EPOCH
    return since.days * 86_400 + since.seconds


@lru_cache(maxsize=16_384)
def _steady_offset(zone: str, day: int) -> Millis | None:
    """The offset of a whole day by UTC, None where it changes within that day or at its end.

    A look at both ends is enough: in no zone were two changes since 1970 less than six days apart (a test says so).
    """
    begin, end = _looked_up(zone, day * DAY), _looked_up(zone, (day + 1) * DAY)
    return begin if begin == end else None


def _looked_up(zone: str, at: Instant) -> Millis:
    return _offset_of((_EPOCH + timedelta(milliseconds=at)).astimezone(_zone(zone)))


def _offset_of(local: datetime) -> Millis:
    offset = local.utcoffset()
    return 0 if offset is None else offset // timedelta(milliseconds=1)


def _local(zone: str, wall: Wall) -> datetime:
    return datetime_of(wall).replace(tzinfo=_zone(zone))


def _bisected(zone: str, low: Instant, high: Instant) -> Instant:
    """The instant in (low, high] from which on the offset is not that of `low` any more."""
    offset = offset_at(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high
