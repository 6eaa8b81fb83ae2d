"""A run that somebody was told of comes (TM-29): a law that lets the deadline of its fire time take it back is convicted."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import AssignTask, MissOccurrence, RunNow
from coordinator.model.schedules import Occurrence
from tests.simulation.checkers.test_schedules import EVERY, Leader, T
from tests.unit.machine.kit import on
from tests.unit.machine.recurring import WAITS

DEADLINE = 2_000


def waiting(overlap: str = "skip") -> Leader:
    """Its first fire time has no place."""
    leader = Leader(start_deadline_ms=DEADLINE, overlap=overlap)
    leader.fire(0, assignment=WAITS)
    return leader


def forget_the_wish(leader: Leader) -> Occurrence:
    """The record as a law would leave it that takes no note of who asked."""
    task = leader.task()
    assert task.series is not None
    assert task.series.occurrence is not None
    forgotten = replace(task.series.occurrence, asked=False)
    leader.force(replace(task, series=replace(task.series, occurrence=forgotten)))
    leader.state.take_events()
    return forgotten


def miss(leader: Leader) -> list[str]:
    pending = forget_the_wish(leader)
    leader.at = pending.due_at + DEADLINE
    leader.enter(MissOccurrence(T, pending.fire_at))
    return leader.objections()


def test_tm_29_what_nobody_asked_for_is_missed() -> None:
    assert miss(waiting()) == []


@pytest.mark.parametrize("overlap", ["skip", "replace"])
def test_tm_29_a_deadline_takes_no_run_back_that_somebody_was_told_of(overlap: str) -> None:
    leader = waiting(overlap)
    leader.enter(RunNow(T))
    if overlap == "replace":  # another one comes in its place
        leader.fire(1, assignment=WAITS)
    assert any("somebody was told that it runs" in one for one in miss(leader))


def test_tm_29_nor_of_a_manual_one_what_comes_in_its_place() -> None:
    leader = Leader(start_deadline_ms=DEADLINE, overlap="replace")
    leader.fire(0)
    leader.succeed()
    leader.enter(RunNow(T, assignment=WAITS))
    leader.fire(1, assignment=WAITS)
    assert any("somebody was told that it runs" in one for one in miss(leader))


def test_tm_29_who_has_had_the_run_is_owed_no_other() -> None:
    leader = waiting()
    leader.enter(RunNow(T))
    leader.at += EVERY - 1
    leader.enter(AssignTask(T, leader.task().allocation_id, on()))
    leader.succeed()
    leader.fire(1, assignment=WAITS)
    assert miss(leader) == []
