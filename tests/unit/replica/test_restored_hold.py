"""A cluster that was restored: nobody runs anything before the runs of the cluster before must have ended (G6, B2)."""

from __future__ import annotations

import msgspec

from coordinator.codec.framing import framed
from coordinator.codec.snapshots import encode, freeze
from coordinator.machine.commands import SetSettings
from coordinator.model.settings import ReassignFloor
from coordinator.model.state import ClusterState
from tests.unit.replica.world import FakeNode, World, founded

OLD_R = 26_000


def restored(members: int) -> World:
    """As `begin_anew` leaves a state behind: the cluster before had an R of 26 s."""
    world = World(members)
    state = founded(members)
    state.reassign_floor = ReassignFloor(OLD_R, 1, restored=True)
    data = b"".join(framed(encode(freeze(state))))
    for number, disk in world.disks.items():
        disk.snapshot = msgspec.structs.replace(disk.snapshot, data=data)
        world.start(number)
    return world


def state_of(world: World) -> ClusterState:
    return world.leader().replica.state


def is_welcome(world: World, node: FakeNode) -> bool:
    return any(said.welcome is not None for said in world.to_nodes.get(node.session, ()))


def test_g6_nodes_wait_for_the_leases_of_the_cluster_before() -> None:
    world = restored(1)
    world.leader()
    begin = world.now.steady
    node = FakeNode(world, "n1").register()
    world.run(OLD_R - 1_000)
    assert not is_welcome(world, node)
    assert not state_of(world).nodes
    while not is_welcome(world, node):
        world.run(100)
        assert world.now.steady - begin < 2 * OLD_R
    assert world.now.steady - begin >= OLD_R
    assert state_of(world).reassign_floor is None
    world.create("t1")
    assert world.task("t1").assignment.node == "n1"
    later = FakeNode(world, "n2").register()
    assert is_welcome(world, later)


def test_g6_the_next_leader_waits_as_long_again() -> None:
    world = restored(3)
    first = world.leader()
    FakeNode(world, "n1").register()
    world.run(OLD_R - 2_000)
    world.crash(first.number)
    world.leader()
    begin = world.now.steady
    node = FakeNode(world, "n1").register()
    world.run(OLD_R - 1_000)
    assert not is_welcome(world, node)
    while not is_welcome(world, node):
        world.run(100)
        assert world.now.steady - begin < 2 * OLD_R


def test_g6_a_lease_that_is_shortened_meanwhile_lets_nobody_in() -> None:
    world = restored(1)
    world.leader()
    world.outcomes(world.submit(SetSettings((("nodes.lease", "3s"),), (), "me")))
    node = FakeNode(world, "n1").register()
    world.run(OLD_R - 2_000)
    assert state_of(world).is_held
    assert not is_welcome(world, node)
    world.run(3_000)
    assert is_welcome(world, node)
    assert state_of(world).reassign_floor is None


def test_a_node_that_goes_away_while_it_waits_is_forgotten() -> None:
    from coordinator.replica import inputs as i

    world = restored(1)
    node = FakeNode(world, "n1").register()
    node.say(i.NodeClosed(node.session))
    world.run(OLD_R + 1_000)
    assert not is_welcome(world, node)
    assert not state_of(world).nodes
