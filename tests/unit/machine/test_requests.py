from __future__ import annotations

import pytest

from coordinator.machine import requests
from coordinator.machine.commands import CancelTask, ForgetRequests
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model import limits
from coordinator.model.ids import TaskId
from coordinator.model.tasks import RunOutcome, TaskSpec
from tests.unit.machine.kit import World, create, join, on, with_task


def test_a_refusal_is_repeated_with_its_allocation_id() -> None:
    world = with_task()
    first = world.do(create(params=b"1"), "r")
    assert first == world.do(create(params=b"1"), "r")
    assert first == Refused(Refusal.ALREADY_EXISTS, "params", world.task().allocation_id)


def test_an_answer_that_made_nothing_is_repeated_as_unchanged() -> None:
    world = with_task()
    world.do(CancelTask(TaskId("t")), "r")
    assert world.do(CancelTask(TaskId("t")), "r") == Accepted(
        TaskId("t"), world.task().allocation_id, unchanged=True
    )


def test_tm_66_a_repeat_says_that_another_task_was_active_under_the_key() -> None:
    world = World()
    world.accept(join())
    key = TaskSpec(dedup_key="k")
    made = world.do(create("y", spec=key), "r1")
    first = world.do(create("x", spec=key), "r2")
    assert first == Accepted(
        TaskId("y"), world.task("y").allocation_id, unchanged=True, deduplicated=True
    )
    world.end("y", RunOutcome.SUCCEEDED)
    assert world.do(create("x", spec=key), "r2") == first, "whatever has become of that one"
    assert world.do(create("y", spec=key), "r1") == made
    assert "x" not in world.state.tasks


@pytest.mark.parametrize("code", requests.PASSING)
def test_what_a_repetition_may_overcome_is_not_remembered(
    code: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    request = requests.Request(create(), "r", 1)
    requests.remember(world.state, request, Refused(code))
    assert requests.answer_again(world.state, request) is None


def test_a_limit_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(limits, "ACTIVE_TASKS_MAX", 0)
    assert isinstance(world.do(create(assignment=on()), "r"), Refused)
    monkeypatch.setattr(limits, "ACTIVE_TASKS_MAX", 1)
    world.accept(join())
    assert isinstance(world.do(create(assignment=on()), "r"), Accepted)


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUESTS_REMEMBERED", 10)
    monkeypatch.setattr(requests, "DROPPED_AT_ONCE", 4)
    world = World()
    for number in range(11):
        world.do(CancelTask(TaskId("none")), f"r{number}")
    assert [name for name, _ in world.state.requests.oldest()] == [f"r{n}" for n in range(4, 11)]


def test_only_old_answers_are_forgotten() -> None:
    world = World()
    for number in range(3):
        world.do(CancelTask(TaskId("none")), f"r{number}")
        world.at += 1_000
    world.at += limits.REQUESTS_REMEMBERED_MS - 2_000
    assert world.accept(ForgetRequests(9)) == Accepted()
    assert [name for name, _ in world.state.requests.oldest()] == ["r2"]
    world.at += limits.REQUESTS_REMEMBERED_MS
    assert world.accept(ForgetRequests(0)) == Accepted(unchanged=True)
    assert world.accept(ForgetRequests(9)) == Accepted()
    assert len(world.state.requests) == 0
