"""100,000 tasks in one cluster: what they weigh, what they cost while nothing happens, how long a restart takes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from coordinator.client import ClientError
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.callers import CREATE_MANY, Ids, create_many_bytes, send_all
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.figure import Figure, at_most
from scripts.bench_figures.processes import cpu_seconds, rss_bytes, until

TASKS, BATCH, CALLERS = 100_000, 500, 4
IDLE_WINDOWS, IDLE_S = 5, 4.0
RESTARTS = 3
KIB = 1024
SETTLE_S = 120.0
_ids = Ids("large")


def large_100000(bench: Bench) -> Iterator[Figure]:
    """100,000 paused tasks: all coordinators ended and started until they serve."""
    cluster = bench.cluster("large")
    empty = sizes(cluster)
    _fill(cluster)
    cluster.wait_quiet(SETTLE_S)
    full = sizes(cluster)
    grown = [(full[name] - empty[name]) / TASKS / KIB for name in full]
    yield Figure("memory_per_task", "KiB", grown, at_most(4, 1.5))
    idle = [idle_percent(cluster) for _ in range(IDLE_WINDOWS)]
    yield Figure("idle_cpu_100000", "%", idle, at_most(5, 1))
    restarts = []
    for _ in range(RESTARTS):
        restarts.append(_restart(cluster))
        cluster.wait_ready()
    fresh = sizes(cluster)
    weight = [(fresh[name] - empty[name]) / TASKS / KIB for name in fresh]
    more: dict[str, object] = {"memory_per_task_after_kib": round(max(weight), 2)}
    yield Figure("restart_100000", "s", restarts, at_most(20, 5), more)


def _fill(cluster: Cluster) -> None:
    batches = [_ids.take(BATCH) for _ in range(TASKS // BATCH)]
    requests = [create_many_bytes(batch, paused=True) for batch in batches]
    send_all(cluster.leader_address(), CREATE_MANY, requests, CALLERS)


def sizes(cluster: Cluster) -> dict[str, int]:
    """Resident bytes of each coordinator."""
    return {name: rss_bytes(process.pid) for name, process in cluster.coordinators.items()}


def idle_percent(cluster: Cluster) -> float:
    """What the leader uses of one core while nothing is asked of it."""
    pids = cluster.coordinators[cluster.leader()].tree()
    before, began = cpu_seconds(pids), time.monotonic()
    time.sleep(IDLE_S)
    return (cpu_seconds(pids) - before) / (time.monotonic() - began) * 100


def _restart(cluster: Cluster) -> float:
    """Seconds from the start of all coordinators until one answers a linearizable read of a task."""
    coordinators = list(cluster.coordinators.values())
    for process in coordinators:
        process.terminate()
    for process in coordinators:
        process.wait()
    began = time.monotonic()
    for process in coordinators:
        process.start()
    until(lambda: _reads(cluster), "a linearizable read", SETTLE_S)
    return time.monotonic() - began


def _reads(cluster: Cluster) -> bool:
    cluster.check_alive()
    try:
        cluster.call(lambda client: client.get("large-0"), timeout_s=1)
    except ClientError:
        return False
    return True


FIGURES = (
    Entry(
        "restart_100000",
        large_100000,
        is_large=True,
        also=("memory_per_task", "idle_cpu_100000"),
    ),
)
