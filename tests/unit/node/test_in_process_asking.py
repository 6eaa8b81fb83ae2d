"""In the cluster in one process as well: runs are called and poke, declared tasks come and go (PT-52, PT-84, PT-85)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import BaseModel
from typing_extensions import override

from coordinator.client.errors import Conflict, InvalidRequest
from executors import (
    AllocatedPersistentTask,
    Assignment,
    Call,
    Candidate,
    ClusterView,
    DeclaredTask,
    PersistentTasksExecutor,
    ValidationError,
)
from node.in_process import ClusterFactory

READY: set[str] = set()


class Nothing(BaseModel):
    pass


Handle = AllocatedPersistentTask[Nothing]


class Asked(PersistentTasksExecutor[Nothing, Nothing]):
    """Answers while it waits; the leader declares one."""

    name = "k.asked"
    declares = (DeclaredTask("asked", Nothing()),)

    @override
    async def node_operation(self, task: Handle, params: Nothing, state: Nothing | None) -> object:
        await task.cancelled.wait()
        return None

    @override
    async def on_call(self, task: Handle, call: Call) -> object:
        if call.method == "poke":
            READY.add("input")
            await task.poke(call.payload)
            return task.allocation_id
        if call.method == "hang":
            await asyncio.Event().wait()
        raise ValidationError("method", f"there is no {call.method}")


class Waits(PersistentTasksExecutor[Nothing, Nothing]):
    """Has no place until its input is there."""

    name = "k.waits"

    @override
    def get_assignment(
        self, params: Nothing, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        if "input" not in READY:
            return Assignment.none("awaiting_input", "no input yet")
        return Assignment.least_loaded(candidates)

    @override
    async def node_operation(self, task: Handle, params: Nothing, state: Nothing | None) -> object:
        return "done"


async def test_pt_85_a_declared_task_is_called_and_pokes(cluster: ClusterFactory) -> None:
    READY.clear()
    at = await cluster(Asked, Waits, nodes=2)
    run = await at.running("asked")
    await at.create(Waits, Nothing(), id="w")
    await at.until(lambda: at.task("w").assignment.code == "awaiting_input")
    clock = asyncio.get_running_loop().time
    began = clock()
    answer = await at.client.call("asked", "poke", "k.waits")
    assert (answer.payload, answer.node) == (run.allocation_id, run.assignment.node)
    assert (await at.ended("w")).status == "succeeded"
    assert clock() - began < 2  # virtual seconds: the timer would have taken 10
    with pytest.raises(InvalidRequest, match="there is no x"):
        await at.client.call("asked", "x")


async def test_pt_85_a_call_goes_where_the_run_is_and_ends_with_it(
    cluster: ClusterFactory,
) -> None:
    at = await cluster(Asked, Waits, nodes=2)
    first = await at.running("asked")
    at.kill(str(first.assignment.node))
    answer = await at.client.call("asked", "poke", "k.waits")
    assert (answer.node != first.assignment.node, answer.payload > first.allocation_id) == (
        True,
        True,
    )
    hanging = asyncio.ensure_future(at.client.call("asked", "hang", timeout_s=5))
    again = await at.running("asked")
    at.kill(str(again.assignment.node))
    with pytest.raises(Conflict) as told:
        await hanging
    assert told.value.reason in ("not_here", "not_assigned")
