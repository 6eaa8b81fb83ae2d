"""Who gets the room there is when nodes go and come back: TM-A17, A22, A23."""

from __future__ import annotations

from collections import Counter

from coordinator.model.tasks import RunOutcome, Status
from tests.unit.replica.kit import node, pause, until, wish
from tests.unit.replica.world import World


def loads(world: World) -> Counter[str | None]:
    return Counter(task.assignment.node for task in world.leader().replica.state.tasks_by_id())


def test_tm_a17_what_was_lost_goes_before_what_became_due_later() -> None:
    world = World(1)
    first = node(world, "first", capacity=1)
    world.create("z-lost")
    full = node(world, "full", capacity=1)
    world.create("runs")
    assert loads(world) == {"first": 1, "full": 1}
    first.beating = False
    until(world, lambda: world.task("z-lost").status is Status.UNASSIGNED)
    pause(world, 500)
    world.create("a-young")
    full.listen()
    full.report("runs", "ended", outcome=RunOutcome.SUCCEEDED)
    pause(world, 500)
    assert world.task("z-lost").assignment.node == "full"
    assert world.task("a-young").status is Status.UNASSIGNED


def test_tm_a22_tasks_are_spread_evenly_and_all_of_a_node_that_vanishes_are_placed_again() -> None:
    world = World(1)
    nodes = [node(world, f"n{number}", capacity=300) for number in range(3)]
    world.outcomes(world.submit(*(wish(f"t{number:03}") for number in range(256))))
    spread = loads(world)
    assert sum(spread.values()) == 256
    assert max(spread.values()) - min(spread.values()) <= 1
    assert set(spread) == {"n0", "n1", "n2"}
    kept = {
        t.id: t for t in world.leader().replica.state.tasks_by_id() if t.assignment.node != "n1"
    }
    nodes[1].beating = False
    took = until(world, lambda: set(loads(world)) == {"n0", "n2"})
    assert took <= 9_000 + 5_000
    tasks = world.leader().replica.state.tasks
    assert all(tasks[name] == task for name, task in kept.items())


def test_tm_a23_a_node_that_is_back_in_time_has_its_tasks_placed_at_once() -> None:
    world = World(1)
    crashed, other = node(world, "crashed"), node(world, "other")
    world.outcomes(world.submit(*(wish(f"t{n}", exclusive=n < 4) for n in range(8))))
    tasks = world.leader().replica.state.tasks
    there = [t for t in tasks.values() if t.assignment.node == "crashed"]
    mine = [t.id for t in there if t.policy.exclusive]
    moving = {t.id for t in there if not t.policy.exclusive}
    assert mine
    assert moving
    crashed.beating = False
    crashed.close()
    pause(world, 2_000)
    elsewhere = {t.id: t for t in tasks.values() if t.assignment.node == "other"}
    before = {name: tasks[name].allocation_id for name in mine}
    assert moving <= set(elsewhere)  # they tolerate overlap, so nobody waited for the lease
    crashed.counter += 1
    crashed.beating = True
    crashed.sequence = crashed.seen = crashed.number = 0
    crashed.register(old_is_dead=True)
    other.listen()
    for name in mine:
        assert tasks[name].status is Status.ASSIGNED
        assert tasks[name].allocation_id > before[name]
    pause(world, 1_000)
    assert {name: tasks[name] for name in elsewhere} == elsewhere
