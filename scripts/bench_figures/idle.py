"""One task on a cluster that has nothing else to do: how soon user code begins, how soon the result is recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio

from coordinator.wire.v1 import tasks_pb2 as wire
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.callers import CALL_S, CREATE, OPTIONS, Ids, create_bytes
from scripts.bench_figures.costs import Costs
from scripts.bench_figures.figure import Figure, at_most
from scripts.bench_figures.marks import marks_cluster

WAIT = "/ptasks.v1.Tasks/Wait"
TASKS, WARM_UP = 300, 30
PAUSE_S = 0.02
_ids = Ids("idle")


class Measured:
    """Milliseconds from the call to user code, and to the answer that the result is recorded."""

    def __init__(self) -> None:
        self.to_begin: list[float] = []
        self.to_result: list[float] = []

    async def one(self, create: Any, wait: Any, executor: str) -> None:
        task_id = _ids.take(1)[0]
        request = create_bytes(task_id, paused=False, executor=executor)
        waiting = wire.WaitRequest(id=task_id, deadline_ms=10_000).SerializeToString()
        began = time.monotonic_ns()
        await create(request, timeout=CALL_S)
        answer = await wait(waiting, timeout=CALL_S)
        ended = time.monotonic_ns()
        task = wire.WaitResponse.FromString(answer).task
        if task.status != "succeeded":
            raise ValueError(f"{task_id} is {task.status}")
        self.to_result.append((ended - began) / 1e6)
        self.to_begin.append((json.loads(task.last_outcome.result)["began_ns"] - began) / 1e6)


async def measure(address: str, count: int, executor: str = "bench.mark") -> Measured:
    """One task after the other, with a pause between two."""
    found = Measured()
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        create: Any = channel.unary_unary(CREATE)
        wait: Any = channel.unary_unary(WAIT)
        for _ in range(count):
            await found.one(create, wait, executor)
            await asyncio.sleep(PAUSE_S)
    return found


def idle_submit_to_result(bench: Bench) -> Iterator[Figure]:
    """One task at a time, submitted and waited for."""
    cluster = marks_cluster(bench)
    asyncio.run(measure(cluster.leader_address(), WARM_UP))
    cluster.wait_quiet()
    costs = Costs(cluster)
    with costs.of(TASKS):
        found = asyncio.run(measure(cluster.leader_address(), TASKS))
    bound = at_most(6.6, 4, p99=(15, 10))
    more = costs.each("task")
    yield Figure("idle_submit_to_result", "ms", found.to_result, bound, more)
    yield Figure("idle_start_delay", "ms", found.to_begin, at_most(4, 2))


FIGURES = (Entry("idle_submit_to_result", idle_submit_to_result, also=("idle_start_delay",)),)
