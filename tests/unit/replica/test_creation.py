"""From a wish to a record: known, valid, where; one entry; overlay, dry runs, request ids."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import CancelTask, UnassignTask
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.tasks import Code, RunOutcome, Status, StopReason
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.kit import (
    answer,
    asked_about,
    at_once,
    know,
    node,
    of,
    pause,
    questions,
    wish,
)
from tests.unit.replica.world import World

PROVE = "demo.prove"


def outcomes(world: World, *asked: i.Asked, ticket: int = 700) -> tuple[object, ...]:
    world.leader().inbox.append(i.Submit(ticket, asked))
    world.settle()
    reply = world.answers[ticket]
    assert isinstance(reply, e.Reply)
    return reply.outcomes


def proving(world: World) -> World:
    """A node whose executor has a `validate` of its own."""
    world.leader()
    node(world, "n1", PROVE, own_validate=True)
    know(world, PROVE)
    return world


def test_g1_creating_and_assigning_is_one_entry() -> None:
    world = World(3)
    node(world, "n1")
    last = world.leader().replica.raft.last_index
    world.create("t1")
    assert world.leader().replica.raft.last_index == last + 1
    assert world.task("t1").status is Status.ASSIGNED


def test_two_creates_of_one_turn_never_get_one_place() -> None:
    world = World(1)
    node(world, "n1", capacity=1)
    node(world, "n2", capacity=1)
    asked = [i.Asked(wish(f"t{n}")) for n in range(3)]
    assert all(isinstance(one, Accepted) for one in outcomes(world, *asked))
    assert sorted(str(world.task(f"t{n}").assignment.node) for n in range(3)) == [
        "None",
        "n1",
        "n2",
    ]
    assert world.task("t2").assignment.code is Code.NO_CAPACITY


def test_what_was_promised_and_refused_is_given_back() -> None:
    world = World(1)
    node(world, "n1", capacity=1)
    world.create("t1")
    load = world.leader().replica.leading.bench.view.load
    again, other = i.Asked(wish("t1")), i.Asked(wish("t1", priority=3))
    unplaced = i.Asked(i.Create("t9", "demo.noop", b"{}", wish("x").spec, require_assignment=True))
    same, differs, nowhere = outcomes(world, again, other, unplaced)
    assert same.unchanged
    assert (differs.code, differs.detail) == (Refusal.ALREADY_EXISTS, "priority")
    assert nowhere.code is Refusal.UNPLACEABLE
    assert load.units("n1") == 2


def test_pt_a14_nine_tasks_on_three_equal_nodes_lie_three_by_three() -> None:
    world = World(3)
    for name in ("n1", "n2", "n3"):
        node(world, name)
    for number in range(9):
        world.create(f"t{number}")
    runs = {n: len(world.leader().replica.state.on_node[n]) for n in ("n1", "n2", "n3")}
    assert runs == {"n1": 3, "n2": 3, "n3": 3}


def test_pt_a4_validate_that_raises_stores_nothing_and_takes_no_allocation_id() -> None:
    world = proving(World(1))
    ticket = world.submit(wish("t1", PROVE, b'{"a": 1}'))
    (question,) = questions(world)
    assert (question.kind, asked_about(question)["params"]) == ("validate", b'{"a": 1}')
    answer(world, "refused", text="source and target are the same")
    (refused,) = world.outcomes(ticket)
    assert (refused.code, refused.detail) == (
        Refusal.VALIDATION_FAILED,
        "source and target are the same",
    )
    assert world.leader().replica.state.last_allocation_id == 0
    assert not world.leader().replica.state.tasks


def test_pt_20_validated_then_placed() -> None:
    world = proving(World(1))
    ticket = world.submit(wish("t1", PROVE))
    answer(world, "ok")
    assert world.outcomes(ticket)[0].created
    assert world.task("t1").status is Status.ASSIGNED


@pytest.mark.parametrize("kind", ["error", "timeout", "missing"])
def test_pt_44_a_validate_that_fails_refuses_this_creation_alone(kind: str) -> None:
    world = proving(World(1))
    ticket = world.submit(wish("t1", PROVE))
    answer(world, kind)
    (refused,) = world.outcomes(ticket)
    assert refused.code is Refusal.VALIDATION_FAILED
    assert PROVE in refused.detail


def test_pt_44_a_validate_that_overran_is_not_asked_again_before_its_time_has_come() -> None:
    """Repeats of the call would else queue up one hang behind the other, and other executors behind them."""
    world = proving(World(1))
    for wait_ms in (1_000, 2_000):
        ticket = world.submit(wish("t1", PROVE))
        answer(world, "timeout")
        world.outcomes(ticket)
        pause(world, wait_ms - 100)
        ticket = world.submit(wish("t1", PROVE))
        assert not questions(world)
        (refused,) = world.outcomes(ticket)
        assert refused.code is Refusal.VALIDATION_FAILED
        pause(world, 150)
    ticket = world.submit(wish("t1", PROVE))
    answer(world, "ok")
    assert world.outcomes(ticket)[0].created
    world.submit(wish("t2", PROVE))
    assert questions(world)


def test_pt_24_without_the_code_the_schema_has_to_do() -> None:
    world = World(1)
    world.leader()
    node(world, "n1", PROVE, own_validate=True)
    outcome = world.create("t1", executor=PROVE)
    assert (outcome.created, outcome.schema_only) == (True, True)
    assert world.task("t1").status is Status.ASSIGNED


def test_pt_21_what_is_there_already_is_not_validated_again() -> None:
    world = proving(World(1))
    world.submit(wish("t1", PROVE))
    answer(world, "ok")
    ticket = world.submit(wish("t1", PROVE))
    assert world.outcomes(ticket)[0].unchanged
    assert not world.asked_plugins


def test_q1_a_repeated_request_gets_the_first_answer_though_its_executor_is_gone() -> None:
    world = World(1)
    node(world, "n1")
    asked = i.Asked(wish("t1"), "r1", 7)
    (first,) = outcomes(world, asked)
    world.submit(CancelTask("t1", purge=True))
    one = wish("t1", "nobody.offers")
    (again,) = outcomes(world, i.Asked(one, "r1", 7), ticket=701)
    assert again.allocation_id == first.allocation_id
    (reused,) = outcomes(world, i.Asked(one, "r1", 8), ticket=702)
    assert reused.code is Refusal.REQUEST_ID_REUSED


def test_pt_22_an_unknown_executor_names_the_nearest_first() -> None:
    world = World(1)
    node(world, "n1", "shop.count", "demo.sleep", "demo.noop")
    refused = world.create("t1", executor="demo.slep")
    assert isinstance(refused, Refused)
    assert refused.detail.partition("known: ")[2].startswith("demo.sleep")


def test_a_task_for_later_waits_and_is_placed_when_due() -> None:
    world = World(1)
    one = node(world, "n1")
    due = world.leader().replica.leading.bench.at + 2_000
    world.create("t1", due_at=due)
    task = world.task("t1")
    assert (task.status, task.assignment.code) == (Status.WAITING, Code.NOT_DUE)
    world.run(1_900)
    assert world.task("t1").status is Status.WAITING
    world.run(150)
    one.listen()
    assert "t1" in one.wanted


def test_a_failed_run_waits_for_its_retry_and_is_placed_again() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    one.listen()
    one.report("t1", "ended", outcome=RunOutcome.FAILED, retry_in_ms=500)
    assert world.task("t1").status is Status.WAITING
    world.run(600)
    task = world.task("t1")
    assert (task.status, task.attempt, task.allocation_id) == (Status.ASSIGNED, 2, 3)


def test_pt_66_a_lost_run_goes_on_at_once_in_the_same_entry() -> None:
    world = World(1)
    one = node(world, "n1")
    other = node(world, "n2")
    world.create("t1")
    holder = one if world.task("t1").assignment.node == "n1" else other
    holder.listen()
    last = world.leader().replica.raft.last_index
    holder.report("t1", "ended", outcome=RunOutcome.LOST, worker_died=True)
    task = world.task("t1")
    assert (task.status, task.attempts, task.allocation_id) == (Status.ASSIGNED, 0, 2)
    assert world.leader().replica.raft.last_index == last + 1


def test_pt_37_neighbours_lost_together_do_not_all_go_to_one_node() -> None:
    world = World(1)
    one = node(world, "n1", capacity=50)
    for number in range(6):
        world.create(f"t{number}")
    node(world, "n2", capacity=50)
    node(world, "n3", capacity=50)
    one.listen()
    from coordinator.replica.sayings import EndedReport, NodeSaying, Report

    lost = EndedReport(RunOutcome.ABORTED, reason="no_capacity", handed_back=True)
    reports = tuple(
        Report(n + 1, f"t{n}", one.wanted[f"t{n}"].allocation_id, "ended", 0, ended=lost)
        for n in range(6)
    )
    one.say(i.NodeSaid(one.session, NodeSaying(reports=reports)))
    placed = sorted(world.task(f"t{n}").assignment.node for n in range(6))
    assert placed == ["n2"] * 3 + ["n3"] * 3


def test_pt_32_a_moved_task_stops_and_goes_elsewhere() -> None:
    world = World(1)
    one, other = node(world, "n1"), node(world, "n2")
    world.create("t1")
    holder, stranger = (one, other) if world.task("t1").assignment.node == "n1" else (other, one)
    holder.listen()
    world.outcomes(world.submit(i.Move("t1")))
    assert world.task("t1").stop_reason is StopReason.MOVE
    holder.listen()
    assert holder.wanted["t1"].stop_reason == "move"
    holder.report("t1", "ended", outcome=RunOutcome.ABORTED)
    world.run(50)
    assert world.task("t1").assignment.node == stranger.name


def test_a_move_of_nothing_is_answered_at_once() -> None:
    world = World(1)
    node(world, "n1").close()
    (missing,) = world.outcomes(world.submit(i.Move("t1")))
    assert missing.code is Refusal.TASK_NOT_FOUND
    world.create("t1")
    (unplaced,) = world.outcomes(world.submit(i.Move("t1")))
    assert unplaced.unchanged


def test_dry_runs_say_what_would_happen_and_do_nothing() -> None:
    world = World(1)
    node(world, "n1", capacity=1)
    world.create("there")
    last = world.leader().replica.raft.last_index
    full = i.Create("t1", "demo.noop", b"{}", wish("x").spec, require_assignment=True)
    paused = i.Create("t2", "demo.noop", b"{}", wish("x").spec, True, require_assignment=True)
    wishes = [wish("new"), wish("there"), wish("there", priority=1), full, paused]
    wishes += [CancelTask("there"), CancelTask("nobody"), UnassignTask("there", 1)]
    said = outcomes(world, *[i.Asked(one, dry_run=True) for one in wishes])
    new, same, differs, nowhere, asleep, cancel, nobody, move = said
    assert new.created
    assert same.unchanged
    assert (differs.code, differs.detail) == (Refusal.ALREADY_EXISTS, "priority")
    assert nowhere.code is Refusal.UNPLACEABLE
    assert asleep.created
    assert isinstance(cancel, Accepted)
    assert nobody.code is Refusal.TASK_NOT_FOUND
    assert isinstance(move, Accepted)
    assert world.leader().replica.raft.last_index == last
    assert world.leader().replica.leading.bench.view.load.units("n1") == 2


def test_pt_17_wishes_of_one_call_are_answered_together_in_their_order() -> None:
    world = World(1)
    node(world, "n1")
    world.leader().inbox.append(
        i.Submit(9, (i.Asked(wish("a")), i.Asked(CancelTask("a")), i.Asked(CancelTask("b"))))
    )
    world.settle()
    reply = world.answers[9]
    created, cancelled, missing = reply.outcomes
    assert created.created
    assert isinstance(cancelled, Accepted)
    assert missing.code is Refusal.TASK_NOT_FOUND
    assert [record.id if record else None for record in reply.records] == ["a", "a", None]


def test_q4_an_abandoned_call_is_not_answered_and_yet_done() -> None:
    world = World(1)
    node(world, "n1")
    leader = world.leader()
    effects = at_once(world, leader, i.Submit(9, (i.Asked(wish("t1")),)), i.Abandon(9))
    for _ in range(3):
        writes = tuple(write.write for write in of(e.Persist, effects))
        effects = at_once(world, leader, i.Stored(writes))
        assert not of(e.Reply, effects)
    assert "t1" in leader.replica.state.tasks
