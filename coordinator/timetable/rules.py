"""Recurrence rules of RFC 5545, stepped on walls: the periods that come, their days, and the times on those days.

Own steps on purpose: the library (python-dateutil) walks from DTSTART each time, and on to the year 9999 where nothing
matches. Here the period that holds the instant asked for is found by arithmetic, and a search ends after 40,000 periods or
100 years. The tests compare with the library.

A rule is given without DTSTART: the anchor of the schedule takes its place. Where that is not the caller's own `start`,
parts finer than the coarsest clock part given count as 0: FREQ=DAILY;BYHOUR=9 is 09:00:00.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from coordinator.timetable.rule_days import days_of_period, matches_day, period_of
from coordinator.timetable.rule_text import (
    DAILY,
    HOURLY,
    MINUTELY,
    MONTHLY,
    SECONDLY,
    WEEKLY,
    YEARLY,
    RuleText,
    rule_text,
)
from coordinator.timetable.times import DAY_S, HOUR_S, MINUTE_S, TimesOfDay
from coordinator.timetable.zones import Wall, datetime_of

PERIODS_MAX = 40_000
SEARCH_DAYS = 100 * 366
_DAYS_OF = {YEARLY: 366, MONTHLY: 31, WEEKLY: 7, DAILY: 1}
_LAST_WALL: Wall = 32_503_680_000  # the year 3000
_UNITS = {HOURLY: HOUR_S, MINUTELY: MINUTE_S, SECONDLY: 1}


class Rule(NamedTuple):
    """A rule with its DTSTART filled in."""

    text: RuleText
    start: Wall
    last: Wall  # UNTIL, or the last one of COUNT
    times: (
        TimesOfDay  # of a day that matches; for HOURLY and finer what of it the period does not fix
    )

    def next_wall(self, after: Wall) -> Wall | None:
        """The first one strictly after; None when there is none, or none found."""
        after = max(after, self.start - 1)
        step = _by_days if self.text.freq <= DAILY else _by_clock
        found = step(self, after)
        return found if found is not None and found <= self.last else None

    def count_between(self, begin: Wall, end: Wall) -> int | None:
        """How many there are from `begin` up to, not including, `end`; None where only a walk can tell."""
        if self.text.positions:
            return None
        begin, end = max(begin, self.start), min(end, self.last + 1)
        if self.text.freq <= DAILY:
            return _count_by_days(self, begin, end)
        if self.text.is_fixed:
            return None
        step = _UNITS[self.text.freq] * self.text.interval
        return max(0, -(-(end - self.start) // step) - -(-(begin - self.start) // step))


@lru_cache(maxsize=4096)
def rule_of(text: str, zone: str, start: Wall, start_is_given: bool) -> Rule:  # noqa: FBT001 - of two kinds of start
    """`start`: the wall that stands for DTSTART. ValueError as for `rule_text`."""
    rule = _with_days(rule_text(text), start)
    times = _times(rule, start, start_is_given)
    if (
        rule.freq > DAILY and rule.interval == 1 and not rule.positions
    ):  # the same, as times of days
        times = _all_times(rule, times)
        rule = rule._replace(freq=DAILY)
    last = rule.last_wall(zone)
    found = Rule(rule, start, _LAST_WALL if last is None else last, times)
    return found if not rule.occurrences else found._replace(last=_last_of_count(found))


def _last_of_count(rule: Rule) -> Wall:
    wall = rule.start - 1
    for _ in range(rule.text.occurrences):
        following = rule.next_wall(wall)
        if following is None:
            break
        wall = following
    return wall


def _with_days(rule: RuleText, start: Wall) -> RuleText:
    """Where the rule leaves days open, they are those of DTSTART."""
    shown = datetime_of(start)
    weekday = ((0, shown.weekday()),)
    if rule.week_numbers and not (rule.weekdays or rule.month_days or rule.year_days):
        return rule._replace(weekdays=weekday)
    if rule.has_day:
        return rule
    if rule.freq == YEARLY:
        return rule._replace(months=rule.months or (shown.month,), month_days=(shown.day,))
    if rule.freq == MONTHLY:
        return rule._replace(month_days=(shown.day,))
    return rule._replace(weekdays=weekday) if rule.freq == WEEKLY else rule


def _times(rule: RuleText, start: Wall, start_is_given: bool) -> TimesOfDay:  # noqa: FBT001
    shown = datetime_of(start)
    minute, second = shown.minute, shown.second
    if not start_is_given and rule.hours:
        minute = second = 0
    elif not start_is_given and rule.minutes:
        second = 0
    return TimesOfDay(
        rule.hours or (shown.hour,), rule.minutes or (minute,), rule.seconds or (second,)
    )


def _all_times(rule: RuleText, times: TimesOfDay) -> TimesOfDay:
    """Of every hour, minute or second."""
    return TimesOfDay(
        rule.hours or tuple(range(24)),
        rule.minutes or (tuple(range(60)) if rule.freq >= MINUTELY else times.minutes),
        rule.seconds or (tuple(range(60)) if rule.freq == SECONDLY else times.seconds),
    )


def _by_days(rule: Rule, after: Wall) -> Wall | None:
    """YEARLY to DAILY: a period is a number of whole days."""
    start = rule.start // DAY_S
    first = max(0, period_of(rule.text, start, (after + 1) // DAY_S))
    periods = SEARCH_DAYS // _DAYS_OF[rule.text.freq] // rule.text.interval + 2
    for number in range(first, first + periods):
        days = days_of_period(rule.text, start, number)
        if days is None:
            return None
        found = _within(rule.text, days, rule.times, after)
        if found is not None:
            return found
    return None


def _count_by_days(rule: Rule, begin: Wall, end: Wall) -> int:
    start, (first, low), (last, high) = (
        rule.start // DAY_S,
        divmod(begin, DAY_S),
        divmod(end, DAY_S),
    )
    found = 0
    for number in range(
        max(0, period_of(rule.text, start, first)), period_of(rule.text, start, last) + 1
    ):
        for day in days_of_period(rule.text, start, number) or ():
            below = rule.times.rank(low) if day == first else 0
            if first <= day < last:
                found += rule.times.total - below
            elif day == last:
                found += rule.times.rank(high) - below
    return max(0, found)


def _by_clock(rule: Rule, after: Wall) -> Wall | None:
    """HOURLY to SECONDLY: a period is one hour, minute or second; whole days, hours and minutes are left out at once."""
    text, unit = rule.text, _UNITS[rule.text.freq]
    origin, interval = rule.start // unit, rule.text.interval
    number = origin + max(0, (after // unit - origin) // interval) * interval
    for _ in range(PERIODS_MAX):
        begin = number * unit
        if begin > after + SEARCH_DAYS * DAY_S:
            return None
        skipped = _left_out(text, unit, begin)
        if skipped is None:
            found = _within(text, (begin // DAY_S,), _times_of_period(rule, unit, begin), after)
            if found is not None:
                return found
            number += interval
        else:
            number = origin + -(-(skipped // unit - origin) // interval) * interval
    return None


def _left_out(text: RuleText, unit: int, begin: Wall) -> Wall | None:
    """Where the next day, hour, minute or second begins, if this one does not match."""
    if not matches_day(text, begin // DAY_S):
        return (begin // DAY_S + 1) * DAY_S
    if text.hours and begin % DAY_S // HOUR_S not in text.hours:
        return (begin // HOUR_S + 1) * HOUR_S
    if unit <= MINUTE_S and text.minutes and begin % HOUR_S // MINUTE_S not in text.minutes:
        return (begin // MINUTE_S + 1) * MINUTE_S
    if unit == 1 and text.seconds and begin % MINUTE_S not in text.seconds:
        return begin + 1
    return None


def _times_of_period(rule: Rule, unit: int, begin: Wall) -> TimesOfDay:
    hour, minute, second = begin % DAY_S // HOUR_S, begin % HOUR_S // MINUTE_S, begin % MINUTE_S
    return TimesOfDay(
        (hour,),
        (minute,) if unit <= MINUTE_S else rule.times.minutes,
        (second,) if unit == 1 else rule.times.seconds,
    )


def _within(text: RuleText, days: Sequence[int], times: TimesOfDay, after: Wall) -> Wall | None:
    """The first one of a period strictly after; BYSETPOS counts among all of the period."""
    if text.positions:
        total = len(days) * times.total
        places = (place - 1 if place > 0 else total + place for place in text.positions)
        walls = (_at(days, times, place) for place in places if 0 <= place < total)
        return min((wall for wall in walls if wall > after), default=None)
    day, second = divmod(after + 1, DAY_S)
    for one in days[bisect_left(days, day) :]:
        found = times.first(second if one == day else 0)
        if found is not None:
            return one * DAY_S + found
    return None


def _at(days: Sequence[int], times: TimesOfDay, place: int) -> Wall:
    day, time = divmod(place, times.total)
    return days[day] * DAY_S + times.at(time)
