"""The text of a recurrence rule (RFC 5545, section 3.3.10), parsed and checked part by part."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from coordinator.timetable.times import DAY_S
from coordinator.timetable.zones import Wall, wall_at, wall_of

RRULE_CHARS_MAX = 1_000
COUNT_MAX = 10_000
INTERVAL_MAX = 366 * DAY_S
YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY = range(7)
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)


class RuleText(NamedTuple):
    """Every part as given; an empty tuple where it is absent. Tuples ascend."""

    freq: int
    interval: int = 1
    occurrences: int = 0  # COUNT; 0: none
    until: str = ""
    week_start: int = 0  # Monday
    seconds: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()  # (which one of the period or 0, Monday = 0)
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    week_numbers: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()

    @property
    def has_day(self) -> bool:
        return bool(self.weekdays or self.month_days or self.year_days or self.week_numbers)

    @property
    def is_fixed(self) -> bool:
        """More than a frequency and an interval is given (TM-17)."""
        clock = self.seconds or self.minutes or self.hours
        return bool(clock or self.has_day or self.months)

    def last_wall(self, zone: str) -> Wall | None:
        """What UNTIL means: a date alone is that whole day."""
        found = _UNTIL.fullmatch(self.until)
        if found is None:
            return None
        if not found[2]:
            return wall_of(datetime.strptime(found[1], "%Y%m%d")) + DAY_S - 1  # noqa: DTZ007 - a wall
        wall = wall_of(datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S"))  # noqa: DTZ007
        return wall_at(zone, wall * 1_000) if found[3] else wall


@lru_cache(maxsize=4096)
def rule_text(text: str) -> RuleText:
    """ValueError names the part that is wrong, its value and its bounds."""
    if len(text) > RRULE_CHARS_MAX:
        raise ValueError(f"has {len(text)} characters, at most {RRULE_CHARS_MAX} are allowed")
    given: dict[str, object] = {}
    for part in text.strip().upper().removeprefix("RRULE:").strip(";").split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in _PARTS:
            raise ValueError(f"{part!r} is no part of a rule; parts are {', '.join(_PARTS)}")
        field, parse = _PARTS[name]
        if field in given:
            raise ValueError(f"{name} is given twice")
        given[field] = parse(name, value)
    if "freq" not in given:
        raise ValueError(f"has no FREQ: one of {', '.join(FREQUENCIES)}")
    rule = RuleText(**given)  # type: ignore[arg-type]  # each parser gives what its field holds
    _check_together(rule)
    return rule


def _check_together(rule: RuleText) -> None:
    name = FREQUENCIES[rule.freq]
    ordinals = any(which for which, _ in rule.weekdays)
    objections = (
        (rule.occurrences and rule.until, "COUNT and UNTIL exclude each other"),
        (rule.week_numbers and rule.freq != YEARLY, f"BYWEEKNO is for YEARLY, not {name}"),
        (
            rule.year_days and rule.freq in {DAILY, WEEKLY, MONTHLY},
            f"BYYEARDAY is not for {name}",
        ),
        (rule.month_days and rule.freq == WEEKLY, "BYMONTHDAY is not for WEEKLY"),
        (
            ordinals and (rule.freq not in {YEARLY, MONTHLY} or bool(rule.week_numbers)),
            f"BYDAY with a number (1MO) is for MONTHLY, or YEARLY without BYWEEKNO, not {name}",
        ),
        (rule.positions and not rule.is_fixed, "BYSETPOS needs another BY part to choose from"),
    )
    for wrong, why in objections:
        if wrong:
            raise ValueError(why)


def _frequency(name: str, value: str) -> int:
    if value not in FREQUENCIES:
        raise ValueError(f"{name} {value!r} is none of {', '.join(FREQUENCIES)}")
    return FREQUENCIES.index(value)


def _number(low: int, high: int) -> Callable[[str, str], int]:
    def parse(name: str, value: str) -> int:
        if not _NUMBER.fullmatch(value) or not low <= int(value) <= high:
            raise ValueError(f"{name} {value!r} must be {low} .. {high}")
        return int(value)

    return parse


def _numbers(low: int, high: int) -> Callable[[str, str], tuple[int, ...]]:
    """A list; with `low` = 1 the numbers may count from the end as well, unless they are months."""

    def parse(name: str, value: str) -> tuple[int, ...]:
        backwards = low == 1 and name != "BYMONTH"
        allowed = f"{low} .. {high}" + (f" or -{high} .. -1" if backwards else "")
        found = set()
        for one in value.split(","):
            number = int(one) if _NUMBER.fullmatch(one) else high + 1
            if not low <= (abs(number) if backwards else number) <= high:
                raise ValueError(f"{name} {one!r} must be {allowed}")
            found.add(number)
        return tuple(sorted(found))

    return parse


def _weekdays(name: str, value: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for one in value.split(","):
        match = _WEEKDAY.fullmatch(one)
        which = int(match[1]) if match is not None and match[1] else 0
        if match is None or abs(which) > 53 or (match[1] and not which):
            raise ValueError(
                f"{name} {one!r} must be {', '.join(WEEKDAYS)}, or such as 1MO or -1FR"
            )
        found.add((which, WEEKDAYS.index(match[2])))
    return tuple(sorted(found))


def _weekday(name: str, value: str) -> int:
    if value not in WEEKDAYS:
        raise ValueError(f"{name} {value!r} is none of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(value)


def _until(name: str, value: str) -> str:
    found = _UNTIL.fullmatch(value)
    try:
        if found is None:
            raise ValueError
        day = datetime.strptime(found[1] + (found[2] or "000000"), "%Y%m%d%H%M%S")  # noqa: DTZ007
        if not 1970 <= day.year < 3000:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{name} {value!r} must be such as 20271231, 20271231T090000 (local time) or 20271231T080000Z, "
            "before the year 3000"
        ) from None
    return value


_PARTS: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "FREQ": ("freq", _frequency),
    "INTERVAL": ("interval", _number(1, INTERVAL_MAX)),
    "COUNT": ("occurrences", _number(1, COUNT_MAX)),
    "UNTIL": ("until", _until),
    "WKST": ("week_start", _weekday),
    "BYSECOND": ("seconds", _numbers(0, 59)),
    "BYMINUTE": ("minutes", _numbers(0, 59)),
    "BYHOUR": ("hours", _numbers(0, 23)),
    "BYDAY": ("weekdays", _weekdays),
    "BYMONTHDAY": ("month_days", _numbers(1, 31)),
    "BYYEARDAY": ("year_days", _numbers(1, 366)),
    "BYWEEKNO": ("week_numbers", _numbers(1, 53)),
    "BYMONTH": ("months", _numbers(1, 12)),
    "BYSETPOS": ("positions", _numbers(1, 366)),
}
