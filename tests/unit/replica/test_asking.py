"""Executors that choose for themselves: what they are asked, what becomes of their answers."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import CancelTask, SetSettings
from coordinator.model.tasks import Code, RunOutcome, Status
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.kit import (
    PICK,
    Helper,
    answer,
    asked_about,
    at_once,
    know,
    node,
    questions,
    until,
    wish,
)
from tests.unit.replica.world import FakeNode, World


def choosing(members: int = 1, *names: str, capacity: int = 10) -> World:
    """Nodes that offer `demo.pick`, which has a `get_assignment` of its own."""
    world = World(members)
    world.leader()
    know(world, PICK)
    for name in names or ("n1", "n2"):
        node(world, name, PICK, "demo.noop", capacity=capacity, own_assignment=True)
    return world


def submit(world: World, *ids: str, **spec: object) -> list[int]:
    return [world.submit(wish(one, PICK, **spec)) for one in ids]


def refuse_all(world: World, text: str = "not now", times: int = 1_000) -> int:
    """Answer as long as there are questions; how many there were."""
    for number in range(times):
        if not world.asked_plugins:
            return number
        answer(world, "refused", text=text)
    raise AssertionError("it asks for ever")


def test_pt_42_the_question_names_candidates_and_the_cluster() -> None:
    world = choosing()
    submit(world, "t1")
    (question,) = questions(world)
    said = asked_about(question)
    assert (question.kind, question.executor) == ("assign", PICK)
    assert [c["name"] for c in said["candidates"]] == ["n1", "n2"]
    assert said["candidates"][0]["free"] == 20
    assert [n["code"] for n in said["cluster"]["nodes"]] == ["", ""]
    answer(world, "ok", node="n2")
    assert world.task("t1").assignment.node == "n2"
    assert world.task("t1").allocation_id == 1


def test_pt_a15_each_decision_sees_those_before_it() -> None:
    world = choosing()
    submit(world, *[f"t{n:02}" for n in range(20)])
    helper, asked = Helper(), 0
    while world.asked_plugins:
        assert len(world.asked_plugins) == 1
        seen = helper.sees(questions(world)[0])
        assert len(seen) == asked
        if any(task.node for task in seen):
            answer(world, "refused", text="one at a time")
        else:
            answer(world, "ok", node="n1")
        asked += 1
    tasks = [world.task(f"t{n:02}") for n in range(20)]
    assert sum(task.assignment.node is not None for task in tasks) == 1
    reasons = {(t.assignment.code, t.assignment.explanation) for t in tasks[1:]}
    assert reasons == {(Code.EXECUTOR_REFUSED, "one at a time")}


def test_the_view_has_the_unfinished_tasks_only_by_id() -> None:
    world, helper = choosing(), Helper()
    for name in ("c", "a", "b"):
        submit(world, name)
        helper.sees(questions(world)[0])
        answer(world, "ok", node="n1")
    world.submit(CancelTask("a"))
    done = world.task("b")
    report = FakeNode(world, "n1")
    report.session = world.leader().replica.leading.sessions.get("n1").number
    report.report("b", "ended", allocation=done.allocation_id, outcome=RunOutcome.SUCCEEDED)
    submit(world, "d")
    assert [task.id for task in helper.sees(questions(world)[0])] == ["a", "c"]


@pytest.mark.parametrize(
    "kind, said, code",
    [
        ("refused", {"text": "no"}, Code.EXECUTOR_REFUSED),
        ("refused", {"text": "more nodes", "code": "lazy"}, Code.LAZY),
        ("refused", {"text": "", "code": "awaiting_input"}, Code.AWAITING_INPUT),
        ("refused", {"text": "", "code": "made_up"}, Code.EXECUTOR_REFUSED),
        ("error", {"text": "ValueError: boom"}, Code.ASSIGNER_ERROR),
        ("error", {"text": "a list", "code": "invalid_choice"}, Code.INVALID_CHOICE),
        ("timeout", {"text": "500 ms"}, Code.ASSIGNER_TIMEOUT),
        ("missing", {"text": ""}, Code.ASSIGNER_MISSING),
        ("ok", {"node": "n9"}, Code.INVALID_CHOICE),
    ],
)
def test_pt_44_whatever_it_answers_concerns_its_own_task(
    kind: str, said: dict[str, str], code: Code
) -> None:
    world = choosing()
    submit(world, "t1")
    answer(world, kind, **said)
    task = world.task("t1")
    assert (task.status, task.assignment.code) == (Status.UNASSIGNED, code)
    world.create("other")
    assert world.task("other").status is Status.ASSIGNED


def test_pt_37_it_may_leave_the_choice_to_us() -> None:
    world = choosing()
    world.create("load")
    taken = world.task("load").assignment.node
    submit(world, "t1")
    answer(world, "least_loaded")
    assert world.task("t1").assignment.node not in (None, taken)
    submit(world, "t2")
    answer(world, "least_loaded", text=taken)
    assert world.task("t2").assignment.node == taken


def test_pt_45_without_its_code_the_code_is_assigner_missing() -> None:
    world = World(1)
    world.leader()
    node(world, "n1", PICK, own_assignment=True)
    world.create("t1", executor=PICK)
    assert world.task("t1").assignment.code is Code.ASSIGNER_MISSING
    assert not world.asked_plugins


def test_pt_47_code_that_arrives_is_asked_at_once() -> None:
    world = World(1)
    world.leader()
    node(world, "n1", PICK, own_assignment=True)
    world.create("t1", executor=PICK)
    know(world, PICK)
    answer(world, "ok", node="n1")
    assert world.task("t1").assignment.node == "n1"


def test_pt_47_a_task_that_becomes_due_is_asked_about_without_the_timer() -> None:
    world = choosing(1, "n1")
    submit(world, "t1", due_at=world.leader().replica.leading.bench.at + 2_000)
    assert 1_900 <= until(world, lambda: bool(world.asked_plugins)) <= 2_050
    answer(world, "ok", node="n1")
    one = FakeNode(world, "n1")
    one.session = world.leader().replica.leading.sessions.get("n1").number
    task = world.task("t1")
    failed = {"outcome": RunOutcome.FAILED, "retry_in_ms": 500}
    one.report("t1", "ended", allocation=task.allocation_id, **failed)
    assert 450 <= until(world, lambda: bool(world.asked_plugins)) <= 550
    answer(world, "ok", node="n1")
    assert world.task("t1").assignment.node == "n1"


def test_pt_44_after_an_error_it_is_left_alone_for_a_second_then_asked_again() -> None:
    world = choosing()
    submit(world, "t1", "t2")
    answer(world, "error", text="boom")
    assert not world.asked_plugins  # t2 gets the same answer without asking
    assert {world.task(t).assignment.code for t in ("t1", "t2")} == {Code.ASSIGNER_ERROR}
    world.run(900)
    assert not world.asked_plugins
    world.run(200)
    answer(world, "ok", node="n1")
    answer(world, "ok", node="n2")
    assert {world.task(t).assignment.node for t in ("t1", "t2")} == {"n1", "n2"}


def test_pt_44_the_wait_doubles_and_one_good_answer_ends_it() -> None:
    world = choosing()
    submit(world, "t1")
    answer(world, "error", text="boom")
    waits = []
    for _ in range(3):
        waits.append(until(world, lambda: bool(world.asked_plugins)))
        answer(world, "error", text="boom")
    assert waits == [1_000, 2_000, 4_000]
    until(world, lambda: bool(world.asked_plugins))
    refuse_all(world)
    submit(world, "t2")
    answer(world, "error", text="boom")
    assert until(world, lambda: bool(world.asked_plugins)) == 1_000


def test_a_pass_asks_about_every_task_best_first_not_about_some_again_and_again() -> None:
    world = choosing(1, "n1", capacity=1_000)
    ids = [f"t{n:03}" for n in range(120)]
    submit(world, *ids[:60], priority=10)
    submit(world, *ids[60:119], cost=3)
    submit(world, ids[119], priority=90)
    assert refuse_all(world) == 120
    world.leader().inbox.append(i.Poke())
    world.settle()
    asked = []
    while world.asked_plugins:
        position = len(asked)
        asked.append(position)
        answer(world, "ok", node="n1") if position == 0 else answer(world, "refused", text="no")
    assert len(asked) == 120
    placed = [t for t in ids if world.task(t).assignment.node]
    assert placed == [ids[119]]


def test_pt_50_triggers_during_a_pass_lead_to_exactly_one_more() -> None:
    world = choosing()
    submit(world, "t1")
    answer(world, "refused", text="no")
    world.leader().inbox.append(i.Poke())
    world.settle()
    for _ in range(10):
        world.leader().inbox.append(i.Poke())
        world.settle()
    assert len(world.asked_plugins) == 1
    answer(world, "refused", text="no")
    world.run(150)  # pokes within 100 ms are merged (PT-52)
    assert len(world.asked_plugins) == 1
    answer(world, "refused", text="no")
    world.run(200)
    assert not world.asked_plugins


def test_pt_a24_a_poke_asks_again_at_once_and_the_timer_within_the_interval() -> None:
    world = choosing()
    submit(world, "t1")
    answer(world, "refused", text="flag is down")
    assert until(world, lambda: bool(world.asked_plugins)) <= 10_050
    answer(world, "refused", text="flag is down")
    world.leader().inbox.append(i.Poke())
    world.settle()
    answer(world, "ok", node="n1")
    assert world.task("t1").assignment.node == "n1"


def test_pt_8_only_the_periodic_pass_writes_a_changed_reason() -> None:
    world = choosing()
    submit(world, "t1")
    answer(world, "refused", text="first reason")
    world.leader().inbox.append(i.Poke())
    world.settle()
    answer(world, "refused", text="second reason")
    assert world.task("t1").assignment.explanation == "first reason"
    before = world.task("t1").allocation_id
    until(world, lambda: bool(world.asked_plugins))
    answer(world, "refused", text="second reason")
    task = world.task("t1")
    assert (task.assignment.explanation, task.allocation_id) == ("second reason", before)
    until(world, lambda: bool(world.asked_plugins))
    last = world.leader().replica.raft.last_index
    answer(world, "refused", text="reason second")  # the same words
    assert world.leader().replica.raft.last_index == last


def test_pt_a29_a_new_interval_counts_at_once() -> None:
    world = choosing()
    submit(world, "t1")
    answer(world, "refused", text="no")
    world.run(500)
    change = SetSettings((("assignment.recheck_interval", "1s"),), (), "me")
    world.outcomes(world.submit(change))
    refuse_all(world)  # a changed setting is a trigger
    assert until(world, lambda: bool(world.asked_plugins)) <= 1_050


def test_pt_a25_nothing_left_no_timer() -> None:
    world = choosing()
    submit(world, "t1")
    answer(world, "refused", text="no")
    asking = world.leader().replica.leading.asking
    assert asking.timer is not None
    world.leader().inbox.append(i.Poke())
    world.settle()
    answer(world, "ok", node="n1")
    world.leader().inbox.append(i.Poke())
    world.run(150)
    assert asking.timer is None


def test_pt_36_switched_off_nobody_is_asked_and_switched_on_everybody() -> None:
    world = choosing()
    off = SetSettings((("assignment.enable", "none"),), (), "ann")
    world.outcomes(world.submit(off))
    submit(world, "t1")
    assert not world.asked_plugins
    task = world.task("t1")
    assert task.assignment.code is Code.ASSIGNMENT_DISABLED
    assert "assignment.enable" in task.assignment.explanation
    assert "ann" in task.assignment.explanation
    world.outcomes(world.submit(SetSettings((), ("assignment.enable",), "ann")))
    answer(world, "ok", node="n1")
    assert world.task("t1").assignment.node == "n1"


def test_pt_34_a_choice_that_no_longer_holds_is_asked_for_again_without_the_timer() -> None:
    world = choosing(1, "n1")
    submit(world, "t1")
    answer(world, "refused", text="no")
    world.leader().inbox.append(i.Poke())
    world.settle()
    member, question = world.asked_plugins.pop(0)
    off = SetSettings((("assignment.enable", "none"),), (), "ann")
    on = SetSettings((), ("assignment.enable",), "ann")
    inbox = world.members[member].inbox
    inbox.append(i.Submit(900, (i.Asked(off),)))
    inbox.append(i.PluginAnswered(question.call, "ok", "n1"))
    inbox.append(i.Submit(901, (i.Asked(on),)))
    world.settle()
    answer(world, "ok", node="n1")
    assert world.task("t1").assignment.node == "n1"


def test_a_task_that_is_cancelled_while_it_is_asked_about_stays_cancelled() -> None:
    world = choosing()
    submit(world, "t1")
    answer(world, "refused", text="no")
    world.leader().inbox.append(i.Poke())
    world.settle()
    world.submit(CancelTask("t1"))
    answer(world, "ok", node="n1")
    assert world.task("t1").status is Status.CANCELLED
    load = world.leader().replica.leading.bench.view.load
    assert load.units("n1") == 0


def test_without_a_candidate_nobody_is_asked() -> None:
    world = choosing(1, "n1", capacity=1)
    submit(world, "t1")
    answer(world, "ok", node="n1")
    submit(world, "t2")
    assert not world.asked_plugins
    assert world.task("t2").assignment.code is Code.NO_CAPACITY


def test_room_that_becomes_free_is_asked_about_at_once() -> None:
    world = choosing(1, "n1", capacity=1)
    submit(world, "t1")
    answer(world, "ok", node="n1")
    submit(world, "t2")
    one = FakeNode(world, "n1")
    one.session = world.leader().replica.leading.sessions.get("n1").number
    one.report("t1", "ended", allocation=1, outcome=RunOutcome.SUCCEEDED)
    answer(world, "ok", node="n1")
    assert world.task("t2").assignment.node == "n1"


def test_many_dry_runs_behind_one_error_are_all_answered() -> None:
    world = choosing()
    asked = tuple(i.Asked(wish(f"t{n}", PICK), dry_run=True) for n in range(1_000))
    world.leader().inbox.append(i.Submit(500, asked))
    world.settle()
    answer(world, "error", text="boom")
    reply = world.answers[500]
    assert isinstance(reply, e.Reply)
    assert len(reply.outcomes) == 1_000


def test_n8_wishes_that_are_being_looked_at_are_certainly_not_done_when_the_term_ends() -> None:
    world = World(3)
    old = world.leader()
    know(world, PICK)
    node(world, "n1", PICK, own_assignment=True, own_validate=True)
    tickets = [world.submit(wish("t1", PICK)), world.submit(wish("t2", PICK))]
    answer(world, "ok")
    answer(world, "ok")
    tickets.append(world.submit(wish("t3", PICK)))
    assert [q.kind for q in questions(world)] == ["assign", "validate"]
    world.partition(old.number)
    world.run(3_000)
    answers = [world.answers[ticket] for ticket in tickets]
    assert [a.kind for a in answers] == ["not_leader"] * 3
    late = i.PluginAnswered(questions(world)[0].call, "ok", "n1")
    assert not at_once(world, old, late)
