"""Histories of runs that have to be convicted, and some that have not."""

from __future__ import annotations

from tests.simulation.checkers.intervals import FOR_EVER, Interval, falling_tokens, overlaps


def run(token: int, begin: int, end: int, *, task: str = "t", exclusive: bool = True) -> Interval:
    return Interval(task, token, f"n{token}", exclusive, begin, end)


def test_runs_one_after_the_other_are_fine() -> None:
    history = [run(1, 0, 10), run(2, 10, 20), run(3, 25, FOR_EVER)]
    assert overlaps(history) == []
    assert falling_tokens(history) == []


def test_g6_two_at_once_are_found_in_whatever_order_they_were_recorded() -> None:
    first, second = run(1, 0, 11), run(2, 10, 20)
    assert overlaps([second, first]) == [(first, second)]


def test_g6_a_run_that_never_ended_overlaps_all_that_come_later() -> None:
    stuck, brief, last = run(1, 0, FOR_EVER), run(2, 5, 6), run(3, 100, 101)
    assert overlaps([stuck, brief, last]) == [(stuck, brief), (stuck, last)]


def test_g6_an_overlap_is_found_behind_a_shorter_one() -> None:
    long, inside, after = run(1, 0, 50), run(2, 10, 20), run(3, 30, 60)
    assert overlaps([long, inside, after]) == [(long, inside), (long, after)]


def test_other_tasks_and_tolerant_executors_may_overlap() -> None:
    assert overlaps([run(1, 0, 10), run(2, 5, 15, task="u")]) == []
    assert overlaps([run(1, 0, 10, exclusive=False), run(2, 5, 15, exclusive=False)]) == []


def test_g7_a_later_run_with_an_older_token_is_found() -> None:
    new, old = run(7, 0, 10), run(6, 20, 30)
    assert falling_tokens([old, new]) == [(new, old)]
    assert falling_tokens([run(7, 0, 10), run(7, 20, 30)]) != []
