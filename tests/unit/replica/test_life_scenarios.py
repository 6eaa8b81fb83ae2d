"""Passes, failures, drains: the life of tasks as leader and nodes see it."""

from __future__ import annotations

import json

import pytest

from coordinator.codec.envelope import decode_batch
from coordinator.consensus.errors import DropReason, ProposalDropped
from coordinator.machine.commands import AssignTask, CancelTask, DrainNode, UndrainNode
from coordinator.model.ids import TaskId
from coordinator.model.nodes import NodeStatus
from coordinator.model.tasks import Backoff, Code, RunOutcome, Status, Task
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.sayings import NodeSaying
from tests.unit.replica.kit import PICK, answer, asked_about, know, node, pause, until, wish
from tests.unit.replica.life import holder, set_to, told
from tests.unit.replica.world import FakeNode, World

GOOD = RunOutcome.SUCCEEDED


def test_pt_a13_a_node_without_the_plugin_runs_the_others_and_never_gets_it() -> None:
    world = World(1)
    plain = node(world, "plain")
    both = node(world, "both", "demo.special", "demo.noop")
    for number in range(6):
        world.create(f"plain{number}")
        world.create(f"special{number}", "demo.special")
    placed = {task.id: task.assignment.node for task in world.leader().replica.state.tasks_by_id()}
    assert {placed[f"special{n}"] for n in range(6)} == {"both"}
    assert "plain" in {placed[f"plain{n}"] for n in range(6)}
    both.close()
    both.beating = False
    until(world, lambda: not world.leader().replica.state.on_node.get("both"))
    pause(world, 30_000)
    specials = told(world, *(f"special{n}" for n in range(6)))
    assert {(task.assignment.node, task.assignment.code) for task in specials} == {
        (None, Code.NO_EXECUTOR)
    }
    plain.listen()
    assert {run.executor for run in plain.wanted.values()} == {"demo.noop"}
    assert {task.assignment.node for task in told(world, *(f"plain{n}" for n in range(6)))} == {
        "plain"
    }


@pytest.mark.parametrize("seed", range(6))
def test_pt_a16_a_pass_loses_nothing(seed: int) -> None:
    """Random tasks, some on a node that is lost, some that no node takes, some that their executor refuses."""
    world = World(1, seed)
    dice = world.dice
    lost = node(world, "lost", PICK, "demo.noop", own_assignment=True)
    know(world, PICK)
    ids = []
    for number in range(30):
        executor = dice.choice(["demo.noop", "demo.noop", PICK])
        ids.append(f"t{number:02}")
        world.submit(wish(ids[-1], executor, cost=dice.choice([1, 2, 4, 100])))
        answers(world, dice.choice(["ok", "refused"]))
    for name in ("n1", "n2"):
        node(world, name, PICK, "demo.noop", own_assignment=True, capacity=dice.randint(5, 30))
    answers(world, "refused")
    lost.beating = False
    until(world, lambda: world.leader().replica.state.nodes["lost"].status is NodeStatus.LOST)
    for _ in range(80):  # the timer tells those that are left why
        pause(world, 500)
        answers(world, "refused")
    state = world.leader().replica.state
    assert sorted(state.tasks) == ids
    for task in state.tasks_by_id():
        fits = [n for n in ("n1", "n2") if task.policy.cost <= state.nodes[n].units]
        where = task.assignment
        if where.node is not None:
            assert where.node in fits
            assert state.nodes[where.node].incarnation == where.incarnation
        elif task.executor == PICK and task.policy.cost < 100:
            assert (where.code, where.explanation) in (
                (Code.EXECUTOR_REFUSED, "not today"),
                (Code.NO_CAPACITY, where.explanation),
            )
        else:
            assert where.code is Code.NO_CAPACITY, where


def answers(world: World, kind: str) -> None:
    while world.asked_plugins:
        if kind == "ok":
            asked = world.asked_plugins[0][1]
            answer(world, "ok", node=candidate_of(asked))
        else:
            answer(world, "refused", text="not today")


def candidate_of(question: e.AskPlugin) -> str:
    said = asked_about(question)["candidates"]
    assert isinstance(said, list)
    return str(said[0]["name"])


def test_pt_a18_records_and_an_idle_node_that_go_propose_nothing() -> None:
    world = World(1)
    one = node(world, "n1")
    idle = node(world, "n2")
    for name in ("t1", "t2"):
        world.create(name)
    holder(world, "t2", one, idle).report("t2", "ended", outcome=GOOD)
    empty = idle if world.task("t1").assignment.node == "n1" else one
    pause(world, 500)
    leader, where = world.leader(), world.task("t1").assignment
    before = leader.replica.raft.last_index
    world.outcomes(world.submit(CancelTask(TaskId("t2"), purge=True)))
    assert leader.replica.raft.last_index == before + 1
    empty.say(i.NodeSaid(empty.session, NodeSaying(goodbye=True)))
    pause(world, 15_000)
    assert leader.replica.raft.last_index == before + 2
    assert world.task("t1").assignment == where


@pytest.mark.parametrize("value", ["all", "ALL", ""])
def test_pt_a21_what_waited_starts_when_the_switch_is_on_again_or_reset(value: str) -> None:
    world = World(1)
    node(world, "n1")
    set_to(world, "assignment.enable", "none")
    world.create("t")
    pause(world, 30_000)
    assert world.task("t").assignment.code is Code.ASSIGNMENT_DISABLED
    set_to(world, "assignment.enable", value)
    world.run(50)
    assert world.task("t").status is Status.ASSIGNED


