"""Answers that never arrive, and floods: a repeated call is done once, and nobody is lost over large ones (S36, X41, S20)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import pytest

from coordinator.client import (
    ChangeOptions,
    Client,
    ClientError,
    LimitReached,
    NewTask,
    methods,
    new_request_id,
)
from coordinator.client.to_wire import change_to_wire, task_to_wire
from coordinator.wire.v1.tasks_pb2 import CreateRequest
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.proxy import Proxies
from tests.end_to_end.runs import PLUGIN

Make = Callable[..., Cluster]
SUBMISSIONS, SIZE, CALLERS = 240, 250 * 1024, 8


def test_s36_a_submission_repeated_on_another_coordinator_is_the_same_one(
    make_cluster: Make,
) -> None:
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    proxies = Proxies()
    link = proxies.link(cluster.addresses[cluster.leader()])
    other = cluster.addresses[cluster.followers()[0]]
    change = ChangeOptions(request_id=new_request_id())
    task = NewTask(executor="demo.sleep", id="s36", params={"seconds": 60})

    async def told_nothing() -> None:
        async with grpc.aio.insecure_channel(link.address) as channel:
            await channel.channel_ready()
            link.hold(there=False)
            create: Any = channel.unary_unary(
                methods.CREATE.path,
                request_serializer=methods.CREATE.encode,
                response_deserializer=methods.CREATE.decode,
            )
            request = CreateRequest(change=change_to_wire(change), task=task_to_wire(task, ""))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await create(request, timeout=2)
            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    async def told() -> None:
        async with Client([other], timeout_s=20) as client:
            before = (await client.get("s36")).task
            again = await client.create(task, change)
            assert again.task.allocation_id == before.allocation_id == 1
            assert (await client.list(count_only=True)).count == 1

    try:
        asyncio.run(told_nothing())
        asyncio.run(told())
    finally:
        proxies.close()


def test_x41_one_request_id_at_three_members_at_once_is_one_task(make_cluster: Make) -> None:
    """Whoever takes it first: all three answer for the same task, and the id serves no other content."""
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    change = ChangeOptions(request_id=new_request_id())
    task = NewTask(executor="demo.sleep", params={"seconds": 60})

    async def at_all() -> None:
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(Client([address], timeout_s=20))
                for address in cluster.addresses.values()
            ]
            answers = await asyncio.gather(*(one.create(task, change) for one in clients))
            assert len({answer.task.id for answer in answers}) == 1
            assert len({answer.task.allocation_id for answer in answers}) == 1
            assert len((await clients[0].list()).tasks) == 1
            other = NewTask(executor="demo.sleep", params={"seconds": 61})
            for one in clients:
                with pytest.raises(ClientError, match="request_id_reused"):
                    await one.create(other, change)

    asyncio.run(at_all())


def test_s20_large_submissions_lose_neither_leader_nor_node(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3, nodes=2, executors=[PLUGIN])
    cluster.start()
    cluster.wait_ready()
    leader = cluster.leader()
    sleeper = NewTask(executor="demo.sleep", id="sleeper", params={"seconds": 600})
    cluster.call(lambda client: client.create(sleeper))
    before = cluster.call(lambda client: client.get("sleeper")).task

    async def flood(client: Client) -> int:
        numbers, refused = iter(range(SUBMISSIONS)), 0

        async def caller() -> None:
            nonlocal refused
            for number in numbers:
                task = NewTask(
                    executor="x.swells",
                    id=f"large-{number}",
                    params={"text": "x" * SIZE},
                    paused=True,
                )
                try:
                    await client.create(task)
                except LimitReached:  # told to come back later: nothing was stored
                    refused += 1

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return refused

    refused = cluster.call(flood, timeout_s=60)
    assert cluster.leader() == leader
    after = cluster.call(lambda client: client.get("sleeper"), timeout_s=30).task
    assert (after.allocation_id, after.status) == (before.allocation_id, "running")
    assert cluster.ready_nodes() == {"n1", "n2"}
    count = cluster.call(lambda client: client.list(count_only=True), timeout_s=30).count
    assert count == SUBMISSIONS - refused + 1
    for name in cluster.nodes:
        assert not cluster.said(name, "stale_incarnation|lease ran out")
