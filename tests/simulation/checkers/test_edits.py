"""An edit that says nothing about when takes no fire time away and brings none (TM-25): a law that begins anew is convicted."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import FireSchedule, UpdateTask
from coordinator.model.schedules import Firing, Occurrence
from coordinator.model.tasks import Policy, TaskSpec
from tests.simulation.checkers.test_schedules import EVERY, Leader, T
from tests.unit.machine.kit import AT, on

POLICIES = (
    {"overlap": "queue_one"},
    {"misfire": "all"},
    {"misfire_grace_ms": 5},
    {"max_catch_up": 3},
    {"start_deadline_ms": EVERY},
    {"pause_after_failures": 3},
)


def edited(**more: Any) -> Leader:
    """After its second fire time, of every 10 s, this of the schedule is another."""
    leader = Leader()
    leader.run(0, 1)
    leader.at += 4_000
    spec = TaskSpec(schedule=replace(leader.schedule, **more))
    leader.enter(UpdateTask(T, leader.task().edited_revision, spec=spec, policy=Policy()))
    return leader


def begin_anew(leader: Leader) -> None:
    """A law that forgets the timetable over every edit, and a leader that says the interval begins a little later."""
    task, first = leader.task(), leader.at + 9_000
    assert task.series is not None
    forgotten = replace(task.series, needs="edited", since=leader.at, last_fate=None)
    leader.force(replace(task, series=forgotten))
    leader.state.take_events()
    leader.time(first)
    for at in (first, first + EVERY):
        leader.at = at
        start, firing = Occurrence("schedule", at, at), Firing(at + EVERY, at + EVERY)
        command = FireSchedule(T, task.edited_revision, at, firing, start=start, assignment=on())
        leader.enter(command)
        leader.succeed()


@pytest.mark.parametrize("more", POLICIES)
def test_what_comes_by_the_timetable_it_had_is_believed(more: dict[str, Any]) -> None:
    leader = edited(**more)
    leader.run(2, 4)
    assert leader.objections() == []


@pytest.mark.parametrize("more", POLICIES)
def test_a_timetable_that_begins_with_the_edit_is_not(more: dict[str, Any]) -> None:
    leader = edited(**more)
    begin_anew(leader)
    found = leader.objections()
    assert any(f"{AT + 2 * EVERY} has no fate" in one for one in found)
    assert any("covers 0 fire times" in one for one in found)


def test_it_is_where_the_edit_says_something_about_when() -> None:
    leader = edited(end=AT + 90 * EVERY)
    begin_anew(leader)
    assert leader.objections() == []
