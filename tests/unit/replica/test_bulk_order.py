"""Items of one bulk that name each other: what comes earlier is proposed earlier, whoever is asked about it (TM-67)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import CancelTask
from coordinator.machine.outcome import Outcome, Refusal
from coordinator.model.tasks import Code, Status
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.kit import PICK, answer, at_once, know, node, of, questions, wish
from tests.unit.replica.world import World

PROVE = "demo.prove"
TICKET = 700


def proving(members: int = 1, *, expects_plugins: bool = False) -> World:
    """One executor has a `validate` of its own, one has none."""
    world = World(members, expects_plugins=expects_plugins)
    world.leader()
    node(world, "n1", PROVE, "demo.noop", own_validate=True)
    if not expects_plugins:
        know(world, PROVE)
    return world


def bulk(world: World, *wishes: i.Create, ticket: int = TICKET) -> None:
    """As `create_many` asks: each under a request id of its own."""
    asked = (i.Asked(one, f"r/{number}", 7) for number, one in enumerate(wishes))
    world.leader().inbox.append(i.Submit(ticket, tuple(asked)))
    world.settle()


def created(outcomes: tuple[Outcome, ...]) -> list[bool]:
    return [getattr(one, "created", False) for one in outcomes]


def ids(world: World) -> list[str]:
    return sorted(world.leader().replica.state.tasks)


def test_tm_67_what_waits_for_an_item_that_is_being_validated_comes_after_it() -> None:
    world = proving()
    bulk(world, wish("a", PROVE), wish("b", after=("a",)), wish("c", after=("b", "a")))
    assert (ids(world), len(questions(world))) == ([], 1)
    last = world.leader().replica.raft.last_index
    answer(world, "ok")
    assert created(world.outcomes(TICKET)) == [True] * 3
    assert world.leader().replica.raft.last_index == last + 1
    assert world.task("b").assignment.code is Code.DEPENDENCY
    bulk(world, wish("a", PROVE), wish("b", after=("a",)), ticket=TICKET + 1)
    assert created(world.outcomes(TICKET + 1)) == [True, True], "a repeat gets the first answers"


def test_tm_67_what_waits_for_an_item_that_is_being_placed_comes_after_it() -> None:
    world = World(1)
    world.leader()
    node(world, "n1", PICK, "demo.noop", own_assignment=True)
    know(world, PICK)
    bulk(world, wish("a", PICK), wish("b", after=("a",)))
    assert ids(world) == []
    answer(world, "ok", node="n1")
    assert created(world.outcomes(TICKET)) == [True, True]


def test_pt_77_a_child_comes_after_its_parent_that_is_being_validated() -> None:
    world = proving()
    bulk(world, wish("p", PROVE), wish("c", parent="p"), wish("cc", parent="c"))
    answer(world, "ok")
    assert created(world.outcomes(TICKET)) == [True] * 3


def test_tm_67_the_item_waited_for_is_refused_and_so_is_who_waits() -> None:
    world = proving()
    bulk(world, wish("a", PROVE), wish("b", after=("a",)), wish("x"))
    assert ids(world) == ["x"], "who waits for nobody is not held up"
    answer(world, "refused", text="not so")
    first, second, third = world.outcomes(TICKET)
    assert first.code is Refusal.VALIDATION_FAILED
    assert (second.code, second.detail) == (
        Refusal.UNKNOWN_DEPENDENCY,
        "after: no task a to wait for",
    )
    assert third.created


def test_tm_67_what_waits_for_code_that_is_being_imported_is_waited_for() -> None:
    world = proving(expects_plugins=True)
    bulk(world, wish("a", PROVE), wish("b", after=("a",)), wish("c", PROVE, after=("b",)))
    assert ids(world) == []
    know(world, PROVE)
    assert ids(world) == [], "now it is being validated"
    answer(world, "ok")
    assert ids(world) == ["a", "b"]
    answer(world, "ok")
    assert created(world.outcomes(TICKET)) == [True] * 3


def test_tm_67_nobody_waits_in_a_circle() -> None:
    world = proving()
    bulk(world, wish("x", PROVE), wish("b", after=("x", "y")), wish("y", after=("b", "y")))
    answer(world, "ok")
    refused = world.outcomes(TICKET)[1:]
    assert [one.code for one in refused] == [Refusal.UNKNOWN_DEPENDENCY] * 2


def test_tm_67_a_finished_record_that_is_about_to_be_replaced_is_not_the_one_meant() -> None:
    world = proving()
    world.create("a")
    world.outcomes(world.submit(wish("b", after=("a",))))
    assert world.task("b").status is Status.WAITING, "what is there is waited for where it is"
    world.outcomes(world.submit(CancelTask("a", purge=False)))
    world.until(lambda: world.task("a").is_terminal)
    again = i.Create("a", PROVE, b"{}", wish("x").spec, replace_finished=True)
    bulk(world, again, wish("c", after=("a",)))
    answer(world, "ok")
    assert created(world.outcomes(TICKET)) == [True, True]
    assert world.task("c").status is Status.WAITING


def test_q3_who_waits_is_taken_back_with_the_one_it_waits_for() -> None:
    world = proving()
    bulk(world, wish("a", PROVE), wish("b", after=("a",)))
    (failed,) = of(e.Fail, at_once(world, world.leader(), i.Expire(TICKET)))
    assert failed.kind == "not_begun"
    answer(world, "ok")
    world.run(200)
    assert ids(world) == []


def test_q3_who_waits_goes_on_when_another_call_takes_back_what_it_waits_for() -> None:
    world = proving()
    bulk(world, wish("a", PROVE))
    ticket = world.submit(wish("b", after=("a",)))
    assert ticket not in world.answers
    world.leader().inbox.append(i.Expire(TICKET))
    world.settle()
    assert world.outcomes(ticket)[0].code is Refusal.UNKNOWN_DEPENDENCY


def test_n8_who_waits_when_the_term_ends_is_told_that_nothing_was_done() -> None:
    world = proving(3)
    old = world.leader()
    bulk(world, wish("a", PROVE), wish("b", after=("a",)))
    world.partition(old.number)
    world.run(3_000)
    assert world.answers[TICKET].kind == "not_leader"
    assert ids(world) == []


@pytest.mark.parametrize("kind", ["timeout", "missing", "error"])
def test_pt_44_nobody_waits_longer_than_foreign_code_may_take(kind: str) -> None:
    world = proving()
    bulk(world, wish("a", PROVE), wish("b", after=("a",)))
    answer(world, kind)
    assert [one.code for one in world.outcomes(TICKET)] == [
        Refusal.VALIDATION_FAILED,
        Refusal.UNKNOWN_DEPENDENCY,
    ]
