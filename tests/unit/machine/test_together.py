"""Changes that are one command: all or none, the same on every member (TM-32)."""

from __future__ import annotations

import pytest

from coordinator.codec.snapshots import digest
from coordinator.machine.commands import (
    CancelTask,
    Change,
    ChangeTasks,
    PauseTask,
    ResumeTask,
    RetryTask,
    RunNow,
    UpdateTask,
)
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Assignment, RunOutcome, TaskSpec
from tests.unit.machine.kit import World, create, join, on

NOWHERE = Assignment()
MISSING = PauseTask(TaskId("missing"))


def full_house() -> World:
    """One of each kind, and the indexes that go with them."""
    world = World()
    world.accept(join())
    world.accept(create("runs"))
    world.accept(create("waits", NOWHERE))
    world.accept(create("paused", NOWHERE, paused=True))
    world.accept(create("later", NOWHERE, spec=TaskSpec(due_at=world.at + 60_000)))
    world.accept(create("over", spec=TaskSpec(dedup_key="k")))
    world.end("over", RunOutcome.FAILED, permanent=True)
    world.accept(create("series", NOWHERE, spec=TaskSpec(schedule=Schedule(every_ms=1_000))))
    world.accept(create("parent"))
    world.accept(create("child", spec=TaskSpec(parent="parent")))
    world.accept(create("after", NOWHERE, spec=TaskSpec(after=("runs",))))
    world.state.take_events()
    return world


def t(name: str) -> TaskId:
    return TaskId(name)


def of_all_kinds(world: World) -> tuple[Change, ...]:
    edited = world.task("paused").edited_revision
    return (
        PauseTask(t("runs")),
        CancelTask(t("waits"), purge=True),
        UpdateTask(t("paused"), edited, b'{"n":1}', 1, has_state=True, state=b"7"),
        RunNow(t("later"), assignment=on()),
        RetryTask(t("over")),
        PauseTask(t("series")),
        CancelTask(t("parent")),
        ResumeTask(t("child")),
    )


def test_tm_32_all_are_changed_in_one_entry_with_a_word_for_each() -> None:
    world = full_house()
    outcome = world.accept(ChangeTasks(of_all_kinds(world)))
    assert [part.task_id for part in outcome.parts] == [
        *("runs", "waits", "paused", "later", "over", "series", "parent", "child")
    ]
    facts = {part.task_id: (part.unchanged, part.removed) for part in outcome.parts}
    assert facts["waits"] == (False, True)
    assert facts["child"] == (True, False)
    assert not outcome.unchanged
    revisions = {
        world.task(name).revision for name in ("runs", "paused", "later", "over", "series")
    }
    assert revisions == {world.state.revision}
    assert (
        world.task("child").desired.value == "cancelled"
    )  # with its parent, once all were changed


@pytest.mark.parametrize("count", range(9))
def test_tm_32_one_that_is_refused_leaves_no_trace_of_those_before_it(count: int) -> None:
    """The same state, to the byte, as after another command that was refused at this index."""
    world, other = full_house(), full_house()
    changes = of_all_kinds(world)[:count]
    refused = world.refuse(ChangeTasks((*changes, MISSING)))
    other.refuse(MISSING)
    assert (refused.code, refused.task_id) == (Refusal.TASK_NOT_FOUND, "missing")
    assert digest(world.state) == digest(other.state)
    assert world.state.take_events() == []
    assert world.state.dedup == other.state.dedup
    world.accept(create("new"))
    other.accept(create("new"))
    assert world.task("new").allocation_id == other.task("new").allocation_id


def test_tm_32_a_series_goes_on_firing_when_its_pause_was_undone() -> None:
    world = full_house()
    before = world.task("series")
    world.refuse(
        ChangeTasks((PauseTask(t("series")), CancelTask(t("parent"), purge=True), MISSING))
    )
    assert world.task("series") == before
    assert before in world.state.fires_until(world.at, 10)
    assert world.task("child").desired.value == "running"


def test_tm_32_a_repeat_gets_the_first_answer_whatever_it_was() -> None:
    world = full_house()
    both = ChangeTasks((PauseTask(t("runs")), ResumeTask(t("over"))))
    first = world.do(both, "r1", 7)
    assert isinstance(first, Refused)
    assert (first.code, first.task_id) == (Refusal.ALREADY_FINISHED, "over")
    world.accept(RetryTask(t("over")))
    assert world.do(ChangeTasks(()), "r1", 7) == first
    again = world.do(both, "r2", 7)
    assert isinstance(again, Accepted)
    assert not again.unchanged
    repeated = world.do(ChangeTasks(()), "r2", 7)
    assert isinstance(repeated, Accepted)
    assert repeated.unchanged
    reused = world.do(both, "r2", 8)
    assert isinstance(reused, Refused)
    assert (reused.code, reused.task_id) == (Refusal.REQUEST_ID_REUSED, "")


def test_tm_32_one_that_may_be_repeated_is_not_remembered() -> None:
    world = full_house()
    stale = ChangeTasks((PauseTask(t("runs")), UpdateTask(t("paused"), 1, b"[]")))
    outcome = world.do(stale, "r1", 7)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.task_id) == (Refusal.CHOICE_STALE, "paused")
    assert isinstance(world.do(ChangeTasks((PauseTask(t("runs")),)), "r1", 7), Accepted)


def test_no_changes_at_all_are_a_repeat_whose_first_answer_is_not_known_any_more() -> None:
    """Whoever asked leaves them out for one that was met before: nothing was done, so nothing may be told."""
    refused = World().refuse(ChangeTasks(()))
    assert refused.code is Refusal.CHOICE_STALE
