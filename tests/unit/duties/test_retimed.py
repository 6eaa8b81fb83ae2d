"""Series whose timetable was edited, or that were paused: the leader's word and the law, one after the other (TM-25, TM-27)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.duties.firing import fire_due
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import AssignTask, Command, PauseTask, ResumeTask, RetryTask
from coordinator.model.instants import HOUR, MINUTE, SECOND, Instant, Now
from coordinator.model.schedules import Firing, Schedule
from coordinator.model.tasks import Status
from tests.unit.machine.kit import on
from tests.unit.machine.recurring import Recurring, T

MONDAY = 1_780_272_000_000  # 2026-06-01 00:00 UTC
MINUTELY = Schedule(every_ms=MINUTE, count_from="end")


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
