from __future__ import annotations

import pytest

from coordinator.machine.backoff import longest_wait
from coordinator.machine.commands import AssignTask
from coordinator.model.instants import HOUR, MINUTE, SECOND
from coordinator.model.tasks import DEFAULT_BACKOFF, Backoff, Policy, RunOutcome, Status
from tests.unit.machine.kit import World, create, join, on


@pytest.mark.parametrize(
    "failures, wait",
    [(1, 30 * SECOND), (2, 5 * MINUTE), (3, 10 * MINUTE), (5, 40 * MINUTE), (6, HOUR), (999, HOUR)],
)
def test_the_default_doubles_to_an_hour(failures: int, wait: int) -> None:
    assert longest_wait(DEFAULT_BACKOFF, failures) == wait


def test_pt_66_lost_runs_in_a_row_wait_by_the_tasks_own_policy() -> None:
    own = Backoff(first_ms=2 * SECOND, base_ms=4 * SECOND, jitter="none")
    world = World()
    world.accept(join())
    world.accept(create(policy=Policy(backoff=own), assignment=on()))
    waits = []
    for _ in range(5):
        world.end("t", RunOutcome.LOST, next=on())
        task = world.task()
        waits.append(task.wake_at - world.at if task.status is Status.WAITING else 0)
        if task.status is Status.WAITING:
            world.at = task.wake_at
            world.accept(AssignTask(task.id, task.allocation_id, on()))
    assert waits == [0, 0, 2 * SECOND, 4 * SECOND, 8 * SECOND]


def test_fixed_is_fixed() -> None:
    assert longest_wait(Backoff(kind="fixed", first_ms=5), 9) == 5
