"""Tasks that wait for others, and keys of which one at a time is active (TM-66, TM-67)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.machine.commands import (
    AssignTask,
    CancelTask,
    EndRun,
    PauseTask,
    ResumeTask,
    RetryTask,
    UpdateTask,
)
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model.events import RunEnded
from coordinator.model.ids import Incarnation, TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Code, RunOutcome, Status, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, on, with_task

T = TaskId("t")


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


def test_a_dependency_that_is_cancelled_and_gone_at_once_has_not_succeeded() -> None:
    world = World()
    world.accept(join(capacity=0))
    world.accept(create("t"))
    waiting(world, "v", "t")
    world.accept(CancelTask(TaskId("t"), purge=True))
    assert "t" not in world.state.tasks
    task = world.task("v")
    assert (task.status, task.end_reason) == (Status.FAILED, "dependency_failed")


@pytest.mark.parametrize("end", [RunOutcome.SUCCEEDED, RunOutcome.FAILED])
def test_who_has_begun_is_left_alone_when_a_dependency_runs_once_more(end: RunOutcome) -> None:
    world = with_task()
    waiting(world, "v", "t")
    waiting(world, "w", "t")
    world.end("t", RunOutcome.SUCCEEDED)
    for task_id in "vw":
        task = world.task(task_id)
        world.accept(AssignTask(task.id, task.allocation_id, on()))
    world.end("w", RunOutcome.FAILED, retry_at=AT + 60_000)
    world.accept(RetryTask(TaskId("t"), again=True))
    world.accept(AssignTask(TaskId("t"), world.task().allocation_id, on()))
    before = world.task("v"), world.task("w")
    world.end("t", end, permanent=end is RunOutcome.FAILED, reason="permanent")
    assert (world.task("v"), world.task("w")) == before
    assert before[0].has_node
    assert (before[1].assignment.code, before[1].wake_at) == (Code.BACKOFF, AT + 60_000)


def test_tm_67_who_had_nobody_to_wait_for_is_left_alone_when_a_dependency_fails_later() -> None:
    world = with_task()
    world.end("t", RunOutcome.SUCCEEDED)
    waiting(world, "v", "t")
    world.accept(RetryTask(TaskId("t"), again=True))
    world.accept(AssignTask(TaskId("t"), world.task().allocation_id, on()))
    before = world.task("v")
    world.end("t", RunOutcome.FAILED, permanent=True, reason="permanent")
    assert world.task().status is Status.FAILED
    assert world.task("v") == before


def test_tm_67_who_has_waited_does_not_wait_again_after_a_pause() -> None:
    world = with_task()
    waiting(world, "v", "t")
    world.end("t", RunOutcome.SUCCEEDED)
    world.accept(RetryTask(TaskId("t"), again=True))
    world.accept(PauseTask(TaskId("v")))
    world.accept(ResumeTask(TaskId("v")))
    assert world.task("v").status is Status.UNASSIGNED


def test_one_that_was_made_paused_waits_when_it_is_resumed() -> None:
    world = with_task()
    world.accept(create("v", spec=TaskSpec(after=("t",)), paused=True))
    world.accept(ResumeTask(TaskId("v")))
    assert world.task("v").assignment.code is Code.DEPENDENCY
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.task("v").status is Status.UNASSIGNED


def test_one_that_failed_with_another_runs_when_it_is_redriven() -> None:
    world = with_task()
    waiting(world, "v", "t")
    world.end("t", RunOutcome.FAILED, permanent=True, reason="permanent")
    world.accept(RetryTask(TaskId("v")))
    assert (world.task("v").status, world.task("v").end_reason) == (Status.UNASSIGNED, "")


def test_a_series_waits_for_nobody() -> None:
    world = with_task()
    every = Schedule(every_ms=1_000)
    refused = world.refuse(create("v", spec=TaskSpec(after=("t",), schedule=every)))
    assert (refused.code, "t" in refused.detail) == (Refusal.INVALID_SCHEDULE, True)
    waiting(world, "v", "t")
    refused = world.refuse(UpdateTask(TaskId("v"), 0, spec=TaskSpec(schedule=every)))
    assert refused.code is Refusal.INVALID_SCHEDULE
    world.end("t", RunOutcome.SUCCEEDED)
    world.accept(UpdateTask(TaskId("v"), 0, spec=TaskSpec(schedule=every)))
    assert world.task("v").series is not None


SERIES = TaskSpec(schedule=Schedule(every_ms=1_000))


def test_tm_67_who_is_waited_for_gets_no_schedule() -> None:
    world = with_task()
    waiting(world, "w", "t")
    waiting(world, "v", "t")
    refused = world.refuse(UpdateTask(T, 0, spec=SERIES))
    assert refused.code is Refusal.INVALID_SCHEDULE
    assert refused.detail == "v waits for it; only a task that runs once can be waited for"
    world.accept(UpdateTask(T, 0, spec=TaskSpec(priority=3)))
    for one in ("v", "w"):
        world.accept(CancelTask(TaskId(one)))
    world.accept(UpdateTask(T, world.task().edited_revision, spec=SERIES))
    assert world.task().series is not None


@pytest.mark.parametrize("rest", ["kept", "gone"])
def test_tm_67_who_was_waited_for_does_not_come_back_as_a_series(rest: str) -> None:
    world = with_task()
    world.accept(create("u"))
    waiting(world, "v", "t", "u")
    world.end("t", RunOutcome.SUCCEEDED)
    if rest == "gone":
        world.accept(CancelTask(T, finished_only=True))
    again = create("t", spec=SERIES, replace_finished=True)
    assert "v waits for it" in world.refuse(again).detail
    world.end("u", RunOutcome.SUCCEEDED)
    assert world.task("v").status is Status.UNASSIGNED


@pytest.mark.parametrize("until", ["succeeded", "finished"])
def test_tm_67_a_run_that_is_waited_for_and_returns_a_schedule_has_failed(until: str) -> None:
    world = with_task()
    waiting(world, "v", "t", until=until)
    report = {
        "schedule": SERIES.schedule,
        "result": b"1",
        "logs": b"[]",
        "log_counts": (0, 2, 0, 0),
    }
    allocation = world.task().allocation_id
    world.end("t", RunOutcome.SUCCEEDED, **report)
    task, last = world.task(), world.task().last_outcome
    assert last is not None
    assert (task.status, last.outcome) == (Status.FAILED, RunOutcome.FAILED)
    assert last.reason == "invalid_schedule"
    assert last.error_text.startswith("InvalidSchedule: v waits for it")
    [ended] = [one for one in world.state.events if isinstance(one, RunEnded)]
    assert (ended.reported, ended.result, ended.logs) == ("succeeded", None, b"[]")
    over = {"succeeded": Status.FAILED, "finished": Status.UNASSIGNED}
    assert world.task("v").status is over[until]
    run = (allocation, Incarnation("1-n1"), RunOutcome.SUCCEEDED)
    assert world.accept(EndRun(T, *run, **report)).unchanged, "its node has not heard the answer"


def test_tm_67_what_it_had_done_is_not_done_again_though_it_was_asked_to_stop() -> None:
    """It came to its end all the same: its schedule is what fails it, not the stop."""
    world = with_task()
    waiting(world, "v", "t")
    world.accept(PauseTask(T))
    world.end("t", RunOutcome.SUCCEEDED, schedule=SERIES.schedule)
    last = world.task().last_outcome
    assert last is not None
    assert (world.task().status, last.outcome) == (Status.FAILED, RunOutcome.FAILED)
    assert last.reason == "invalid_schedule"


def test_tm_67_a_cancelled_run_keeps_what_it_said() -> None:
    world = with_task()
    waiting(world, "v", "t")
    world.accept(CancelTask(T))
    world.end("t", RunOutcome.SUCCEEDED, schedule=SERIES.schedule, result=b"1")
    last = world.task().last_outcome
    assert last is not None
    assert (last.outcome, last.result) == (RunOutcome.CANCELLED, b"1")
    assert last.reason != "invalid_schedule"


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
