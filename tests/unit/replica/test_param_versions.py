"""The version that a record's params are of: an edit that leaves them as they are leaves it, too (TM-49, TM-50)."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import ChangeTasks, RetryTask, UpdateTask
from coordinator.machine.outcome import Refusal
from coordinator.model.nodes import Manifest
from coordinator.model.tasks import RunOutcome, Status
from coordinator.replica import inputs as i
from coordinator.replica.sayings import Registration
from tests.unit.replica.kit import answer, asked_about, know, node, questions, wish
from tests.unit.replica.world import FakeNode, World

EXECUTOR = "demo.prove"
OLD, NEW = b'{"a":1}', b'{"b":1}'


def grown(params: bytes = OLD, **says: object) -> World:
    """A task of version 1 that waits for its time; nodes with version 1 and 2 of its executor."""
    world = World(1)
    node(world, "n1", EXECUTOR)
    created = world.submit(wish("t", EXECUTOR, params, due_at=world.now.wall + 10**8))
    assert world.outcomes(created)[0].created
    joins(world, 2, **says)
    know(world, EXECUTOR)
    return world


def joins(world: World, version: int, **says: object) -> None:
    """One more node, with this version."""
    FakeNode.sessions += 1
    body = json.dumps({"policy": {}, **says}).encode()
    manifests = (Manifest(EXECUTOR, version, f"h{version}", body),)
    name = f"v{version}"
    registration = Registration(
        name, f"uid-{name}", 1, "1-x", 10, manifests, boot_id="b", pid_namespace="p",
        old_is_dead=False, feature_level=1,
    )  # fmt: skip
    world.leader().inbox.append(i.NodeOpened(FakeNode.sessions, registration))
    world.settle()
    world.run(200)


def kept(world: World) -> tuple[bytes, int]:
    task = world.task("t")
    return task.params, task.executor_version


def edit(world: World, params: bytes, version: int = 0, **more: object) -> UpdateTask:
    edited = world.task("t").edited_revision
    return UpdateTask("t", edited, params=params, executor_version=version, **more)


def test_tm_49_an_edit_that_leaves_the_params_leaves_their_version() -> None:
    world = grown()
    (outcome,) = world.outcomes(world.submit(edit(world, OLD)))
    assert (outcome.unchanged, kept(world)) == (True, (OLD, 1))
    spec = replace(world.task("t").spec, priority=9)
    world.outcomes(world.submit(edit(world, OLD, spec=spec)))
    assert (world.task("t").policy.priority, kept(world)) == (9, (OLD, 1))


def test_tm_49_changes_that_are_one_command_leave_it_as_well() -> None:
    world = grown()
    (outcome,) = world.outcomes(world.submit(ChangeTasks((edit(world, OLD),))))
    assert (outcome.parts[0].unchanged, kept(world)) == (True, (OLD, 1))


def test_tm_49_a_retry_with_the_same_params_leaves_their_version() -> None:
    world = World(1)
    old = node(world, "n1", EXECUTOR)
    world.outcomes(world.submit(wish("t", EXECUTOR, OLD, max_attempts=1)))
    old.listen()
    old.report("t", "ended", outcome=RunOutcome.FAILED)
    assert world.task("t").status is Status.FAILED
    joins(world, 2)
    again = RetryTask("t", False, world.task("t").edited_revision, OLD)
    world.outcomes(world.submit(again))
    assert kept(world) == (OLD, 1)
    assert world.task("t").assignment.node in ("n1", None), "whoever has version 1 may run it"


def test_tm_49_other_params_are_of_the_newest_version() -> None:
    world = grown()
    world.outcomes(world.submit(edit(world, NEW)))
    assert kept(world) == (NEW, 2)


@pytest.mark.parametrize("said, expected", [("ok", 2), ("refused", 1)])
def test_tm_49_who_says_that_they_are_of_another_version_has_them_validated(
    said: str, expected: int
) -> None:
    world = grown(own_validate=True)
    ticket = world.submit(edit(world, OLD, version=2))
    (question,) = questions(world)
    assert (question.kind, asked_about(question)["version"]) == ("validate", 2)
    answer(world, said)
    (outcome,) = world.outcomes(ticket)
    assert kept(world) == (OLD, expected)
    assert (expected == 2) or outcome.code is Refusal.VALIDATION_FAILED


@pytest.mark.parametrize("version", [0, 1])
def test_pt_24_what_stays_is_not_put_to_validate_again(version: int) -> None:
    world = grown(own_validate=True)
    (outcome,) = world.outcomes(world.submit(edit(world, OLD, version=version)))
    assert (outcome.unchanged, questions(world)) == (True, [])
