"""Tasks that runs start under their own, as a node reports them (PT-3, PT-74, PT-77, PT-78)."""

from __future__ import annotations

from typing import Any

from coordinator.api.checks import Schemas
from coordinator.api.children import checked
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.tasks import RunOutcome, TaskSpec
from coordinator.replica.inputs import NodeSaid
from coordinator.replica.sayings import NewChild, NodeSaying, Report, ReportAnswer
from coordinator.wire.v1 import internal_pb2 as internal
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Node, doors, until

numbers = iter(range(1_000, 2_000))


async def start_child(node: Node, key: str, *, allocation_id: int = 0, **more: Any) -> ReportAnswer:
    """The answer to a run of `p` that starts a child."""
    run = await node.runs("p")
    child = NewChild(key, NOOP, more.get("params", b"{}"), more.get("spec", TaskSpec()))
    number = next(numbers)
    under = AllocationId(allocation_id or run.allocation_id)
    said = NodeSaying(reports=(Report(number, TaskId("p"), under, "child", child=child),))
    seen = checked(said, Schemas(), node.house.replica.state)  # as the door does
    node.house.feed(NodeSaid(node.session, seen))
    await until(lambda: any(one.number == number for one in node.answers))
    found: ReportAnswer = next(one for one in node.answers if one.number == number)
    return found


async def test_pt_77_the_same_key_is_the_same_child() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("p", spec=wire.TaskSpec(headers={"x-opaque-id": "o1"}))
        first = await start_child(node, "a", params=b'{"n":1}', spec=TaskSpec(priority=7))
        again = await start_child(node, "a", params=b'{"n":2}')
        assert (first.accepted, first.created) == (True, True)
        assert (again.accepted, again.created) == (True, False)
        child = await at.get("p/a")
        assert (child.spec.parent, child.params, child.spec.priority) == ("p", b'{"n":1}', 7)
        assert dict(child.spec.headers) == {"x-opaque-id": "o1"}
        assert (await node.runs("p/a")).parent == "p"
        listed = await at.tasks.List(wire.ListRequest(filter=wire.Filter(parent="p")))
        assert [task.id for task in listed.tasks] == ["p/a"]


async def test_pt_a62_children_and_their_runs_carry_the_headers() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("p", spec=wire.TaskSpec(headers={"x-opaque-id": "o1"}))
        await start_child(node, "a")
        assert dict((await node.runs("p/a")).headers) == {"x-opaque-id": "o1"}


async def test_pt_78_a_late_child_is_refused_whoever_asks() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("p")
        run = await node.runs("p")
        stale = await start_child(node, "a", allocation_id=run.allocation_id + 5)
        assert (stale.reason, stale.current_allocation_id) == ("parent_ended", run.allocation_id)
        await at.tasks.Cancel(wire.CancelRequest(id="p"))
        late = await start_child(node, "a")
        assert (late.reason, late.current_allocation_id) == ("parent_ended", run.allocation_id)
        assert "being cancelled" in late.detail
        assert TaskId("p/a") not in at.house.replica.state.tasks


async def test_pt_77_a_parent_that_fails_for_good_takes_its_children_along() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("p", spec=wire.TaskSpec(max_attempts=1))
        await start_child(node, "a")
        await node.end("p", RunOutcome.FAILED)
        child = await at.get("p/a")
        assert (child.desired, child.stop_reason) == ("cancelled", "cancel")


async def test_pt_20_a_child_meets_the_same_checks_as_any_task() -> None:
    async with doors() as at:
        schema = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}
        node = await at.node(offers={NOOP: {"params_schema": schema}})
        await at.create("p", params=b'{"n":1}')
        bad = await start_child(node, "a", params=b'{"n":"x"}')
        assert (bad.accepted, bad.reason) == (False, "invalid_params")
        assert "params.n" in bad.detail
        long = await start_child(node, "k" * 300, params=b'{"n":1}')
        assert (long.reason, "255" in long.detail) == ("invalid_field", True)
        assert len(at.house.replica.state.tasks) == 1


async def test_a_child_crosses_the_wire() -> None:
    from coordinator.api.node_words import saying
    from coordinator.client import node_values as v
    from coordinator.client.node_wire import NO_LOG, Outgoing, node_frames

    spec = (
        b'{"timeout_ms":5,"labels":{"a":"b"},"paused":true,"backoff":{"kind":"fixed","first_ms":1}}'
    )
    report = v.Report(3, "p", 7, child=v.NewChild(1, "k", "a.b", b'{"n":1}', spec))
    (sent,) = node_frames(Outgoing(now=9, reports=[report]), lambda _: NO_LOG)
    child = saying(internal.NodeFrame.FromString(sent.SerializeToString())).reports[0].child
    assert child is not None
    assert (child.key, child.executor, child.params, child.paused) == ("k", "a.b", b'{"n":1}', True)
    assert (child.spec.timeout_ms, child.spec.labels) == (5, (("a", "b"),))
    assert child.spec.backoff is not None
