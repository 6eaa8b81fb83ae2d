"""When the leader lets a run that failed be tried again: by the law's own row of failures, and at the time that it asked for."""

from __future__ import annotations

import pytest

from coordinator.model.instants import HOUR, SECOND
from coordinator.model.tasks import Backoff, Code, RunOutcome
from tests.unit.replica.kit import node, pause, until
from tests.unit.replica.world import FakeNode, World

STEEP = Backoff("exponential", SECOND, HOUR, 24 * HOUR, "none")


def failing(reset_after_ms: int) -> tuple[World, FakeNode]:
    """A task that has failed once after a short run and is running again."""
    world = World(1)
    one = node(world, "n1")
    world.create("t", reset_after_ms=reset_after_ms, max_attempts=0, backoff=STEEP)
    for _ in range(2):
        until(world, lambda: world.task("t").has_node)
        one.listen()
        one.report("t", "started")
        if not world.task("t").attempts:
            one.report("t", "ended", outcome=RunOutcome.FAILED, lasted_ms=10)
    return world, one


@pytest.mark.parametrize(
    "lasted_ms, attempts, wait", [(50_000, 1, SECOND), (49_999, 2, HOUR), (0, 2, HOUR)]
)
def test_tm_39_the_first_failure_of_a_new_row_waits_as_the_first_one(
    lasted_ms: int, attempts: int, wait: int
) -> None:
    world, one = failing(50_000)
    one.report("t", "ended", outcome=RunOutcome.FAILED, lasted_ms=lasted_ms)
    task = world.task("t")
    assert (task.attempts, task.assignment.code) == (attempts, Code.BACKOFF)
    assert task.wake_at - task.updated_at == wait


def test_tm_39_a_run_whose_node_says_no_length_has_lasted_since_its_start() -> None:
    world, one = failing(2 * SECOND)
    pause(world, 3 * SECOND)
    one.report("t", "ended", outcome=RunOutcome.FAILED)
    task = world.task("t")
    assert (task.attempts, task.wake_at - task.updated_at) == (1, SECOND)
