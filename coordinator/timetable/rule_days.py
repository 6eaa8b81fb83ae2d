"""The days of a recurrence rule: which belong to a period, and which of them match its BY parts.

Days are numbered from 1970-01-01, as walls are. All BY parts about days narrow the days of the period down, which is what
RFC 5545's table of expansions and limits comes to.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import date
from functools import lru_cache

from coordinator.timetable.rule_text import DAILY, MONTHLY, WEEKLY, YEARLY, RuleText

YEAR_MAX = 2999
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def period_of(rule: RuleText, start: int, day: int) -> int:
    """The number of the last period of the rule that begins by `day`; the one with day `start` is 0."""
    return (_unit(rule, day) - _unit(rule, start)) // rule.interval


def days_of_period(rule: RuleText, start: int, number: int) -> tuple[int, ...] | None:
    """The matching days of a period, ascending; None beyond the year 2999."""
    unit = _unit(rule, start) + number * rule.interval
    if rule.freq != DAILY:
        return _days(rule, unit)
    if unit > _LAST_DAY:
        return None
    return (unit,) if matches_day(rule, unit) else ()


@lru_cache(maxsize=8192)
def _days(rule: RuleText, unit: int) -> tuple[int, ...] | None:
    if rule.freq == YEARLY:
        if unit > YEAR_MAX:
            return None
        begin, length = _day(date(unit, 1, 1)), 366 if isleap(unit) else 365
    elif rule.freq == MONTHLY:
        year, month = divmod(unit, 12)
        if year > YEAR_MAX:
            return None
        begin, length = _day(date(year, month + 1, 1)), monthrange(year, month + 1)[1]
    else:
        begin, length = unit * 7 + _week_shift(rule), 7
    if begin > _LAST_DAY:
        return None
    return tuple(day for day in range(begin, begin + length) if matches_day(rule, day))


def matches_day(rule: RuleText, day: int) -> bool:
    """By all BY parts that speak of days."""
    if not rule.months and not rule.has_day:
        return True
    shown = date.fromordinal(_EPOCH_DAY + day)
    if rule.months and shown.month not in rule.months:
        return False
    if rule.month_days and not _is_month_day(rule, shown):
        return False
    if rule.weekdays and not _is_weekday(rule, shown):
        return False
    if rule.year_days:
        of_year, length = shown.timetuple().tm_yday, 366 if isleap(shown.year) else 365
        if not {of_year, of_year - length - 1} & set(rule.year_days):
            return False
    return not rule.week_numbers or _is_week_number(rule, day)


def _unit(rule: RuleText, day: int) -> int:
    """The period of interval 1 that holds the day, numbered as its frequency suggests."""
    if rule.freq == DAILY:
        return day
    if rule.freq == WEEKLY:
        return (day - _week_shift(rule)) // 7
    shown = date.fromordinal(_EPOCH_DAY + day)
    return shown.year if rule.freq == YEARLY else shown.year * 12 + shown.month - 1


def _week_shift(rule: RuleText) -> int:
    """A first day of a week: 1970 began on a Thursday."""
    return rule.week_start - 3


def _is_month_day(rule: RuleText, shown: date) -> bool:
    length = monthrange(shown.year, shown.month)[1]
    return shown.day in rule.month_days or shown.day - length - 1 in rule.month_days


def _is_weekday(rule: RuleText, shown: date) -> bool:
    weekday = shown.weekday()
    for which, one in rule.weekdays:
        if one == weekday and (not which or which in _places(rule, shown)):
            return True
    return False


def _places(rule: RuleText, shown: date) -> tuple[int, int]:
    """Which Monday it is, say, of its month or year: counted from the front, and from the end."""
    if rule.freq == MONTHLY or rule.months:
        day, length = shown.day, monthrange(shown.year, shown.month)[1]
    else:
        day, length = shown.timetuple().tm_yday, 366 if isleap(shown.year) else 365
    return (day - 1) // 7 + 1, -((length - day) // 7 + 1)


def _is_week_number(rule: RuleText, day: int) -> bool:
    """A week belongs to the year that has four of its days or more."""
    first = day - (day - _week_shift(rule)) % 7
    fourth = date.fromordinal(_EPOCH_DAY + first + 3)
    of_year = fourth.timetuple().tm_yday
    number = (of_year - 1) // 7 + 1
    left = ((366 if isleap(fourth.year) else 365) - of_year) // 7
    return number in rule.week_numbers or -left - 1 in rule.week_numbers


def _day(shown: date) -> int:
    return shown.toordinal() - _EPOCH_DAY


_LAST_DAY = _day(date(YEAR_MAX, 12, 31))
