"""A lease that is shortened: whoever may still live by the longer one is waited for (PT section 10, L4, G6)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import SetSettings
from coordinator.model.nodes import NodeStatus
from tests.unit.replica.world import FakeNode, World, live

LONG_R = 26_000
SHORT_R = 9_000
LONG = SetSettings((("nodes.lease", "20s"), ("nodes.reassign_after", "26s")), (), "me")
SHORT = SetSettings((), ("nodes.lease", "nodes.reassign_after"), "me")


def with_long_leases(world: World) -> tuple[FakeNode, FakeNode]:
    """Two nodes that count with 20 s; t1 is on n1, which is about to be cut off."""
    cut = FakeNode(world, "n1").register()
    world.create("t1")
    assert world.task("t1").assignment.node == "n1"
    other = FakeNode(world, "n2").register()
    world.outcomes(world.submit(LONG))
    live(world, 2_000, cut, other)
    assert (cut.lease_ms, other.lease_ms) == (20_000, 20_000)
    return cut, other


def moved_after(world: World, *alive: FakeNode) -> int:
    """How long it takes until t1 has left n1, in ms."""
    begin = world.now.steady
    while world.task("t1").assignment.node == "n1":
        live(world, 250, *alive)
        assert world.now.steady - begin < 60_000
    return world.now.steady - begin


def floor_of(world: World) -> object:
    return world.leader().replica.state.reassign_floor


def test_the_next_leader_waits_the_old_r_for_a_node_that_never_heard_of_the_change() -> None:
    world = World(3)
    _, other = with_long_leases(world)
    world.outcomes(world.submit(SHORT))
    world.crash(world.leader().number)
    world.leader()
    other.register()
    assert LONG_R <= moved_after(world, other) <= LONG_R + 1_000
    assert world.task("t1").assignment.node == "n2"
    live(world, 500, other)
    assert floor_of(world) is None


@pytest.mark.parametrize("restarts", [1, 3])
def test_a_member_that_begins_with_a_snapshot_knows_it_too(restarts: int) -> None:
    world = World(3, snapshot_every=5)
    _, other = with_long_leases(world)
    world.outcomes(world.submit(SHORT))
    for n in range(6):
        world.create(f"x{n}")
    assert all(disk.snapshot.index > 1 for disk in world.disks.values())
    for _ in range(restarts):
        for number in sorted(world.members):
            world.crash(number)
        for number in world.disks:
            world.start(number)
        world.leader()
    other.register()
    assert LONG_R <= moved_after(world, other) <= LONG_R + 1_000


def test_the_leader_itself_waits_the_old_r_as_well() -> None:
    world = World(3)
    _, other = with_long_leases(world)
    world.outcomes(world.submit(SHORT))
    assert LONG_R - 1_000 <= moved_after(world, other) <= LONG_R


def test_once_all_nodes_have_confirmed_the_new_r_is_in_force() -> None:
    world = World(3)
    cut, other = with_long_leases(world)
    world.outcomes(world.submit(SHORT))
    assert floor_of(world) is not None
    live(world, 1_000, cut, other)
    assert floor_of(world) is None
    assert (cut.lease_ms, other.lease_ms) == (6_000, 6_000)
    world.crash(world.leader().number)
    world.leader()
    other.register()
    assert SHORT_R <= moved_after(world, other) <= SHORT_R + 1_000


def test_an_answer_that_the_node_never_saw_confirms_nothing() -> None:
    world = World(3)
    cut, other = with_long_leases(world)
    world.outcomes(world.submit(SHORT))
    cut.listen = lambda: None  # its words arrive, ours get lost
    live(world, 1_000, cut, other)
    assert floor_of(world) is not None
    cut.beating = False
    moved_after(world, other)
    live(world, 500, other)
    assert floor_of(world) is None


def test_a_node_that_joins_after_the_change_is_not_waited_for() -> None:
    world = World(3)
    cut, other = with_long_leases(world)
    world.outcomes(world.submit(SHORT))
    late = FakeNode(world, "n3").register()
    late.beating = False
    live(world, 1_000, cut, other)
    assert floor_of(world) is None


def test_a_drop_that_is_lost_with_its_leader_is_asked_for_again() -> None:
    world = World(3)
    cut, other = with_long_leases(world)
    world.outcomes(world.submit(SHORT))
    old = world.leader()
    world.partition(old.number)
    live(world, 500, cut, other)  # nothing is accepted without a quorum
    world.until(lambda: any(m.replica.is_leader for m in world.members.values() if m is not old))
    world.heal()
    for one in (cut, other):
        one.register()
    live(world, 1_500, cut, other)
    assert floor_of(world) is None
    statuses = {n.status for n in world.leader().replica.state.nodes.values()}
    assert statuses == {NodeStatus.READY}
