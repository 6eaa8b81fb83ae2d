"""Series whose timetable was edited, or that were paused: the leader's word and the law, one after the other (TM-25, TM-27)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.duties.firing import fire_due
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import AssignTask, Command, PauseTask, ResumeTask, RetryTask
from coordinator.model.instants import DAY, HOUR, MINUTE, SECOND, Instant, Now
from coordinator.model.schedules import Blackout, Firing
from coordinator.model.tasks import Status
from tests.unit.machine.kit import on
from tests.unit.machine.recurring import MISSED, STARTED, Recurring, T

MONDAY = 1_780_272_000_000  # 2026-06-01 00:00 UTC
NIGHT = (Blackout(cron="0 2 * * *", duration_ms=HOUR),)


class Led(Recurring):
    """The leader says what it finds when it is asked to."""

    def __init__(self, at: Instant = MONDAY + 10 * HOUR, **schedule: Any) -> None:
        super().__init__(timed=False, **{"every_ms": 0, **schedule})
        self.at = max(self.at, at)
        first = replace(self.task(), series=replace(self.series, since=self.at))
        self.force(first)

    def found(self) -> list[Command]:
        """What the leader would say now."""
        agenda = fire_due(LeaderView(self.state), Now(self.at, self.at))
        return [item.command for item in agenda.items]

    def lead(self) -> None:
        for command in self.found():
            self.accept(command)

    def run(self) -> Instant:
        """The next fire time comes and runs; when that was."""
        self.lead()
        fire_at = self.series.next.fire_at
        self.at = max(self.at, self.series.next.due_at)
        self.lead()
        self.accept(AssignTask(T, self.task().allocation_id, on()))
        self.succeed()
        self.lead()
        return fire_at

    def change(self, **more: Any) -> None:
        schedule = self.task().spec.schedule
        assert schedule is not None
        self.edit(replace(schedule, **more))


def _running(**schedule: Any) -> Led:
    """One that counts from its runs, while the first of them is in progress."""
    led = Led(every_ms=MINUTE, **schedule)
    led.lead()
    led.lead()
    led.accept(AssignTask(T, led.task().allocation_id, on()))
    led.begin()
    led.at += SECOND
    return led


def _edit(led: Led) -> None:
    led.change(every_ms=2 * MINUTE)


def _pause_and_resume(led: Led) -> None:
    led.accept(PauseTask(T, finish=True))
    led.accept(ResumeTask(T))


@pytest.mark.parametrize("count_from", ["start", "end"])
@pytest.mark.parametrize("wish, every", [(_edit, 2 * MINUTE), (_pause_and_resume, MINUTE)])
def test_tm_16_a_wish_while_the_run_ends_does_not_end_the_series(
    count_from: str, wish: Any, every: int
) -> None:
    """What the leader finds before the end of the run is known is in the log behind that end."""
    led = _running(count_from=count_from)
    began = led.at - SECOND
    wish(led)
    said = led.found()
    led.at += SECOND
    led.succeed()
    for command in said:
        led.do(command)
    led.lead()
    expected = every + (led.at if count_from == "end" else began)
    assert (led.task().status, led.series.next) == (Status.WAITING, Firing(expected, expected))


def test_tm_7_a_wish_while_it_runs_is_followed_by_the_interval_from_its_end() -> None:
    led = _running(count_from="end")
    _edit(led)
    led.lead()
    led.at += 10 * MINUTE
    led.succeed()
    led.lead()
    assert led.series.next.fire_at == led.at + 2 * MINUTE


def test_tm_16_a_wish_while_it_has_no_place_yet_does_not_end_the_series() -> None:
    """All within a millisecond, so that no instant tells the wishes apart."""
    led = Led(every_ms=MINUTE, count_from="end")
    led.lead()
    led.lead()
    led.change(every_ms=2 * MINUTE)
    said = led.found()
    led.accept(PauseTask(T))
    led.accept(ResumeTask(T))
    for command in said:
        led.do(command)
    led.lead()
    assert (led.task().status, led.series.next.fire_at) == (Status.WAITING, led.at + 2 * MINUTE)


def test_tm_29_a_run_by_hand_before_the_leader_has_spoken_leaves_the_timetable_alone() -> None:
    led = Led(every_ms=MINUTE, count_from="end")
    fire_at = led.run()
    led.change(every_ms=2 * MINUTE)
    led.run_now(assignment=on())
    said = led.found()
    led.succeed()
    for command in said:
        led.accept(command)
    assert led.series.next.fire_at == fire_at + 2 * MINUTE


def test_tm_25_a_start_to_come_is_kept_over_the_run_in_progress() -> None:
    led = _running(count_from="end")
    later = led.at + HOUR
    led.change(start=later)
    led.lead()
    led.succeed()
    led.lead()
    assert led.series.next.fire_at == later


def test_tm_56_after_a_retry_an_interval_counts_from_that_run() -> None:
    led = _running(count_from="end")
    led.fail(permanent=True, reason="permanent")
    led.at += HOUR
    led.accept(RetryTask(T))
    said = led.found()
    led.accept(AssignTask(T, led.task().allocation_id, on()))
    led.succeed()
    for command in said:
        led.do(command)
    assert led.series.next.fire_at == led.at + MINUTE


# -- edits that say nothing about when, or not which timetable (TM-25) ------------------------------

POLICIES = (
    {"overlap": "queue_one"},
    {"misfire": "all"},
    {"misfire_grace_ms": 5},
    {"max_catch_up": 3},
    {"start_deadline_ms": HOUR},
    {"pause_after_failures": 3},
)
WHEN = ({"jitter_ms": 1}, {"end": MONDAY + 365 * DAY}, {"dst_gap": "shift"}, {"blackouts": NIGHT})
NINE = 9 * HOUR


@pytest.mark.parametrize("more", [*POLICIES, *WHEN])
@pytest.mark.parametrize(
    "rrule, later, following",
    [
        ("FREQ=DAILY;BYHOUR=9;COUNT=2", 5 * HOUR, 2 * DAY + NINE),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;BYHOUR=9", 3 * DAY, 18 * DAY + NINE),
        ("FREQ=WEEKLY", 5 * HOUR, 7 * DAY + 10 * HOUR),
    ],
)
def test_tm_25_a_rule_goes_on_where_its_timetable_stays(
    rrule: str, later: int, following: int, more: dict[str, Any]
) -> None:
    led = Led(rrule=rrule)
    led.run()
    led.at += later
    led.change(**more)
    led.lead()
    assert led.series.next.fire_at == MONDAY + following
    if "COUNT" in rrule:
        led.run()
        assert led.task().end_reason == "schedule_ended"


@pytest.mark.parametrize("more", [{"time_zone": "Asia/Tokyo"}, {"rrule": "FREQ=WEEKLY;WKST=SU"}])
def test_tm_25_another_rule_begins_with_the_edit(more: dict[str, Any]) -> None:
    led = Led(rrule="FREQ=WEEKLY")
    led.run()
    led.at += 5 * HOUR
    led.change(**more)
    led.lead()
    assert led.series.next.fire_at == led.at + 7 * DAY


@pytest.mark.parametrize("more", POLICIES)
@pytest.mark.parametrize("count_from", ["due", "start", "end"])
def test_tm_25_an_interval_stays_where_its_policies_change(
    count_from: str, more: dict[str, Any]
) -> None:
    led = Led(every_ms=HOUR, count_from=count_from)
    led.run()
    before = led.series
    led.at += 5
    led.change(**more)
    assert led.series == before


@pytest.mark.parametrize("more", POLICIES)
def test_tm_25_what_has_come_and_waits_for_its_jitter_is_not_lost_with_a_policy(
    more: dict[str, Any],
) -> None:
    led = Led(cron="0 9 * * *", jitter_ms=HOUR)
    led.lead()
    firing = led.series.next
    led.at = (firing.fire_at + firing.due_at) // 2
    led.change(**more)
    assert led.run() == firing.fire_at
    assert led.fates == [(STARTED, "", firing.fire_at)]


def test_tm_25_what_is_due_and_not_handled_yet_goes_by_the_new_policies() -> None:
    led = Led(every_ms=HOUR)
    led.lead()
    fire_at = led.series.next.fire_at
    led.at = fire_at + MINUTE
    led.change(misfire="skip", misfire_grace_ms=0)
    assert led.series.handled == 0
    led.lead()
    assert led.fates == [(MISSED, "misfire", fire_at)]


def test_tm_25_after_two_edits_in_a_row_a_rule_begins_anew_if_either_asks_for_that() -> None:
    led = Led(rrule="FREQ=WEEKLY")
    led.run()
    led.at += 5 * HOUR
    led.change(rrule="FREQ=WEEKLY;WKST=SU")
    led.change(overlap="queue_one")
    led.change(jitter_ms=1)
    led.lead()
    assert led.series.next.fire_at == led.at + 7 * DAY


@pytest.mark.parametrize("more", [{}, {"overlap": "queue_one"}, {"jitter_ms": 1}])
def test_tm_4_a_run_that_returns_the_timetable_it_has_begins_nothing_anew(
    more: dict[str, Any],
) -> None:
    led = Led(rrule="FREQ=DAILY;BYHOUR=9;COUNT=2")
    schedule = led.task().spec.schedule
    assert schedule is not None
    for _ in range(2):
        led.lead()
        led.at = led.series.next.due_at
        led.lead()
        led.accept(AssignTask(T, led.task().allocation_id, on()))
        led.succeed(schedule=replace(schedule, **more))
    led.lead()
    assert led.task().end_reason == "schedule_ended"


# -- edits during a pause (TM-27) --------------------------------------------------------------------


def _paused(*, passes: bool, **schedule: Any) -> Led:
    led = Led(**schedule)
    led.lead()
    led.accept(PauseTask(T))
    led.at = led.series.next.due_at + (MINUTE if passes else -MINUTE)
    return led


EDITS = ({"jitter_ms": 7}, {"cron": "0 17 * * *", "rrule": ""}, {"end": MONDAY + 365 * DAY})


@pytest.mark.parametrize("more", EDITS)
@pytest.mark.parametrize("rule", [{"cron": "0 11 * * *"}, {"rrule": "FREQ=DAILY;BYHOUR=11"}])
@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize("speaks", [True, False])
def test_tm_27_a_fire_time_that_passed_before_an_edit_is_made_up_for_once(
    more: dict[str, Any], rule: dict[str, Any], passes: bool, speaks: bool
) -> None:
    led = _paused(passes=passes, **rule)
    for _ in range(2):
        led.change(**more)
        if speaks:
            led.lead()
    led.accept(ResumeTask(T))
    assert led.task().status is (Status.UNASSIGNED if passes else Status.WAITING)
    assert (led.task().cause == "resumed") is passes
    led.lead()
    assert led.series.next.fire_at > led.at
    if passes:
        led.accept(AssignTask(T, led.task().allocation_id, on()))
        led.succeed()
    led.accept(PauseTask(T))
    led.change(start_deadline_ms=MINUTE, dst_gap="shift")
    led.lead()
    led.accept(ResumeTask(T))
    assert (led.task().status, led.series.occurrence) == (Status.WAITING, None)


def test_tm_27_it_is_not_made_up_for_where_that_is_not_wanted() -> None:
    led = _paused(passes=True, cron="0 11 * * *")
    led.change(jitter_ms=7)
    led.lead()
    led.accept(ResumeTask(T, no_catch_up=True))
    assert led.task().status is Status.WAITING
    led.accept(PauseTask(T))
    led.accept(ResumeTask(T))
    assert led.task().status is Status.WAITING


def test_tm_27_an_interval_that_counts_from_its_runs_counts_from_the_one_made_up_for() -> None:
    led = _paused(passes=True, every_ms=HOUR, count_from="end")
    led.change(every_ms=2 * HOUR)
    led.lead()
    led.accept(ResumeTask(T))
    led.accept(AssignTask(T, led.task().allocation_id, on()))
    led.at += MINUTE
    led.succeed()
    led.lead()
    assert led.series.next.fire_at == led.at + 2 * HOUR


def test_tm_56_a_retry_is_all_that_is_made_up_for() -> None:
    """It failed for good while it was paused, and a fire time had passed."""
    led = Led(cron="0 11 * * *")
    led.lead()
    led.accept(PauseTask(T))
    led.run_now(assignment=on())
    led.at = led.series.next.due_at + MINUTE
    led.change(jitter_ms=7)
    led.fail(permanent=True, reason="permanent")
    led.accept(RetryTask(T))
    led.accept(AssignTask(T, led.task().allocation_id, on()))
    led.succeed()
    led.lead()
    led.accept(PauseTask(T))
    led.accept(ResumeTask(T))
    assert led.task().status is Status.WAITING
