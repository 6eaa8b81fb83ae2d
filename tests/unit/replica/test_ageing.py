"""Waiting makes older only while it waits for a node: what comes back after a long time does not go before new work (TM-58)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coordinator.machine.commands import PauseTask, ResumeTask, RetryTask, SetSettings
from coordinator.model.instants import SECOND
from coordinator.model.tasks import RunOutcome, Status
from tests.unit.replica.kit import node, pause, until
from tests.unit.replica.world import FakeNode, World


def redriven(world: World, one: FakeNode) -> None:
    world.create("low", priority=1, max_attempts=1)
    one.listen()
    one.report("low", "started")
    one.report("low", "ended", outcome=RunOutcome.FAILED)
    pause(world, 10 * SECOND)
    world.create("runs")
    world.outcomes(world.submit(RetryTask("low")))


def resumed(world: World, one: FakeNode) -> None:
    world.create("runs")
    world.create("low", priority=1)
    world.outcomes(world.submit(PauseTask("low")))
    pause(world, 10 * SECOND)
    world.outcomes(world.submit(ResumeTask("low")))


@pytest.mark.parametrize("comes_back", [redriven, resumed])
def test_tm_58_low_priority_that_comes_back_does_not_starve_new_work(
    comes_back: Callable[[World, FakeNode], None],
) -> None:
    world = World(3)
    one = node(world, "n1", capacity=1)
    world.outcomes(world.submit(SetSettings((("scheduling.ageing", "1s"),), (), "ann")))
    comes_back(world, one)
    world.create("new", priority=50)
    assert [world.task(name).status for name in ("low", "new")] == [Status.UNASSIGNED] * 2
    one.listen()
    one.report("runs", "started")
    one.report("runs", "ended", outcome=RunOutcome.SUCCEEDED)
    until(world, lambda: world.task("new").has_node or world.task("low").has_node)
    assert world.task("new").has_node
