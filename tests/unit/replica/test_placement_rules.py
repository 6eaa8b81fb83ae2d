"""Limits, constraints and reservation with the real replica, from the creation to the next trigger (PT-47, PT-82, PT-83)."""

from __future__ import annotations

import json

import msgspec
import pytest

from coordinator.machine.commands import CancelTask, RemoveLimit, SetLimit
from coordinator.model.constraints import AttributeTest, Constraints
from coordinator.model.tasks import Code, RunOutcome, Status
from coordinator.replica import inputs as i
from tests.unit.replica.kit import codes, node, wish
from tests.unit.replica.world import FakeNode, World

HELD = Code.CONCURRENCY_LIMIT.value
ONE = [{"scope": "cluster", "key": "", "max": 1}]
PER_TENANT = [{"scope": "cluster", "key": "params.tenant", "max": 1}]


def limited(world: World, limits: list[dict[str, object]], name: str = "n1") -> FakeNode:
    return node(world, name, policy={"concurrency": limits})


def test_tm_60_a_place_that_a_limit_held_is_used_without_the_timer() -> None:
    world = World(1)
    one = limited(world, ONE)
    for task_id in ("t1", "t2", "t3"):
        world.create(task_id)
    assert codes(world, ["t1", "t2", "t3"]) == ["assigned", HELD, HELD]
    assert world.task("t2").assignment.explanation == "demo.noop: at most 1 in all"
    one.listen()
    one.report("t1", "ended", outcome=RunOutcome.SUCCEEDED)
    assert codes(world, ["t2", "t3"]) == ["assigned", HELD]


def test_tm_60_an_override_counts_at_once_and_its_end_stops_nobody() -> None:
    world = World(1)
    limited(world, ONE)
    for task_id in ("t1", "t2", "t3"):
        world.create(task_id)
    world.outcomes(world.submit(SetLimit("cluster", "demo.noop", 2, "ann")))
    assert codes(world, ["t2", "t3"]) == ["assigned", HELD]
    world.outcomes(world.submit(RemoveLimit("cluster", "demo.noop")))
    assert codes(world, ["t1", "t2"]) == ["assigned", "assigned"]


@pytest.mark.parametrize(
    "params, expected",
    [
        (('{"tenant": "acme"}', '{"tenant": "bolt"}'), ["assigned", "assigned"]),
        (('{"tenant": "acme"}', '{"tenant": "acme"}'), ["assigned", HELD]),
        (('{"tenant": 7}', '{"tenant": "7"}'), ["assigned", HELD]),
        (("{}", '{"tenant": null}'), ["assigned", HELD]),
    ],
)
def test_tm_60_a_field_of_the_params_is_a_key_of_its_own(
    params: tuple[str, str], expected: list[str]
) -> None:
    world = World(1)
    limited(world, PER_TENANT)
    for number, one in enumerate(params):
        world.submit(wish(f"t{number}", params=one.encode()))
    assert codes(world, ["t0", "t1"]) == expected


def test_pt_82_no_change_of_leader_exceeds_a_limit() -> None:
    world = World(3)
    limited(world, [{"scope": "cluster", "key": "", "max": 2}])
    for number in range(4):
        world.create(f"t{number}")
    old = world.leader().number
    world.crash(old)
    others = [one for one in world.members.values() if one.number != old]
    world.until(lambda: any(one.replica.leading is not None for one in others))
    world.create("t4")
    state = world.leader().replica.state
    assert state.limit_runs == {"demo.noop": 2}
    assert sum(one.has_node for one in state.tasks_by_id()) == 2


def test_pt_82_a_lost_run_goes_on_elsewhere_in_its_own_place() -> None:
    world = World(1)
    first = limited(world, ONE)
    other = limited(world, ONE, "n2")
    world.create("t1")
    gone = first if world.task("t1").assignment.node == "n1" else other
    gone.beating = False
    world.until(lambda: world.task("t1").assignment.node not in (None, gone.name)
                or bool(first.beat() or other.beat()))  # fmt: skip
    assert world.task("t1").status is Status.ASSIGNED
    assert world.leader().replica.state.limit_runs == {"demo.noop": 1}


def test_pt_a51_a_restricted_task_waits_for_a_node_that_has_the_attribute() -> None:
    world = World(1)
    node(world, "n1")
    zone = Constraints(require=(AttributeTest("zone", ("a",)),))
    world.submit(wish("t", constraints=zone))
    assert codes(world, ["t"]) == ["constraints"]
    assert world.task("t").assignment.explanation == "n1"
    Placed(world, "n2", zone="a").register()
    assert world.task("t").assignment.node == "n2"


def test_tm_a15_a_new_small_task_does_not_take_the_room_of_a_large_one_that_waits() -> None:
    world = World(1)
    one = node(world, "n1")
    world.submit(*(wish(f"r{number}", cost=6) for number in range(2)))
    world.submit(wish("large", cost=10))
    world.submit(wish("small", cost=1))
    assert codes(world, ["large", "small"]) == ["no_capacity", "reserved"]
    one.listen()
    one.report("r0", "ended", outcome=RunOutcome.SUCCEEDED)
    assert codes(world, ["large", "small"]) == ["assigned", "assigned"]


def test_tm_59_a_reservation_ends_with_the_task_that_holds_it() -> None:
    world = World(1)
    node(world, "n1")
    world.submit(*(wish(f"r{number}", cost=6) for number in range(2)))
    world.submit(wish("large", cost=10))
    world.submit(wish("small", cost=1))
    world.submit(CancelTask("large"))
    assert codes(world, ["small"]) == ["assigned"]


def test_pt_35_an_executor_that_chooses_for_itself_is_not_asked_while_a_limit_holds() -> None:
    from tests.unit.replica.kit import PICK, answer, know, questions

    world = World(1)
    know(world, PICK)
    node(world, "n1", PICK, policy={"concurrency": ONE}, own_assignment=True)
    world.submit(wish("t1", PICK))
    answer(world, "least_loaded")
    world.submit(wish("t2", PICK))
    assert codes(world, ["t1", "t2"]) == ["assigned", HELD]
    assert questions(world) == []


class Placed(FakeNode):
    """With attributes."""

    def __init__(self, world: World, name: str, **attributes: str) -> None:
        super().__init__(world, name)
        self.attributes = tuple(sorted(attributes.items()))
        self.body = json.dumps({"policy": {}}).encode()

    def say(self, one: i.Input) -> None:
        if isinstance(one, i.NodeOpened):
            known = msgspec.structs.replace(one.registration, attributes=self.attributes)
            one = i.NodeOpened(one.session, known)
        super().say(one)
