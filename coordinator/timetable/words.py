"""A timetable in words, honest and simple; where words fail, the expression itself."""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.model.schedules import Schedule
from coordinator.model.settings import duration_text
from coordinator.timetable.cron import cron_of
from coordinator.timetable.rule_text import MONTHLY, WEEKLY, RuleText, rule_text

TIMES_MAX = 6  # of a day, that are named one by one
_UNITS = ("year", "month", "week", "day", "hour", "minute", "second")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WHICH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


def reading(schedule: Schedule) -> str:
    """`At 02:30 every day`, `Every 5m`, `Every 2 weeks on Monday at 09:00`."""
    if schedule.every_ms:
        every = f"Every {duration_text(schedule.every_ms)}"
        counted = (
            "" if schedule.count_from == "due" else f" from the {schedule.count_from} of the run"
        )
        return every + counted
    if schedule.cron:
        return cron_of(schedule.cron).parsed.explain()
    return _rule_in_words(rule_text(schedule.rrule)) or schedule.rrule


def _rule_in_words(rule: RuleText) -> str:
    """Empty for what would need more than a simple sentence."""
    hard = rule.positions or rule.year_days or rule.week_numbers or rule.seconds
    ordinals = any(which for which, _ in rule.weekdays)
    if hard or min(rule.month_days, default=1) < 1 or (ordinals and rule.freq != MONTHLY):
        return ""
    if any(which and which not in _WHICH for which, _ in rule.weekdays):
        return ""
    clock = _clock(rule)
    if clock is None or (rule.weekdays and rule.month_days):
        return ""
    unit = _UNITS[rule.freq]
    every = f"Every {unit}" if rule.interval == 1 else f"Every {rule.interval} {unit}s"
    return every + _days(rule) + clock + _end(rule)


def _days(rule: RuleText) -> str:
    found = ""
    if rule.weekdays:
        found += f" on {_listed([_weekday(which, day) for which, day in rule.weekdays])}"
    if rule.month_days:
        found += f" on day {_listed([str(day) for day in rule.month_days])}"
        found += "" if rule.freq == MONTHLY else " of the month"
    if rule.months:
        found += f" in {_listed([_MONTHS[month - 1] for month in rule.months])}"
    return found


def _weekday(which: int, day: int) -> str:
    return f"the {_WHICH[which]} {_DAYS[day]}" if which else _DAYS[day]


def _clock(rule: RuleText) -> str | None:
    if not rule.hours and not rule.minutes:
        return ""
    if not rule.hours or rule.freq > WEEKLY + 1:
        return None
    times = [f"{hour:02}:{minute:02}" for hour in rule.hours for minute in rule.minutes or (0,)]
    return f" at {_listed(times)}" if len(times) <= TIMES_MAX else None


def _end(rule: RuleText) -> str:
    if rule.occurrences:
        return f", {rule.occurrences} times" if rule.occurrences > 1 else ", once"
    if not rule.until:
        return ""
    date = rule.until
    clock = f" {date[9:11]}:{date[11:13]}" if len(date) > 8 else ""
    return (
        f", until {date[:4]}-{date[4:6]}-{date[6:8]}{clock}{' UTC' if date.endswith('Z') else ''}"
    )


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
