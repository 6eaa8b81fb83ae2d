"""Why a task is where it is, since when, and what would help (PT-76)."""

from __future__ import annotations

import asyncio

from coordinator.api.hints import hint_on_node
from coordinator.assignment.load import Load, Reservation
from coordinator.assignment.objections import Need, Objection
from coordinator.client import Client
from coordinator.model.constraints import AttributeTest, Constraints
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Code, RunOutcome
from coordinator.replica import inputs as i
from coordinator.replica.sayings import Report
from coordinator.wire.v1 import cluster_pb2
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import Doors, clock, doors, refused, until
from tests.unit.assignment.kit import node as node_record


async def explain(at: Doors, task_id: str) -> wire.ExplainResponse:
    return await at.tasks.Explain(wire.ExplainRequest(id=task_id))


async def test_pt_76_explain_names_each_nodes_objection_and_what_would_help() -> None:
    async with doors() as at:
        await at.node("full", capacity=1)
        await at.node("drained")
        await at.node("other", offers={"shop.count": {}})
        gone = await at.node("gone")
        drain = cluster_pb2.DrainNodeRequest(name="drained", change=wire.Change(reason="kernel"))
        await at.cluster.DrainNode(drain)
        at.house.feed(i.NodeClosed(gone.session))
        await at.create("fills")
        created = await at.create("t1", spec=wire.TaskSpec(cost=4))
        assert created.task.code == "no_capacity"
        found = await explain(at, "t1")
        assert (found.code, found.stage, found.text) == ("no_capacity", 5, "full")
        codes = {one.node: one.code for one in found.nodes}
        assert codes == {
            "full": "no_capacity",
            "drained": "draining",
            "other": "no_executor",
            "gone": "no_nodes",
        }
        hints = {hint.text for hint in found.hints}
        assert "4 more units on full" in hints
        assert any(hint.command == "taskctl node undrain drained" for hint in found.hints)
        assert found.queue_position == 1
        assert found.next_check_at > 0
        assert not found.would_choose


async def test_pt_76_explain_of_a_task_that_was_told_nothing_yet_or_that_would_be_placed() -> None:
    async with doors() as at:
        await at.node()
        await at.settings(assignment__enable="none")
        await at.create("t1")
        found = await explain(at, "t1")
        assert (found.code, found.stage, found.would_choose) == ("assignment_disabled", 2, "")
        assert any("assignment.enable=all" in hint.command for hint in found.hints)
        await at.settings(assignment__enable="all")
        await until(lambda: at.house.replica.state.tasks["t1"].has_node)
        placed = await explain(at, "t1")
        assert (placed.code, placed.task.node) == ("assigned", "n1")


async def test_pt_76_since_when_the_present_reason_holds() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1", spec=wire.TaskSpec(max_attempts=1))
        record = at.house.replica.state.tasks
        await node.report("t1", "started")
        run = await node.runs("t1")
        written = Report(99, TaskId("t1"), run.allocation_id, "state", 0, True, 1, b"{}", 1)
        await until(lambda: clock().wall > record["t1"].assigned_at)
        node.say(reports=(written,))
        await until(lambda: record["t1"].state is not None)
        assert (await explain(at, "t1")).since_at == record["t1"].assigned_at
        await at.tasks.Cancel(wire.CancelRequest(id="t1"))
        assert (await explain(at, "t1")).since_at == record["t1"].stopping_since
        await node.end("t1", RunOutcome.CANCELLED)
        assert (await explain(at, "t1")).since_at == record["t1"].finished_at


async def test_pt_70_a_run_that_cannot_leave_says_why_and_what_would_help() -> None:
    async with doors() as at:
        await at.node("old")
        await at.create("t1")
        await at.node("small", capacity=0)
        drain = cluster_pb2.DrainNodeRequest(name="old", change=wire.Change(reason="kernel"))
        await at.cluster.DrainNode(drain)
        record = at.house.replica.state.tasks
        await until(lambda: record["t1"].assignment.code == "move_pending")
        found = await explain(at, "t1")
        assert (found.code, found.text) == ("move_pending", "no_capacity: small")
        assert {one.node: one.code for one in found.nodes} == {
            "old": "draining",
            "small": "no_capacity",
        }
        assert any(hint.text == "2 more units on small" for hint in found.hints)
        (node,) = (await at.cluster.ListNodes(cluster_pb2.ListNodesRequest(name="old"))).nodes
        assert (node.drain.movable, node.drain.stalled, node.drain.state) == (1, 1, "in_progress")


