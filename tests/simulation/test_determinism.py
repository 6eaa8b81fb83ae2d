"""The same seed is the same story: in this process, in another one, under another hash seed."""

from __future__ import annotations

import pytest

from tests.simulation import runs
from tests.simulation.dials import FAULTS, draw
from tests.simulation.dice import Dice
from tests.simulation.main import hash_elsewhere

# Whole runs, one after another, on a core that others use as well.
pytestmark = pytest.mark.timeout(900)
SEED = 10  # a small world


@pytest.fixture(scope="module")
def trace_hash() -> str:
    return runs.run(SEED).trace_hash


def test_the_same_seed_is_the_same_trace_traced_or_not(trace_hash: str) -> None:
    assert runs.run(SEED, trace=True).trace_hash == trace_hash


@pytest.mark.parametrize("hash_seed", [0, 4711])
def test_the_hash_seed_changes_nothing(hash_seed: int, trace_hash: str) -> None:
    assert hash_elsewhere(SEED, hash_seed=hash_seed) == trace_hash


def test_another_seed_is_another_trace(trace_hash: str) -> None:
    assert runs.run(SEED + 1).trace_hash != trace_hash


def test_a_run_can_be_stopped_at_a_step() -> None:
    result = runs.run(SEED, until=2_000, trace=True)
    assert result.ok
    assert result.step == 2_000
    assert result.trace


def test_streams_of_dice_are_independent_of_one_another() -> None:
    one, other = Dice(1, "a"), Dice(1, "b")
    expected = [Dice(1, "a").below(1_000) for _ in range(1)]
    other.below(10)
    assert [one.below(1_000)] == expected


def test_dice_stay_within_their_bounds_and_reach_them() -> None:
    dice = Dice(3, "bounds")
    assert {dice.below(5) for _ in range(300)} == set(range(5))
    assert {dice.between(7, 9) for _ in range(300)} == {7, 8, 9}
    assert all(3 <= dice.often_short(3, 900) <= 900 for _ in range(300))
    assert dice.below(1) == 0


def test_switching_a_kind_of_fault_off_leaves_the_other_dials() -> None:
    dials = draw(SEED)
    for kind in dials.switched_on:
        without = dials.without(kind)
        assert without.faults[kind] == 0
        assert all(without.faults[each] == dials.faults[each] for each in FAULTS if each != kind)
