"""Which series a turn of the leader decides (TM-5, TM-9): those that somebody asks something of first, and never too much."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.duties import due, firing
from coordinator.duties.agenda import Agenda
from coordinator.duties.firing import all_due, fire_due
from coordinator.machine.commands import FireSchedule
from coordinator.model.ids import TaskId
from coordinator.model.instants import HOUR, MINUTE
from coordinator.model.schedules import Blackout, FateWord, Firing, Schedule, Series
from coordinator.model.tasks import Assignment, Code, Desired, Status, Task, TaskSpec
from tests.unit.assignment.kit import node, task
from tests.unit.duties.kit import WALL, Term, commands

HOURLY = (Blackout(cron="30 * * * *", duration_ms=10 * MINUTE),)


def series(task_id: str, first: int, blackouts: tuple[Blackout, ...] = (), **more: Any) -> Task:
    """One of every minute, whose next fire time is so many ms from the start."""
    spec = TaskSpec(schedule=Schedule(every_ms=MINUTE, blackouts=blackouts))
    stands = Series(anchor=WALL + first, next=Firing(WALL + first, WALL + first))
    return task(task_id, **{"spec": spec, "series": stands, "status": Status.WAITING, **more})


def decided(agenda: Agenda) -> list[str]:
    """Series in the order of their commands, all of which are told to be under way."""
    return [task_id for item in agenda.items for task_id in item.tasks]


def asked(*ids: str) -> frozenset[TaskId]:
    return frozenset(TaskId(one) for one in ids)


def test_g9_series_that_somebody_asks_about_are_decided_however_many_are_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fire times of an outage that a pause came before would have no fate at all."""
    monkeypatch.setattr(firing, "BATCH", 2)
    tasks = tuple(series(one, first) for first, one in enumerate("abcde"))
    term = Term(node("n"), tasks=tasks)
    agenda = fire_due(term.view, term.at(HOUR), asked("e", "d", "gone"))
    assert decided(agenda) == ["d", "e", "a", "b"]
    command = commands(agenda)[1]
    assert isinstance(command, FireSchedule)
    assert [(fate.word, fate.count) for fate in command.fates] == [(FateWord.MISSED, 59)]


def test_g9_nothing_is_said_of_what_is_asked_about_and_not_due() -> None:
    tasks = (series("later", 5), series("paused", 0, desired=Desired.PAUSED), task("one"))
    term = Term(node("n"), tasks=tasks)
    assert not decided(fire_due(term.view, term.at(4), asked("later", "paused", "one")))
    assert decided(fire_due(term.view, term.at(5), asked("later", "paused", "one"))) == ["later"]


def test_t3_no_place_is_taken_for_series_that_do_not_fire() -> None:
    """With a clock that is wrong only those fire that are asked about: nobody would give a place of the others back."""
    term = Term(node("n"), tasks=(series("a", 0), series("b", 0), series("c", 0)))
    agenda = fire_due(term.view, term.at(10), asked("b"), others=False)
    assert decided(agenda) == ["b"]
    assert [len(item.claims) for item in agenda.items] == [1]
    assert term.view.load.runs(node("n").name) == 1


def test_g8_a_long_look_back_leaves_other_series_to_the_next_turn() -> None:
    """Each of these takes as many looks as one turn may: the outage of all at once must not cost a leader its term."""
    tasks = tuple(series(one, 0, HOURLY) for one in "abc")
    term = Term(node("n"), tasks=tasks)
    now = term.at(300 * HOUR)
    turns = []
    for _ in tasks:
        turns.append(decided(fire_due(term.view, now)))
        term.view.busy.update(dict.fromkeys(map(TaskId, turns[-1]), 1))
    assert turns == [["a"], ["b"], ["c"]]


def test_g8_looks_back_of_one_turn_are_counted_together() -> None:
    tasks = tuple(series(one, 0, HOURLY) for one in "abcd")
    term = Term(node("n"), tasks=tasks)
    assert decided(fire_due(term.view, term.at(125 * HOUR))) == ["a", "b"]
    assert decided(fire_due(term.view, term.at(125 * HOUR), asked("a", "b", "c"))) == [*"abc", "d"]
    assert decided(fire_due(term.view, term.at(HOUR))) == ["a", "b", "c", "d"]


