"""Percentiles, rates, windows: what the figures on health are made of."""

from __future__ import annotations

from coordinator.duties.run_window import RunWindow
from coordinator.duties.spread import NOTHING_MEASURED, Rate, spread_of
from coordinator.model.instants import MINUTE, SECOND
from coordinator.model.tasks import RunOutcome

AT = 1_700_000_000_000


def test_percentiles_are_values_that_were_measured() -> None:
    found = spread_of(range(100, 0, -1))
    assert (found.count, found.mean) == (100, 50.5)
    assert (found.p50, found.p90, found.p95, found.p99) == (50, 90, 95, 99)
    assert spread_of([*[1] * 49, 61_000]).p99 == 61_000
    assert spread_of([7]).p50 == 7
    assert spread_of([]) == NOTHING_MEASURED


def test_a_rate_looks_back_ten_minutes() -> None:
    rate = Rate(AT)
    for second in range(0, 600, 2):
        rate.add(AT + second * SECOND, 2)
    assert rate.per_minute(AT + 10 * MINUTE) == (30, 60)
    later, _ = rate.per_minute(AT + 15 * MINUTE)
    assert 14 <= later <= 15.5
    assert rate.per_minute(AT + 22 * MINUTE) == (0, 0)


def test_a_young_rate_is_of_the_time_there_was_and_at_least_of_a_minute() -> None:
    rate = Rate(AT)
    for _ in range(10):
        rate.add(AT)
    assert rate.per_minute(AT) == (10, 0)
    assert rate.per_minute(AT + 2 * MINUTE) == (5, 0)


def test_a_rate_holds_no_more_than_its_ten_minutes() -> None:
    rate = Rate(AT)
    for minute in range(10_000):
        rate.add(AT + minute * MINUTE)
    assert len(rate._buckets) <= 62


def test_a_window_holds_the_last_runs_of_each_kind_of_figure() -> None:
    window = RunWindow(10)
    for number in range(25):
        window.began(number, 2 * number)
    for number in range(12):
        failed = number >= 10
        window.ended(number, RunOutcome.FAILED if failed else RunOutcome.SUCCEEDED, 3)
    found = window.figures()
    assert (found.start_delay.count, found.start_delay.p50, found.start_delay.p99) == (10, 19, 24)
    assert found.hand_over.p99 == 48
    assert (found.runs, found.units) == (10, 30)
    assert found.outcomes == (("failed", 2), ("succeeded", 8))
    assert found.share(RunOutcome.FAILED) == 0.2
    assert window.figures() is found  # worked out once


def test_a_window_keeps_the_newest_when_it_shrinks() -> None:
    window = RunWindow(50)
    for number in range(50):
        window.began(number, 0)
        window.ended(number, RunOutcome.SUCCEEDED, 1)
    window.resize(10)
    found = window.figures()
    assert (found.start_delay.count, found.start_delay.p50) == (10, 44)
    assert (found.runs, found.duration.p99) == (10, 49)


def test_clocks_that_disagree_make_no_negative_delay() -> None:
    window = RunWindow(10)
    window.began(-5, -5)
    assert window.figures().start_delay.p50 == 0
