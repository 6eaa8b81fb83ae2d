"""Durable, replicated writes: creations of paused tasks, one caller, 64, 256, and 64 to a call."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.callers import (
    CREATE,
    CREATE_MANY,
    Ids,
    Served,
    create_bytes,
    create_many_bytes,
    send_all,
)
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.costs import Costs
from scripts.bench_figures.figure import Figure, at_least, at_most

ONE_CALLER_WRITES, ONE_CALLER_ROUNDS = 500, 3
WRITES = 4_000
ROUNDS = (5, 3)
BATCH = 64
BATCHES = 250
BATCH_CALLERS = 8
_ids = Ids("write")


def _cluster(bench: Bench) -> Cluster:
    return bench.cluster("writes", nodes=3)


def _singles(cluster: Cluster, count: int, callers: int) -> Served:
    requests = [create_bytes(i, paused=True) for i in _ids.take(count)]
    return send_all(cluster.leader_address(), CREATE, requests, callers)


def write_latency_1(bench: Bench) -> Iterator[Figure]:
    """One caller, one write after the other."""
    cluster = _cluster(bench)
    _singles(cluster, 100, 1)
    costs = Costs(cluster)
    samples: list[float] = []
    for _ in range(ONE_CALLER_ROUNDS):
        cluster.wait_quiet()
        with costs.of(ONE_CALLER_WRITES):
            samples += _singles(cluster, ONE_CALLER_WRITES, 1).latencies_ms()
    bound = at_most(2.2, 1.5, p99=(6, 3))
    yield Figure("write_latency_1", "ms", samples, bound, costs.each("write"))


def _writes_per_s(bench: Bench, name: str, callers: int) -> Figure:
    cluster = _cluster(bench)
    _singles(cluster, WRITES // 4, callers)
    costs = Costs(cluster)
    rates = []
    for _ in range(bench.rounds(*ROUNDS)):
        cluster.wait_quiet()
        with costs.of(WRITES):
            served = _singles(cluster, WRITES, callers)
        rates.append(WRITES / served.seconds())
    return Figure(name, "1/s", rates, at_least(1_700, 3_000), costs.each("write"))


def writes_per_s_64(bench: Bench) -> Iterator[Figure]:
    """64 callers, single calls."""
    yield _writes_per_s(bench, "writes_per_s_64", 64)


def writes_per_s_256(bench: Bench) -> Iterator[Figure]:
    """256 callers, single calls."""
    yield _writes_per_s(bench, "writes_per_s_256", 256)


def _batches(cluster: Cluster, count: int) -> Served:
    requests = [create_many_bytes(_ids.take(BATCH), paused=True) for _ in range(count)]
    return send_all(cluster.leader_address(), CREATE_MANY, requests, BATCH_CALLERS)


def writes_per_s_batched(bench: Bench) -> Iterator[Figure]:
    """64 tasks to a call, 8 callers."""
    cluster = _cluster(bench)
    _batches(cluster, BATCHES // 4)
    costs = Costs(cluster)
    rates = []
    for _ in range(bench.rounds(*ROUNDS)):
        cluster.wait_quiet()
        with costs.of(BATCHES * BATCH):
            served = _batches(cluster, BATCHES)
        rates.append(BATCHES * BATCH / served.seconds())
    bound = at_least(10_000, 15_000)
    yield Figure("writes_per_s_batched", "1/s", rates, bound, costs.each("write"))


FIGURES = (
    Entry("write_latency_1", write_latency_1),
    Entry("writes_per_s_64", writes_per_s_64),
    Entry("writes_per_s_256", writes_per_s_256),
    Entry("writes_per_s_batched", writes_per_s_batched),
)
