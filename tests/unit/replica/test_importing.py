"""Coordinators that have just started: until it is known which plugins they have, what may need them waits."""

from __future__ import annotations

from coordinator.machine.outcome import Refusal
from coordinator.model.tasks import Code, Status
from coordinator.replica import inputs as i
from tests.unit.replica.kit import PICK, answer, know, node, pause, wish
from tests.unit.replica.world import World

PROVE = "demo.prove"


def importing(members: int = 1) -> World:
    """A node is there, whose executor has a `validate` of its own."""
    world = World(members, expects_plugins=True)
    world.leader()
    node(world, "n1", PROVE, "demo.noop", own_validate=True)
    return world


def test_pt_24_a_creation_waits_for_the_code_that_is_being_imported() -> None:
    world = importing()
    ticket = world.submit(wish("t1", PROVE))
    assert not world.asked_plugins
    assert ticket not in world.answers
    know(world, PROVE)
    answer(world, "ok")
    (outcome,) = world.outcomes(ticket)
    assert (outcome.created, outcome.schema_only) == (True, False)


def test_pt_24_what_no_code_is_asked_about_does_not_wait() -> None:
    world = importing()
    assert world.create("t1", executor="demo.noop").created
    assert world.create("t1", executor="demo.noop").unchanged


def test_pt_44_nobody_waits_for_a_plugin_that_is_slower_than_the_one_he_needs() -> None:
    world = importing()
    node(world, "n2", "demo.slow", own_validate=True)
    known, slow = world.submit(wish("t1", PROVE)), world.submit(wish("t2", "demo.slow"))
    know(world, PROVE, more=True)
    answer(world, "ok")
    assert world.outcomes(known)[0].created
    assert slow not in world.answers
    know(world, PROVE, more=False)
    (outcome,) = world.outcomes(slow)
    assert (outcome.created, outcome.schema_only) == (True, True)


def test_pt_22_an_executor_is_unknown_only_when_all_plugins_are_known() -> None:
    world = importing()
    mine, nobodys = (world.submit(wish(name, f"x.{name}")) for name in ("mine", "nobodys"))
    assert not {mine, nobodys} & set(world.answers)
    know(world, "x.mine")
    answer(world, "ok")
    assert world.outcomes(mine)[0].created
    assert world.outcomes(nobodys)[0].code is Refusal.UNKNOWN_EXECUTOR


def test_pt_24_code_that_goes_away_later_is_not_waited_for() -> None:
    world = importing()
    know(world, PROVE)
    know(world, more=True)  # its helper has to be started anew
    assert world.create("t1", executor=PROVE).schema_only


def test_n8_who_waits_for_code_when_the_term_ends_is_told_that_nothing_was_done() -> None:
    world = importing(3)
    old = world.leader()
    ticket = world.submit(wish("t1", PROVE))
    world.partition(old.number)
    world.run(3_000)
    assert world.answers[ticket].kind == "not_leader"
    know(world, PROVE)
    assert not [one for one in world.asked_plugins if one[0] == old.number]


def test_pt_45_code_that_is_being_imported_is_not_missing_yet() -> None:
    world = World(1, expects_plugins=True)
    world.leader()
    node(world, "n1", PICK, own_assignment=True)
    must = i.Create("t1", PICK, b"{}", wish("x").spec, require_assignment=True)
    ticket = world.submit(must)
    assert ticket not in world.answers
    know(world, PICK)
    answer(world, "ok", node="n1")
    assert world.outcomes(ticket)[0].created
    assert world.task("t1").assignment.node == "n1"


def test_pt_45_a_leader_that_has_just_started_calls_nothing_missing_that_it_imports() -> None:
    world = World(1)
    world.leader()
    know(world, PICK)
    due_at = world.leader().replica.leading.bench.at + 5_000
    node(world, "n1", PICK, own_assignment=True)
    world.submit(wish("t1", PICK, due_at=due_at))
    world.crash(1)
    world.config["expects_plugins"] = True
    world.start(1)
    world.leader()
    node(world, "n2", PICK, own_assignment=True)
    pause(world, 5_000)
    task = world.task("t1")
    assert (task.status, task.assignment.code) == (
        Status.UNASSIGNED,
        Code.AWAITING_FIRST_ASSIGNMENT,
    )
    know(world, PICK)
    answer(world, "ok", node="n2")
    assert world.task("t1").assignment.node == "n2"
