"""Calls to runs and their answers, over changes of the leader (PT-85)."""

from __future__ import annotations

from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.sayings import CallAnswer, NodeSaying, RunCall
from tests.unit.replica.world import FakeNode, Member, World


def ask(world: World, node: FakeNode, ticket: int) -> RunCall:
    """What the node is asked, when a caller asks the run of t1."""
    node.say(i.CallRun(ticket, "t1", "stats", b"{}", 60_000))  # type: ignore[arg-type]
    calls = [call for said in world.to_nodes[node.session] for call in said.calls]
    return calls[-1]


def answers(member: Member) -> list[tuple[int, bytes]]:
    return [(one.ticket, one.payload) for one in member.out if isinstance(one, e.CallAnswered)]


def answer(node: FakeNode, call: RunCall, payload: bytes) -> None:
    said = (CallAnswer(call.call, payload),)
    node.say(i.NodeSaid(node.session, NodeSaying(call_answers=said)))


def test_pt_85_an_answer_to_the_leader_before_settles_no_call_of_this_one() -> None:
    world = World(3)
    node = FakeNode(world, "n1").register()
    world.create("t1")
    first = world.leader()
    asked_first = ask(world, node, 71)
    world.partition(first.number)
    world.until(lambda: any(m.replica.is_leader for m in world.members.values() if m is not first))
    second = world.leader()
    node.register()
    asked_second = ask(world, node, 72)
    answer(node, asked_first, b'"old"')
    assert answers(second) == []
    answer(node, asked_second, b'"new"')
    assert answers(second) == [(72, b'"new"')]
    assert asked_second.call < 2**63


def test_pt_85_calls_of_one_term_are_numbered_one_by_one() -> None:
    world = World(1)
    node = FakeNode(world, "n1").register()
    world.create("t1")
    first, second = ask(world, node, 71), ask(world, node, 72)
    assert second.call == first.call + 1
    answer(node, second, b"2")
    answer(node, first, b"1")
    assert answers(world.leader()) == [(72, b"2"), (71, b"1")]
