"""A run returns a schedule: the leader says what policy its task has with it (TM-1, TM-4)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.model.instants import HOUR, MINUTE
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Policy, RunOutcome
from tests.unit.replica.kit import node, until
from tests.unit.replica.world import World

HOURLY = Schedule(every_ms=HOUR)


def policy_after(declared: dict[str, Any], **spec: Any) -> Policy:
    """Of a one-off whose only run has returned a schedule."""
    world = World(1)
    n1 = node(world, "n1", policy=declared)
    world.create("t", **spec)
    until(world, lambda: n1.listen() or "t" in n1.wanted)
    n1.report("t", "started")
    n1.report("t", "ended", outcome=RunOutcome.SUCCEEDED, schedule=HOURLY)
    until(world, lambda: world.task("t").series is not None)
    return world.task("t").policy


@pytest.mark.parametrize(
    "declared, spec, expected",
    [
        ({}, {}, 5 * MINUTE),
        ({"timeout_ms": HOUR}, {}, HOUR),
        ({}, {"timeout_ms": 0}, 0),
        ({"timeout_ms": None, "declared": ["timeout_ms"]}, {}, 0),
    ],
)
def test_tm_1_the_runs_of_what_is_a_series_now_have_the_time_limit_of_a_series(
    declared: dict[str, Any], spec: dict[str, Any], expected: int
) -> None:
    assert policy_after(declared, priority=7, **spec) == Policy(priority=7, timeout_ms=expected)
