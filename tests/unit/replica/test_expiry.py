"""Calls whose time is over: what was still being looked at is taken back for good, and the caller told so (Q3)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import CancelTask, ChangeTasks, PauseTask, UpdateTask
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.proposals import Lost
from tests.unit.replica.kit import PICK, answer, at_once, know, node, of, questions, wish
from tests.unit.replica.world import World

PROVE = "demo.prove"
TICKET = 900


def checking(executor: str = PROVE, *, expects_plugins: bool = False, **says: object) -> World:
    """A node whose executor has something of its own to say."""
    world = World(1, expects_plugins=expects_plugins)
    world.leader()
    node(world, "n1", executor, **(says or {"own_validate": True}))
    if not expects_plugins:
        know(world, executor)
    return world


def submit(world: World, *wishes: i.Wish) -> None:
    world.leader().inbox.append(i.Submit(TICKET, tuple(i.Asked(one) for one in wishes)))
    world.settle()


def expire(world: World) -> str:
    """What the call is told."""
    (failed,) = of(e.Fail, at_once(world, world.leader(), i.Expire(TICKET)))
    assert failed.ticket == TICKET
    return str(failed.kind)


def test_q3_a_wish_that_validate_still_looks_at_is_not_begun_and_never_will_be() -> None:
    world = checking()
    submit(world, wish("t1", PROVE))
    last = world.leader().replica.raft.last_index
    assert expire(world) == "not_begun"
    answer(world, "ok")
    assert (world.leader().replica.raft.last_index, TICKET in world.answers) == (last, False)
    assert not world.leader().replica.state.tasks
    submit(world, wish("t1", PROVE))
    answer(world, "ok")
    assert world.outcomes(TICKET)[0].created


def test_q3_a_wish_that_waits_for_its_node_is_not_begun_and_takes_no_room() -> None:
    world = checking(PICK, own_assignment=True)
    submit(world, wish("t1", PICK))
    assert expire(world) == "not_begun"
    answer(world, "ok", node="n1")
    leading = world.leader().replica.leading
    assert (leading.bench.view.load.units("n1"), world.leader().replica.state.tasks) == (0, {})
    submit(world, wish("t2", PICK))
    assert len(questions(world)) == 1, "the executor is asked about the next"
    answer(world, "ok", node="n1")
    assert world.task("t2").assignment.node == "n1"


def test_q3_a_wish_that_waits_for_plugins_to_be_known_is_not_begun() -> None:
    world = checking(expects_plugins=True)
    submit(world, wish("t1", PROVE))
    assert expire(world) == "not_begun"
    know(world, PROVE)
    assert not questions(world)


def test_q3_an_edit_that_is_looked_at_is_not_begun() -> None:
    world = checking()
    submit(world, wish("t1", PROVE))
    answer(world, "ok")
    submit(world, UpdateTask("t1", 0, params=b'{"a":1}'))
    assert expire(world) == "not_begun"
    answer(world, "ok")
    assert world.task("t1").params == b"{}"


def test_tm_32_changes_that_are_one_command_are_not_begun_while_one_is_looked_at() -> None:
    world = checking()
    for name in ("t1", "t2"):
        submit(world, wish(name, PROVE))
        answer(world, "ok")
    edits = (UpdateTask("t1", 0, params=b'{"a":1}'), UpdateTask("t2", 0, params=b'{"a":1}'))
    submit(world, ChangeTasks((PauseTask("t1"), *edits)))
    assert expire(world) == "not_begun"
    while questions(world):
        answer(world, "ok")
    assert [world.task(name).params for name in ("t1", "t2")] == [b"{}", b"{}"]
    assert world.task("t1").desired == "running"


def test_tm_32_changes_that_are_looked_at_end_with_the_term() -> None:
    world = checking()
    submit(world, wish("t1", PROVE))
    answer(world, "ok")
    submit(world, ChangeTasks((UpdateTask("t1", 0, params=b'{"a":1}'),)))
    leading = world.leader().replica.leading
    for waiting in leading.edits.take_waiting():
        waiting(Lost.NOT_LEADER)
    leading.validations.drop()
    assert not leading.together._gathering


def test_q4_what_went_to_the_log_stays_and_its_fate_is_unknown() -> None:
    world = World(1)
    leader = world.leader()
    node(world, "n1")
    submitted = i.Submit(TICKET, (i.Asked(wish("t1")),))
    effects = at_once(world, leader, submitted, i.Expire(TICKET))
    assert [failed.kind for failed in of(e.Fail, effects)] == ["timed_out"]
    writes = tuple(write.write for write in of(e.Persist, effects))
    assert not of(e.Reply, at_once(world, leader, i.Stored(writes)))
    assert "t1" in leader.replica.state.tasks


def test_q3_of_a_call_that_was_begun_in_part_nothing_is_taken_back() -> None:
    world = checking()
    submit(world, wish("t1", PROVE), CancelTask("t1"), wish("t2", PROVE))
    assert expire(world) == "timed_out"
    while questions(world):
        answer(world, "ok")
    assert sorted(world.leader().replica.state.tasks) == ["t1", "t2"]


def test_q3_what_is_refused_outside_the_log_was_not_begun_either() -> None:
    world = checking()
    submit(world, wish("t1", PROVE), wish("t2", "nobody.offers"))
    assert expire(world) == "not_begun"


@pytest.mark.parametrize("ask", [None, i.ReadBarrier(TICKET)])
def test_who_asked_for_no_change_is_told_that_its_time_is_over(ask: i.Input | None) -> None:
    world = checking()
    inputs = (i.Expire(TICKET),) if ask is None else (ask, i.Expire(TICKET))
    effects = at_once(world, world.leader(), *inputs)
    assert [failed.kind for failed in of(e.Fail, effects)] == ["timed_out"]


def test_q3_what_waits_for_the_first_entry_of_a_term_is_not_begun() -> None:
    world = World(1)
    world.leader()
    world.crash(1)
    world.start(1)
    member = world.members[1]
    submitted = i.Submit(TICKET, (i.Asked(wish("t1")),))
    effects = at_once(world, member, i.Campaign())
    while not member.replica.raft.is_leader:
        effects = at_once(world, member, i.Stored(tuple(w.write for w in of(e.Persist, effects))))
    assert member.replica.leading is None
    effects = at_once(world, member, submitted, i.Expire(TICKET))
    assert [failed.kind for failed in of(e.Fail, effects)] == ["not_begun"]