async def test_pt_76_a_waiting_task_says_when_it_goes_on() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.end("t1", RunOutcome.FAILED)
        found = await explain(at, "t1")
        assert (found.code, found.stage) == ("backoff", 1)
        assert found.next_check_at == found.task.due_at
        assert found.would_choose == "n1"
        said = await refused(explain(at, "no"))
        assert said.reason == "task_not_found"


async def test_pt_76_a_task_kept_away_from_its_only_node_says_for_how_long() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.end("t1", RunOutcome.ABORTED, reason="no licence here")
        found = await explain(at, "t1")
        assert (found.code, found.text) == ("aborted_here", "no licence here")
        (verdict,) = found.nodes
        assert (verdict.eligible, verdict.code) == (False, "excluded")
        assert "kept away for another" in verdict.detail


async def test_pt_76_own_assigners_say_when_they_are_asked_again() -> None:
    async with doors() as at:
        await at.node(offers={"demo.pick": {"own_assignment": True}})
        at.house.feed(i.PluginsKnown((("demo.pick", 1, False, True),)))
        pending = asyncio.create_task(at.create("t1", "demo.pick"))
        await until(lambda: at.house.questions)
        call = at.house.questions.pop().call
        at.house.feed(i.PluginAnswered(call, "refused", code="lazy", text="one more node"))
        await pending
        found = await explain(at, "t1")
        assert (found.code, found.stage, found.text) == ("lazy", 6, "one more node")
        assert found.next_check_at > 0
        assert not found.would_choose
        assert [one.eligible for one in found.nodes] == [True]


async def test_pt_76_limits_are_told_with_their_holders() -> None:
    limits = [{"scope": "cluster", "key": "", "max": 1}, {"scope": "node", "key": "disk", "max": 1}]
    async with doors() as at:
        await at.node(offers={"demo.noop": {"policy": {"concurrency": limits}}})
        await at.create("holds")
        await at.create("waits")
        found = await explain(at, "waits")
        assert (found.code, found.stage, found.would_choose) == ("concurrency_limit", 4, "")
        told = [(one.scope, one.key, one.max, one.runs, list(one.holders)) for one in found.limits]
        assert told == [
            ("cluster", "demo.noop", 1, 1, ["holds"]),
            ("node", "group:disk", 1, 1, ["holds"]),
        ]
        assert [(hint.text, hint.command) for hint in found.hints] == [
            ("a higher limit demo.noop", "taskctl limit set demo.noop --max 2"),
            ("an end of holds", ""),
            ("a higher limit group:disk", "taskctl limit set group:disk --max 2 --per-node"),
        ]
        assert list((await explain(at, "holds")).limits) == []


async def test_pt_76_a_paused_task_says_what_a_decision_now_would_be() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        found = await explain(at, "t1")
        assert (found.code, found.stage, found.would_choose) == ("paused", 1, "n1")
        assert [(hint.text, hint.command) for hint in found.hints] == [
            ("resume it", "taskctl resume t1")
        ]


def test_pt_76_hints_name_what_is_missing_once() -> None:
    state = ClusterState()
    wants = Constraints(require=(AttributeTest("zone", ("a", "b")), AttributeTest("gpu")))
    need = Need("demo.noop", 1, 2, constraints=wants)
    answer = wire.ExplainResponse()
    for name in ("n1", "n2"):
        objection = Objection(4, Code.CONSTRAINTS, "")
        hint_on_node(answer, need, node_record(name), objection, Load(state))
    assert [hint.text for hint in answer.hints] == ["a node with zone=a,b, gpu"]
    load = Load(state)
    load.reserved = Reservation(NodeName("n1"), TaskId("first"))
    hint_on_node(answer, need, node_record("n1"), Objection(6, Code.RESERVED, ""), load)
    assert answer.hints[-1].text == "a place for first, which comes first"


async def test_pt_76_the_client_tells_attempts_and_the_last_outcome() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        await at.create("t1")
        await node.end("t1", RunOutcome.FAILED, reason="boom")
        told = (await client.explain("t1")).explanation
        assert (told.attempts, told.limits) == (1, [])
        assert told.last_outcome is not None
        assert (told.last_outcome.outcome, told.last_outcome.reason) == ("failed", "boom")
