"""The checker of series over pauses: what came in one belongs to it, but for what is due after the resume (TM-9, TM-27)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import PauseTask, ResumeTask, TimeSeries, UpdateTask
from coordinator.model.schedules import Firing
from coordinator.model.tasks import Policy, TaskSpec
from tests.simulation.checkers.test_schedules import EVERY, Leader, T
from tests.unit.machine.kit import AT


@pytest.mark.parametrize("into", [5_000, 0])
def test_a_paused_series_has_no_fire_times_and_then_those_after_it_was_resumed(into: int) -> None:
    """Resumed on a tick of its grid (seed 1522), that one belongs to the pause, too."""
    leader = Leader()
    leader.run(0, 1)
    leader.at = AT + EVERY + 5_000
    leader.enter(PauseTask(T))
    leader.at = AT + 3 * EVERY + into
    leader.enter(ResumeTask(T, no_catch_up=True))
    leader.time(AT + 4 * EVERY)
    leader.run(4, 5)
    assert leader.objections() == []


def test_fire_times_before_the_pause_are_not_forgotten_over_it() -> None:
    leader = Leader()
    leader.run(0, 1)
    leader.at = AT + 3 * EVERY + 10
    leader.enter(PauseTask(T))
    found = leader.objections()
    assert len(found) == 1  # of the first of the two the law says by itself that the pause came
    assert "1030000 has no fate" in found[0]


def _resumed_before_it_is_due(jitter_ms: int, edited_ms: int | None = None) -> Leader:
    """Number 2 comes while the series is paused, is due 300 ms later, and the resume lies between; paused again after.

    `edited_ms`: when it got this jitter, counted from the coming of number 2; None: it had it from the start.
    """
    leader = Leader(jitter_ms=jitter_ms if edited_ms is None else 0)
    leader.run(0, 1)
    comes = AT + 2 * EVERY
    leader.at = comes - 5_000
    leader.enter(PauseTask(T))
    if edited_ms is not None:
        leader.at = comes + edited_ms
        spec = TaskSpec(schedule=replace(leader.schedule, jitter_ms=jitter_ms))
        leader.enter(UpdateTask(T, leader.task().edited_revision, spec=spec, policy=Policy()))
    leader.at = comes + 100
    leader.enter(ResumeTask(T, no_catch_up=True))
    task, firing = leader.task(), Firing(comes, comes + 300)
    assert task.series is not None
    leader.enter(TimeSeries(T, task.edited_revision, task.series.since, comes, firing))
    leader.fire(2, after=300)
    leader.succeed()
    leader.at = comes + 5_000
    leader.enter(PauseTask(T))
    return leader


def test_what_came_before_a_resume_may_be_due_after_it() -> None:
    """Seeds 101, 1396, 1522: nothing was due in the pause, so the record has it as the next one still."""
    assert _resumed_before_it_is_due(jitter_ms=400).objections() == []


def test_what_came_before_a_resume_and_was_due_then_belongs_to_the_pause() -> None:
    found = _resumed_before_it_is_due(jitter_ms=0).objections()
    assert any("covers 0 fire times" in one for one in found)


@pytest.mark.parametrize("edited_ms, is_believed", [(-50, True), (50, False)])
def test_what_came_in_a_pause_before_an_edit_is_over_with_it(
    edited_ms: int, is_believed: bool
) -> None:
    found = _resumed_before_it_is_due(400, edited_ms).objections()
    assert any("covers 0 fire times" in one for one in found) is not is_believed
