"""Each thing that must be true of a series is looked at: a record for which it is not is named."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.machine.invariants import InvariantBroken, check
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence
from coordinator.model.tasks import Status, TaskSpec
from tests.unit.machine.recurring import Recurring, nth

PENDING = Occurrence("schedule", nth(0), nth(0))
RUNNING = replace(PENDING, placed=True)
IDLE: list[tuple[str, dict[str, Any]]] = [
    ("its occurrence is Occurrence", {"occurrence": PENDING}),
    ("for nothing", {"queue": (PENDING,)}),
    ("nothing of it will ever come", {"next": Firing()}),
    ("its latest fate is of 0", {"last_fate": Fate(FateWord.MISSED, "misfire", 5, 5)}),
]
AT_WORK: list[tuple[str, dict[str, Any]]] = [
    ("its occurrence is None", {"occurrence": None}),
    ("is not stopping", {"occurrence": replace(RUNNING, replaced=True)}),
    ("runs although it is paused", {"occurrence": replace(RUNNING, while_paused=True)}),
    ("holds back what has begun", {"queue": (replace(PENDING, fire_at=nth(1), attempts=1),)}),
    ("is there twice", {"queue": (PENDING,)}),
]


@pytest.mark.parametrize("what, change", IDLE, ids=[what for what, _ in IDLE])
def test_a_broken_series_that_waits_is_named(what: str, change: dict[str, Any]) -> None:
    world = Recurring()
    world.force(replace(world.task(), series=replace(world.series, **change)))
    with pytest.raises(InvariantBroken, match=what):
        check(world.state)


@pytest.mark.parametrize("what, change", AT_WORK, ids=[what for what, _ in AT_WORK])
def test_a_broken_series_that_runs_is_named(what: str, change: dict[str, Any]) -> None:
    world = Recurring()
    world.fire()
    world.force(replace(world.task(), series=replace(world.series, **change)))
    with pytest.raises(InvariantBroken, match=what):
        check(world.state)


def test_a_series_has_a_schedule_and_one_that_has_ended_has_nothing_to_come() -> None:
    world = Recurring()
    whole = world.task()
    world.force(replace(whole, spec=TaskSpec()))
    with pytest.raises(InvariantBroken, match="but series Series"):
        check(world.state)
    over = replace(whole, status=Status.FAILED, finished_at=1, expires_at=1)
    world.force(over)
    with pytest.raises(InvariantBroken, match="has ended, but goes on"):
        check(world.state)
