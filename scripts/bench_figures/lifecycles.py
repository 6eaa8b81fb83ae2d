"""Whole lives of tasks that do nothing: submitted, placed, run, result recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

from coordinator.client import Client
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.callers import (
    CREATE,
    CREATE_MANY,
    Ids,
    create_bytes,
    create_many_bytes,
    send_all,
)
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.costs import Costs
from scripts.bench_figures.figure import Figure, at_least
from scripts.bench_figures.processes import WAIT_S, TimedOut

CAPACITY = "100"
SUBMITTERS, BATCH_SUBMITTERS = 16, 4
SINGLE = 2_000
BATCH, BATCHES = 100, 40
ROUNDS = (5, 3)
POLL_S = 0.02
_ids = Ids("life")


def _cluster(bench: Bench) -> Cluster:
    return bench.cluster("lifecycles", nodes=3, flags=("--capacity", CAPACITY))


async def wait_succeeded(address: str, count: int) -> float:
    """Until this many tasks have succeeded, as the leader has applied it; the instant by the steady clock."""
    deadline = time.monotonic() + WAIT_S
    async with Client([address]) as client:
        while True:
            status = await client.cluster.status_of(address, timeout_s=5)
            now = time.monotonic()
            if status.tasks.get("succeeded", 0) >= count:
                return now
            if now > deadline:
                raise TimedOut(f"of {count} tasks have ended: {status.tasks}")
            await asyncio.sleep(POLL_S)


def succeeded(cluster: Cluster) -> int:
    """How many tasks have succeeded so far."""
    status = cluster.status_of(cluster.leader())
    return status.tasks.get("succeeded", 0) if status is not None else 0


def _round(
    cluster: Cluster, method: str, requests: Sequence[bytes], tasks: int, callers: int
) -> float:
    """Tasks per second from the first call to the last result."""
    before = succeeded(cluster)
    address = cluster.leader_address()
    served = send_all(address, method, requests, callers)
    ended = asyncio.run(wait_succeeded(address, before + tasks))
    return tasks / (ended - min(served.sent))


def _singles(cluster: Cluster, count: int) -> float:
    requests = [create_bytes(i, paused=False) for i in _ids.take(count)]
    return _round(cluster, CREATE, requests, count, SUBMITTERS)


def _batched(cluster: Cluster, count: int) -> float:
    batches = [_ids.take(BATCH) for _ in range(count // BATCH)]
    requests = [create_many_bytes(batch, paused=False) for batch in batches]
    return _round(cluster, CREATE_MANY, requests, count, BATCH_SUBMITTERS)


def _measured(
    bench: Bench, one_round: Callable[[Cluster, int], float], count: int
) -> tuple[list[float], Costs]:
    cluster = _cluster(bench)
    one_round(cluster, count // 4)
    costs = Costs(cluster)
    rates = []
    for _ in range(bench.rounds(*ROUNDS)):
        cluster.wait_quiet()
        with costs.of(count):
            rates.append(one_round(cluster, count))
    return rates, costs


def lifecycles_per_s(bench: Bench) -> Iterator[Figure]:
    """16 submitters, single calls."""
    rates, costs = _measured(bench, _singles, SINGLE)
    yield Figure("lifecycles_per_s", "1/s", rates, at_least(670, 1_200), costs.each("task"))


def lifecycles_per_s_batched(bench: Bench) -> Iterator[Figure]:
    """100 tasks to a call, 4 callers."""
    rates, costs = _measured(bench, _batched, BATCHES * BATCH)
    bound = at_least(1_500, 4_000)
    yield Figure("lifecycles_per_s_batched", "1/s", rates, bound, costs.each("task"))


FIGURES = (
    Entry("lifecycles_per_s", lifecycles_per_s),
    Entry("lifecycles_per_s_batched", lifecycles_per_s_batched),
)
