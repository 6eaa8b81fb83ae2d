"""How often all series fire, counted by timetable (TM-79, TM-A61)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.duties import series_demand as module
from coordinator.duties.capacity import Demand
from coordinator.duties.outlook import AHEAD, Outlook, outlook
from coordinator.duties.series_demand import FRESH_MS, SeriesDemand
from coordinator.model.instants import HOUR, MINUTE, Instant
from coordinator.model.schedules import Blackout, Schedule
from coordinator.model.tasks import Desired, Status, Task, TaskSpec
from tests.unit.assignment.kit import task

AT = 1_700_000_000_000
TEN_SECONDS, TWENTY_MINUTES = Schedule(every_ms=10_000), Schedule(every_ms=1_200_000)
NIGHTLY = Schedule(cron="30 2 * * *")


def series(task_id: str, schedule: Schedule, **more: object) -> Task:
    return task(task_id, spec=TaskSpec(schedule=schedule), **more)


def test_tm_a61_need_of_two_kinds_of_series() -> None:
    demand = SeriesDemand()
    for number in range(50):
        demand.follow(None, series(f"a{number}", Schedule(every_ms=10_000)))
        demand.follow(None, series(f"b{number}", Schedule(every_ms=1_200_000)))
    assert (demand.series, demand.pending()) == (100, 100)
    assert demand.work_out(outlook, AT) == 2  # one look for each timetable
    assert demand.pending() == 0
    assert demand.demands() == (Demand("demo.noop", 302.5, 605.0),)


def test_a_series_counts_while_it_is_enabled() -> None:
    demand, one = SeriesDemand(), series("t", TEN_SECONDS)
    demand.follow(None, task("one_off"))
    demand.follow(None, one)
    demand.work_out(outlook, AT)
    paused = replace(one, desired=Desired.PAUSED)
    demand.follow(one, paused)
    assert (demand.series, demand.demands()) == (0, ())
    demand.follow(paused, one)
    demand.work_out(outlook, AT)
    dearer = replace(one, policy=replace(one.policy, cost=7))
    demand.follow(one, dearer)
    assert demand.demands() == (Demand("demo.noop", 6.0, 42.0),)
    slower = replace(dearer, spec=TaskSpec(schedule=TWENTY_MINUTES))
    demand.follow(dearer, slower)
    demand.work_out(outlook, AT)
    assert demand.demands() == (Demand("demo.noop", 0.05, 0.05 * 7),)
    ended = replace(slower, status=Status.SUCCEEDED)
    demand.follow(slower, ended)
    demand.follow(ended, None)
    assert (demand.series, demand.demands()) == (0, ())


def test_only_so_much_is_worked_out_at_a_time() -> None:
    demand, looked = SeriesDemand(), list[Schedule]()

    def rate(schedule: Schedule, _: Instant) -> Outlook:
        looked.append(schedule)
        return Outlook(1.0)

    crons = [Schedule(cron=f"{minute} * * * *") for minute in range(3)]
    for number, schedule in enumerate(crons):
        demand.follow(None, series(f"t{number}", schedule))
    assert [demand.work_out(rate, AT) for _ in range(4)] == [1, 1, 1, 0]
    assert looked == crons
    for number in range(module.EFFORT + 5):
        demand.follow(None, series(f"e{number}", Schedule(every_ms=1_000 + number)))
    assert demand.work_out(rate, AT) == module.EFFORT
    assert demand.work_out(rate, AT) == 5


def test_a_timetable_is_worked_out_again_when_its_week_is_another() -> None:
    demand = SeriesDemand()
    demand.follow(None, series("t", NIGHTLY))
    assert demand.work_out(outlook, AT) == 1
    assert demand.demands()[0].per_minute == 7 / 10_080
    assert demand.work_out(outlook, AT + FRESH_MS - 1) == 0
    demand.follow(None, series("u", TEN_SECONDS))
    assert demand.work_out(outlook, AT + FRESH_MS) == 2


def test_tm_76_the_forecast_of_the_next_hour() -> None:
    demand, hour = SeriesDemand(), AT - AT % HOUR
    for number in range(4):
        demand.follow(None, series(f"c{number}", Schedule(cron="0,30 * * * *")))
    demand.follow(None, series("i", TWENTY_MINUTES))
    demand.follow(None, series("busy", Schedule(cron="* * * * *")))
    for _ in range(3):
        demand.work_out(outlook, hour + 1)
    found = demand.forecast(hour + 10 * MINUTE)
    assert len(found) == 60
    assert (found[20], found[50]) == (5.05, 5.05)
    assert set(found[:20] + found[21:50] + found[51:]) == {1.05}


def test_tm_76_what_a_black_out_skips_is_not_forecast() -> None:
    hour = AT - AT % HOUR
    closed = Blackout(cron="0 * * * *", duration_ms=35 * MINUTE)
    half_hours = Schedule(cron="0,30,45 * * * *", blackouts=(closed,))
    seen = outlook(half_hours, hour + 1)
    assert seen.minutes == (hour // MINUTE + 45, hour // MINUTE + 105)
    shifted = outlook(replace(half_hours, blackouts=(replace(closed, then="shift"),)), hour + 1)
    assert (shifted.minutes or ())[:2] == (hour // MINUTE + 35, hour // MINUTE + 45)


def test_an_outlook_goes_as_far_as_it_is_looked_at_again() -> None:
    assert outlook(NIGHTLY, AT).per_minute == 7 / 10_080
    every_minute = outlook(Schedule(cron="* * * * *"), AT)
    assert every_minute.per_minute == 1.0
    assert every_minute.minutes is None or len(every_minute.minutes) == AHEAD
    assert outlook(Schedule(cron="* * * * * *"), AT) == Outlook(60.0)
    assert outlook(Schedule(cron="0 0 1 1 *", end=AT), AT) == Outlook(0.0, ())


def test_timetables_that_come_and_go_leave_nothing_behind() -> None:
    demand = SeriesDemand()
    for number in range(100):
        one = series("t", Schedule(every_ms=1_000 + number))
        demand.follow(None, one)
        if number % 2:
            demand.work_out(outlook, AT)
        demand.follow(one, None)
    assert not demand._timetables
    assert not demand._new
    assert not demand._worked_out