def test_g8_of_many_that_come_due_at_once_the_rest_is_left_to_a_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look at every node for every task costs the leader of a large cluster its term."""
    monkeypatch.setattr(due, "LOOKS", 4)
    term = Term(node("n"), node("o"), tasks=tuple(series(one, 0) for one in "abcd"))
    agenda = fire_due(term.view, term.at(10), asked("c"))
    assert decided(agenda) == ["c", "a", "b", "d"]
    assert [len(item.claims) for item in agenda.items] == [1, 1, 0, 0]
    left = [c.assignment for c in commands(agenda) if isinstance(c, FireSchedule)][2:]
    assert left == [Assignment(code=Code.AWAITING_FIRST_ASSIGNMENT)] * 2


def test_g8_of_many_retries_that_come_due_at_once_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "LOOKS", 4)
    retries = (task(one, status=Status.WAITING, wake_at=WALL) for one in "abc")
    term = Term(node("n"), node("o"), tasks=tuple(retries))
    agenda = due.wake_due(term.view, term.at(10))
    assert [len(item.claims) for item in agenda.items] == [1, 1, 0]


@pytest.mark.parametrize("misfire, late", [("skip", 0), ("once", 1), ("all", 2)])
def test_tm_10_what_waits_for_the_log_longer_than_its_grace_is_decided_again(
    misfire: str, late: int
) -> None:
    """The disks of the coordinators are slow: by the time of its entry it is late, and the next fire time has come too."""
    spec = TaskSpec(schedule=Schedule(every_ms=MINUTE, misfire=misfire, misfire_grace_ms=1_000))
    term = Term(node("n"), tasks=(series("s", 0, spec=spec),))
    (item,) = fire_due(term.view, term.at(500)).items
    on_time, fresh = item.command, item.fresh
    assert isinstance(on_time, FireSchedule)
    assert fresh is not None
    assert fresh.until == WALL + 1_000
    assert fresh.decide_again(WALL + 900) == on_time
    again = fresh.decide_again(WALL + MINUTE + 30_000)
    assert isinstance(again, FireSchedule)
    assert again.late
    assert again.handled == on_time.handled
    starts = [] if again.start is None else [again.start, *again.catch_up]
    assert len(starts) == late
    assert sum(fate.count for fate in again.fates) == 2 - late
    assert (again.assignment is None) == (not starts)


def test_tm_10_only_what_is_to_start_on_time_can_come_too_late() -> None:
    term = Term(node("n"), tasks=(series("s", 0),))
    (item,) = fire_due(term.view, term.at(2 * MINUTE)).items
    assert isinstance(item.command, FireSchedule)
    assert item.command.late
    assert item.fresh is None


def test_tm_10_a_series_that_was_edited_meanwhile_is_not_decided_again() -> None:
    """The record refuses the command; a new one comes in the next turn."""
    term = Term(node("n"), tasks=(series("s", 0),))
    (item,) = fire_due(term.view, term.at(0)).items
    term.state.put_task(series("s", 5))
    assert item.fresh is not None
    assert item.fresh.decide_again(WALL + HOUR) == item.command


def test_tm_10_a_run_that_ended_meanwhile_is_no_reason_to_start_what_is_late() -> None:
    """The record would take the command as it was: the fire time is still the next one."""
    spec = TaskSpec(schedule=Schedule(every_ms=MINUTE, misfire="skip", misfire_grace_ms=1_000))
    due_now = series("s", 0, spec=spec)
    term = Term(node("n"), tasks=(due_now,))
    (item,) = fire_due(term.view, term.at(500)).items
    assert due_now.series is not None
    assert item.fresh is not None
    term.state.put_task(replace(due_now, series=replace(due_now.series, failures=1)))
    again = item.fresh.decide_again(WALL + 2_000)
    assert isinstance(again, FireSchedule)
    assert again.start is None
    assert [fate.reason for fate in again.fates] == ["misfire"]


def test_tm_10_what_is_decided_before_a_wish_is_decided_again_too_where_it_waits_on() -> None:
    """More is due than goes into one entry: the rest is stamped later, and may be late by then."""
    spec = TaskSpec(schedule=Schedule(every_ms=MINUTE, misfire="skip", misfire_grace_ms=MINUTE))
    first = series("s", 0, spec=spec)
    term = Term(node("n"), tasks=(first,))
    items, left = all_due(term.view, {first.id: None}, WALL + MINUTE)
    assert not left
    assert [item.fresh.until - WALL for item in items if item.fresh is not None] == [
        MINUTE,
        2 * MINUTE,
    ]
    second = items[1]
    assert isinstance(second.command, FireSchedule)
    assert second.fresh is not None
    assert second.fresh.decide_again(WALL + HOUR) == second.command, "the first comes before it"
    assert first.series is not None
    after_first = replace(first.series, next=Firing(WALL + MINUTE, WALL + MINUTE))
    term.state.put_task(replace(first, series=after_first))
    again = second.fresh.decide_again(WALL + HOUR)
    assert isinstance(again, FireSchedule)
    assert again.late
    assert again.start is None or again.start.due_at == WALL + HOUR
