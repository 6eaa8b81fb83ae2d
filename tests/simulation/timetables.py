"""Schedules that callers ask for: short intervals, cron of seconds and minutes in zones, with every policy."""

from __future__ import annotations

from typing import Any

from coordinator.model.instants import MINUTE, Instant
from coordinator.model.schedules import Blackout, Schedule
from tests.simulation.checkers.fire_times import FIRST_MONDAY, WEEK
from tests.simulation.dice import Dice

ZONES = ("UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe")
CRONS = (
    *("* * * * *", "*/2 * * * *", "30 1 * * *", "*/10 * * * *", "0,30 1,2 * * *", "* 1-3 * * *"),
    *(
        "*/10 * * * * *",
        "*/5 * * * * 1-7",
        "7 * * * * *",
        "*/15 * 1,2 * * *",
        "20-40/4 * 0-23 * * *",
    ),
)
INTERVALS = (1_000, 2_000, 3_500, 5_000, 7_000, 10_000, 20_000)


def draw_schedule(dice: Dice, now: Instant) -> Schedule:
    """Any of them; `now` is the true time, near which a black-out or an end lies now and then."""
    given: dict[str, Any] = {"misfire": dice.pick(("once", "once", "all", "skip"))}
    if dice.percent(60):
        given["every_ms"] = dice.pick(INTERVALS)
        given["count_from"] = dice.pick(("due", "due", "due", "due", "start", "end"))
    else:
        given["cron"], given["time_zone"] = dice.pick(CRONS), dice.pick(ZONES)
    given["overlap"] = dice.pick(("skip", "skip", "queue_one", "replace"))
    given["dst_gap"] = dice.pick(("skip", "shift"))
    grace, deadline, jitter = dice.percent(60), dice.percent(15), dice.percent(15)
    window, shifts, ends = dice.percent(15), dice.percent(50), dice.percent(8)
    lead, length = dice.below(3), dice.between(1, 2)
    given["misfire_grace_ms"] = dice.pick((0, 500, 2_000)) if grace else -1
    given["max_catch_up"] = dice.pick((2, 5, 1_000))
    given["start_deadline_ms"] = dice.pick((200, 1_000, 4_000)) if deadline else 0
    if jitter:
        given["jitter_ms"] = 400
    if window:
        first = ((now - FIRST_MONDAY) % WEEK // MINUTE + lead) % (WEEK // MINUTE)
        last = (first + length) % (WEEK // MINUTE)
        given["blackouts"] = (Blackout(first, last, then="shift" if shifts else "skip"),)
    if ends:
        given["end"] = now + dice.between(5_000, 60_000)
    return Schedule(**given)
