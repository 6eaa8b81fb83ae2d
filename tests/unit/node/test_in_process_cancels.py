"""X12: a cancel needs no node. The whole cluster, with a road that is cut (on real processes: tests/end_to_end/test_leases_cut_off.py)."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel

from coordinator.client import NewTask
from executors import AllocatedPersistentTask, TaskPolicy, executor
from node.in_process import ClusterFactory

R_S = 9


class Nothing(BaseModel):
    pass


@executor("k.stays", policy=TaskPolicy(exclusive=True, cancel_grace="1s"))
async def stays(task: AllocatedPersistentTask[Nothing], params: Nothing) -> None:
    """Until it is asked to end."""
    await asyncio.Event().wait()


async def test_x12_a_cancel_on_a_node_that_is_cut_off_is_acknowledged_at_once_and_stays(
    cluster: ClusterFactory,
) -> None:
    world = await cluster(stays, nodes=2)
    made = await world.create(stays, Nothing())
    await world.running(made.id)
    away = made.assignment.node
    assert away is not None
    world.cut_off(away)
    asked_at = world.clock.elapsed
    changed = await world.client.cancel(made.id)
    assert changed.task is not None
    assert (changed.task.status, changed.task.stop_reason) == ("stopping", "cancel")
    assert world.clock.elapsed - asked_at < 1
    ended = await world.ended(made.id)
    assert ended.status == "cancelled"
    assert world.clock.elapsed - asked_at <= R_S + 1
    world.mend(away)
    await world.clock.advance("20s")
    assert world.task(made.id) == ended
    (run,) = (await world.client.runs(made.id)).runs
    assert run.outcome == "cancelled"
    nodes = (await world.client.cluster.nodes()).nodes
    assert {(node.status, node.runs) for node in nodes} == {("ready", 0)}


async def test_x12_what_has_no_node_is_cancelled_at_once(cluster: ClusterFactory) -> None:
    world = await cluster(stays, nodes=1)
    tasks = (
        NewTask(executor="k.stays", id="unassigned", cost=100),
        NewTask(executor="k.stays", id="waiting", due_at=4_102_444_800_000),
        NewTask(executor="k.stays", id="paused", paused=True),
    )
    for new in tasks:
        made = (await world.client.create(new)).task
        assert made.status == made.id
        changed = await world.client.cancel(made.id)
        assert changed.task is not None
        assert changed.task.status == "cancelled"
    assert not [event for event in world.events if event.kind == "stopping"]
