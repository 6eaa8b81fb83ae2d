"""Tasks that wait for others, and keys of which one at a time is active (TM-66, TM-67)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.machine.commands import CancelTask, PauseTask, ResumeTask, RetryTask, UpdateTask
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Code, RunOutcome, Status, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, with_task


def waiting(world: World, task_id: str, *after: str, **spec: Any) -> None:
    world.accept(create(task_id, spec=TaskSpec(after=after, **spec)))


def test_a_task_waits_until_all_have_succeeded() -> None:
    world = with_task()
    world.accept(create("u"))
    waiting(world, "v", "t", "u")
    assert world.task("v").status is Status.WAITING
    assert world.task("v").assignment.code is Code.DEPENDENCY
    assert world.task("v").assignment.explanation == "t u"
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.task("v").assignment.explanation == "u"
    world.end("u", RunOutcome.WARNING)
    assert world.task("v").status is Status.UNASSIGNED


def test_what_has_ended_by_then_is_not_waited_for() -> None:
    world = with_task()
    world.end("t", RunOutcome.SUCCEEDED)
    waiting(world, "v", "t")
    assert world.task("v").status is Status.ASSIGNED


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_who_waits_fails_with_it(end: str) -> None:
    world = with_task()
    waiting(world, "v", "t")
    waiting(world, "w", "v")
    if end == "failed":
        world.end("t", RunOutcome.FAILED, permanent=True, reason="permanent")
    else:
        world.accept(CancelTask(TaskId("t")))
        world.end("t", RunOutcome.CANCELLED)
    for task_id, blamed in (("v", "t"), ("w", "v")):
        task = world.task(task_id)
        assert (task.status, task.end_reason) == (Status.FAILED, "dependency_failed")
        assert task.assignment.explanation == f"dependency_failed: {blamed}"


def test_who_waits_for_a_failure_alone_fails_at_its_creation() -> None:
    world = with_task()
    world.end("t", RunOutcome.FAILED, permanent=True, reason="permanent")
    waiting(world, "v", "t")
    assert (world.task("v").status, world.task("v").end_reason) == (
        Status.FAILED,
        "dependency_failed",
    )


@pytest.mark.parametrize("spec", [{"until": "finished"}, {"on_dependency_failure": "run"}])
def test_who_puts_up_with_any_end_runs_after_it(spec: dict[str, str]) -> None:
    world = with_task()
    waiting(world, "v", "t", **spec)
    world.end("t", RunOutcome.FAILED, permanent=True, reason="permanent")
    assert world.task("v").status is Status.UNASSIGNED


def test_its_own_time_comes_after_the_others() -> None:
    world = with_task()
    waiting(world, "v", "t", due_at=AT + 5_000)
    world.end("t", RunOutcome.SUCCEEDED)
    task = world.task("v")
    assert (task.status, task.assignment.code) == (Status.WAITING, Code.NOT_DUE)
    assert task.wake_at == AT + 5_000


def test_a_pause_does_not_make_it_forget() -> None:
    world = with_task()
    waiting(world, "v", "t")
    world.accept(PauseTask(TaskId("v")))
    world.accept(ResumeTask(TaskId("v")))
    assert world.task("v").assignment.code is Code.DEPENDENCY
    world.accept(PauseTask(TaskId("v")))
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.task("v").status is Status.PAUSED
    world.accept(ResumeTask(TaskId("v")))
    assert world.task("v").status is Status.UNASSIGNED


def test_unknown_ones_series_and_itself_are_refused() -> None:
    world = World()
    world.accept(join())
    assert world.refuse(create("v", spec=TaskSpec(after=("t",)))).code is (
        Refusal.UNKNOWN_DEPENDENCY
    )
    assert "v" in world.refuse(create("v", spec=TaskSpec(after=("v",)))).detail
    world.accept(create("s", spec=TaskSpec(schedule=Schedule(every_ms=1_000))))
    assert "schedule" in world.refuse(create("v", spec=TaskSpec(after=("s",)))).detail


def test_an_edit_leaves_it_as_it_is() -> None:
    world = with_task()
    waiting(world, "v", "t", "t")
    world.accept(UpdateTask(TaskId("v"), 0, spec=TaskSpec(priority=3)))
    assert world.task("v").spec.after == ("t", "t")
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.task("v").status is Status.UNASSIGNED


def test_tm_a54_one_active_task_to_a_key() -> None:
    world = with_task(spec=TaskSpec(dedup_key="k"))
    revision = world.state.revision
    again = world.accept(create("u", spec=TaskSpec(dedup_key="k")))
    assert again == Accepted(
        TaskId("t"), world.task().allocation_id, unchanged=True, deduplicated=True
    )
    assert "u" not in world.state.tasks
    assert world.task().revision <= revision
    world.accept(create("other", spec=TaskSpec(dedup_key="another")))
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.accept(create("u", spec=TaskSpec(dedup_key="k"))).created


def test_a_retry_does_not_make_two_of_a_key() -> None:
    world = with_task(spec=TaskSpec(dedup_key="k"))
    world.end("t", RunOutcome.FAILED, permanent=True, reason="permanent")
    world.accept(create("u", spec=TaskSpec(dedup_key="k")))
    refused = world.refuse(RetryTask(TaskId("t")))
    assert (refused.code, refused.detail) == (
        Refusal.ALREADY_EXISTS,
        "u is active under the key 'k'",
    )
