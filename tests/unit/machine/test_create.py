from __future__ import annotations

import pytest

from coordinator.machine.create import differing_fields
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model import limits
from coordinator.model.tasks import (
    Assignment,
    Backoff,
    Code,
    Desired,
    RunOutcome,
    Status,
    TaskSpec,
)
from tests.unit.machine.kit import AT, World, create, join, on, with_task


def test_a_new_record_has_everything_that_was_asked() -> None:
    world = with_task(description="id=t")
    task = world.task()
    assert (task.status, task.assignment, task.desired) == (Status.ASSIGNED, on(), Desired.RUNNING)
    assert (task.created_at, task.updated_at, task.assigned_at, task.due_at) == (AT, AT, AT, 0)
    assert (task.created_revision, task.revision, task.allocation_id) == (2, 2, 1)
    assert (task.attempt, task.description, task.cause) == (1, "id=t", "start")


def test_params_are_compared_as_given() -> None:
    world = with_task(params=b'{"a":1}')
    assert world.refuse(create(params=b'{"a": 1}')).detail == "params"


def test_differing_fields_are_named_as_the_caller_knows_them() -> None:
    world = with_task()
    spec = TaskSpec(due_at=5, timeout_ms=3, backoff=Backoff(kind="fixed"), labels=(("a", "b"),))
    assert differing_fields(world.task(), create(spec=spec)) == [
        "due_at",
        "timeout",
        "backoff",
        "labels",
    ]


def test_the_same_spec_is_accepted_for_a_finished_record_too() -> None:
    world = with_task()
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.accept(create()) == Accepted(
        world.task().id, world.task().allocation_id, unchanged=True
    )


def test_replacing_a_finished_record_takes_a_new_allocation_id() -> None:
    world = with_task()
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.accept(create(replace_finished=True)).allocation_id == 3
    assert world.task().last_outcome is None


def test_active_tasks_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_task()
    monkeypatch.setattr(limits, "ACTIVE_TASKS_MAX", 1)
    refused = world.refuse(create("b"))
    assert (refused.code, refused.detail) == (Refusal.LIMIT_REACHED, "1 active tasks; at most 1")
    assert world.state.last_allocation_id == 1


def test_all_records_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_task(params=b"12345678")
    monkeypatch.setattr(limits, "RECORDS_BYTES_MAX", limits.RECORD_BYTES + 10)
    assert world.refuse(create("b", params=b"123")).code is Refusal.LIMIT_REACHED
    assert world.accept(create("b", params=b"12")).created
    world.end("b", RunOutcome.SUCCEEDED)


def test_a_record_may_be_replaced_by_one_that_is_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_task(params=b"12345678")
    world.end("t", RunOutcome.SUCCEEDED)
    monkeypatch.setattr(limits, "RECORDS_BYTES_MAX", 1)
    assert (
        world.refuse(create(params=b"123456789", replace_finished=True)).code
        is Refusal.LIMIT_REACHED
    )
    assert world.accept(create(params=b"1234567", replace_finished=True)).created


def test_a_choice_of_another_incarnation_does_not_hold() -> None:
    world = World()
    world.accept(join(counter=2))
    world.accept(create(assignment=on(counter=1)))
    assert world.task().assignment == Assignment(code=Code.NODE_LOST, explanation="n1")


def test_one_offer_of_a_new_enough_version_is_enough() -> None:
    world = World()
    offers = (join().offers[0], *join().offers)
    world.accept(join(offers=offers))
    assert world.accept(create()).created
    assert world.task().status is Status.ASSIGNED
