"""The leader and a node that protects itself: it places by what the node takes, and shows it (TM-62, TM-65)."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.duties.health import Overloaded
from coordinator.model.tasks import Code
from coordinator.replica import inputs as i
from coordinator.replica.sayings import NodeSaying, WantedRun
from tests.unit.replica.kit import codes, node, pause, until
from tests.unit.replica.world import FakeNode, World


class Protecting(FakeNode):
    """Its heartbeats say how much it takes, and why."""

    takes, why = 0, ""

    def say(self, one: i.Input) -> None:
        saying = getattr(one, "saying", None)
        if isinstance(saying, NodeSaying) and saying.heartbeat is not None:
            beat = msgspec.structs.replace(
                saying.heartbeat, effective_capacity=self.takes, overload=self.why
            )
            one = i.NodeSaid(one.session, msgspec.structs.replace(saying, heartbeat=beat))  # type: ignore[attr-defined]
        super().say(one)


@pytest.fixture
def world() -> World:
    made = World()
    made.leader()
    return made


def protecting(world: World, name: str, capacity: int = 10) -> Protecting:
    made = Protecting(world, name, capacity)
    world.__dict__.setdefault("beating", []).append(made)
    made.register()
    return made


def test_tm_62_nothing_goes_beyond_what_the_node_takes_and_what_runs_there_stays(
    world: World,
) -> None:
    one = protecting(world, "n1")
    for number in range(6):
        world.create(f"t{number}")
    assert all(world.task(f"t{number}").has_node for number in range(6))
    one.takes, one.why = 5, "said so"
    one.beat()
    world.settle()
    world.create("late")
    assert codes(world, ["late"]) == [Code.NO_CAPACITY]
    assert all(world.task(f"t{number}").has_node for number in range(6))
    one.takes = 8
    one.beat()
    until(world, lambda: world.task("late").has_node, 2_000)


def test_tm_62_others_are_preferred_by_what_they_take(world: World) -> None:
    one = protecting(world, "n1")
    node(world, "n2")
    one.takes = 5
    one.beat()
    world.settle()
    for number in range(15):
        world.create(f"t{number:02}")
    at = [world.task(f"t{number:02}").assignment.node for number in range(15)]
    assert (at.count("n1"), at.count("n2")) == (5, 10)
    world.create("more")
    assert codes(world, ["more"]) == [Code.NO_CAPACITY]


def test_tm_62_health_shows_it_as_long_as_the_node_does(world: World) -> None:
    one = protecting(world, "n1")
    reporting = world.leader().replica.reporting
    assert reporting is not None
    one.takes, one.why = 6, "blocked loop"
    one.beat()
    world.run(2_000)
    assert reporting.hot is not None
    assert reporting.hot.overloaded == (Overloaded("n1", "blocked loop", 12, 20),)
    one.takes = 0
    one.beat()
    world.run(2_000)
    assert reporting.hot.overloaded == (Overloaded("n1", "blocked loop", 20, 20),)
    one.why = ""
    one.beat()
    world.run(2_000)
    assert reporting.hot.overloaded == ()


def test_tm_62_a_new_life_of_the_node_takes_all_that_it_has(world: World) -> None:
    one = protecting(world, "n1")
    one.takes = 5
    one.beat()
    world.settle()
    load = world.leader().replica.leading.bench.view.load
    assert load.effective == {"n1": 10}
    one.close()
    world.settle()
    again = FakeNode(world, "n1")
    again.register(old_is_dead=True)
    again.beat()
    world.settle()
    assert load.effective == {}


def test_tm_64_a_full_disk_lowers_no_capacity(world: World) -> None:
    one = protecting(world, "n1")
    leader = world.leader()
    leader.inbox.append(i.StoreFailed("disk_full", "none left"))
    one.beat()
    world.settle()
    load = leader.replica.leading.bench.view.load
    assert load.room(leader.replica.state.nodes["n1"]) == 20


def test_tm_a65_after_idling_a_task_starts_as_soon_as_under_load(world: World) -> None:
    """Nothing polls, so nothing polls more slowly: no time passes between the wish and the node's being told."""
    one = node(world, "n1")
    pause(world, 60_000)
    told = len(world.to_nodes[one.session])
    before = world.now
    world.create("idle")
    assert [run.task_id for run in _wanted(world, one, told)] == ["idle"]
    for number in range(8):
        world.create(f"t{number}")
    told = len(world.to_nodes[one.session])
    world.create("busy")
    assert [run.task_id for run in _wanted(world, one, told)] == ["busy"]
    assert world.now == before


def _wanted(world: World, one: FakeNode, since: int) -> list[WantedRun]:
    said = world.to_nodes[one.session][since:]
    return [run for saying in said if saying.wanted is not None for run in saying.wanted.runs]
