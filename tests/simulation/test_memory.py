"""When a world ends nothing of it stays: what would not be given back here grows for ever in a long process.

Values that the collector does not look into (`gc=False`) may not be part of a circle: nobody would ever find it.
"""

from __future__ import annotations

import gc

import pytest

from coordinator.replica.replica import Replica
from coordinator.shell.pump import Pump
from node.core import NodeCore
from tests.simulation import runs
from tests.simulation.dials import draw
from tests.simulation.world import World


def alive() -> int:
    """Whole worlds, members and nodes that somebody still holds, or that nobody can find."""
    gc.collect()
    kinds = (World, Replica, Pump, NodeCore)
    return sum(issubclass(type(each), kinds) for each in gc.get_objects())


@pytest.mark.parametrize("seed", [2, 4, 14], ids=["killed-leader", "own-assignment", "members"])
def test_a_world_is_given_back_whole(seed: int) -> None:
    before = alive()
    assert runs.run(seed, draw(seed).but("seconds=12")).ok
    assert alive() == before