def test_pt_a26_a_pass_that_was_not_committed_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(1)
    node(world, "n1")
    world.submit(DrainNode("n1", "restart", "kernel", "ann"))
    world.create("t")
    leader, term = world.leader(), world.leader().replica.term
    propose, dropped = leader.replica.raft.propose, []

    def full(data: bytes) -> None:
        if any(isinstance(one.command, AssignTask) for one in decode_batch(data).requests):
            dropped.append(world.now.steady)
            raise ProposalDropped(DropReason.LOG_FULL)
        propose(data)

    with monkeypatch.context() as patch:
        patch.setattr(leader.replica.raft, "propose", full)
        world.submit(UndrainNode("n1"))
        world.run(900)
        assert len(dropped) == 1  # not over and over again
        assert world.task("t").status is Status.UNASSIGNED
        assert leader.replica.leading.rechecker.timer is not None
    assert until(world, lambda: world.task("t").status is Status.ASSIGNED) <= 200
    assert leader.replica.leading.rechecker.timer is None
    assert leader.replica.term == term


def test_pt_a31_a_node_is_told_of_its_own_runs_only() -> None:
    world = World(1)
    nodes = [node(world, f"n{number}") for number in range(3)]
    for number in range(9):
        world.create(f"t{number}")
    for one in nodes:
        one.listen()
        mine = {t.id for t in world.leader().replica.state.tasks_by_id() if is_on(t, one)}
        assert set(one.wanted) == mine
    assert sorted(name for one in nodes for name in one.wanted) == [f"t{n}" for n in range(9)]


def is_on(task: Task, one: FakeNode) -> bool:
    return task.assignment.node == one.name


def test_pt_a34_a_failure_is_kept_with_its_reason_and_the_policy_decides() -> None:
    world = World(1)
    one = node(world, "n1")
    backoff = Backoff("fixed", first_ms=1_000)
    world.create("t", max_attempts=2, backoff=backoff)
    error = json.dumps({"type": "shop.Gone", "message": "410", "traceback": "..."}).encode()
    for attempt in (1, 2):
        one.listen()
        first = one.wanted["t"].allocation_id
        one.report("t", "ended", outcome=RunOutcome.FAILED, error=error)
        task = world.task("t")
        assert task.attempts == attempt
        assert task.last_outcome is not None
        assert task.last_outcome.error_text == "shop.Gone: 410"
        assert task.last_outcome.allocation_id == first
        one.listen()
        assert "t" not in one.wanted
        if attempt == 1:
            assert (task.status, task.assignment.code) == (Status.WAITING, Code.BACKOFF)
            assert until(world, lambda: world.task("t").has_node) <= 1_100
    assert task.status is Status.FAILED
    pause(world, 60_000)
    assert world.task("t") == task


def test_pt_a42_the_same_outcome_twice_is_accepted_twice_and_recorded_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, rows = World(1), []
    disk, write = world.disks[1], world.disks[1].write
    monkeypatch.setattr(disk, "write", lambda wish: (rows.extend(wish.runs), write(wish)))
    one = node(world, "n1")
    world.create("t")
    one.listen()
    run = one.wanted["t"].allocation_id
    for _ in range(2):
        one.report("t", "ended", allocation=run, outcome=GOOD)
    assert [answer.accepted for answer in one.answered] == [True, True]
    ends = [row for row in rows if row.outcome is not None]
    assert [(row.allocation_id, row.outcome) for row in ends] == [(run, "succeeded")]


def test_pt_a53_a_drain_leaves_what_may_not_move_until_the_node_leaves() -> None:
    world, ids = World(1), ["stays", "aborts"]
    old = node(world, "old", policy={"movable": False})
    for name in ids:
        world.create(name)
    new = node(world, "new", policy={"movable": False})
    world.submit(DrainNode("old", "terminate", "old iron", "ann"))
    pause(world, 30_000)
    assert {(t.assignment.node, t.status) for t in told(world, *ids)} == {("old", Status.ASSIGNED)}
    old.listen()
    assert not any(run.stop_reason for run in old.wanted.values())
    old.report("aborts", "ended", outcome=RunOutcome.ABORTED, reason="had enough")
    assert world.task("aborts").assignment.node == "new"
    assert world.task("stays").assignment.node == "old"
    old.say(i.NodeSaid(old.session, NodeSaying(goodbye=True)))
    pause(world, 500)
    assert world.task("stays").assignment.node == "new"
    new.listen()
    assert set(new.wanted) == set(ids)


def test_pt_40_an_executor_sees_the_nodes_that_were_left_out_and_why() -> None:
    world = World(1)
    know(world, PICK)
    node(world, "n0", PICK, own_assignment=True)
    node(world, "n1", PICK, own_assignment=True)
    node(world, "n2", "demo.noop")
    node(world, "n3", PICK, own_assignment=True, capacity=1)
    away = node(world, "n4", PICK, own_assignment=True)
    world.submit(DrainNode("n1", "remove", "broken", "ann"))
    away.close()
    world.submit(wish("t", PICK, cost=4))
    said = asked_about(world.asked_plugins[0][1])
    assert [one["name"] for one in said["candidates"]] == ["n0"]
    assert [(one["name"], one["code"]) for one in said["cluster"]["nodes"]] == [
        ("n0", ""),
        ("n1", "draining"),
        ("n2", "no_executor"),
        ("n3", "no_capacity"),
        ("n4", "no_nodes"),
    ]
