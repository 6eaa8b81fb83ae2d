"""What executors with a broken `get_assignment` cost the tasks of others (PT-44)."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator

from coordinator.client import Client, ClientError, NewTask
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.figure import Figure, at_most
from scripts.bench_figures.idle import measure
from scripts.bench_figures.marks import PLUGIN

BAD = ("bad.raises", "bad.hangs", "bad.nonsense")
OTHERS = ("bench.mark", "bench.chosen")  # by default, and with a `get_assignment` of its own
EACH, COUNT, WARM_UP = 20, 200, 20
BAD_PLUGIN = PLUGIN.parent / "bad_assigners.py"


async def _one_bad(client: Client, executor: str) -> None:
    """Its creation may be refused or go without an answer: that is no matter of ours."""
    try:
        await client.create(NewTask(executor=executor))
    except ClientError:
        pass


async def _with_bad(cluster: Cluster, leader: str, executor: str) -> list[float]:
    """Delays until user code begins, while bad tasks are created, wait, and are asked about again and again."""
    async with Client(list(cluster.addresses.values()), timeout_s=60.0) as client:
        bad = [asyncio.create_task(_one_bad(client, name)) for name in BAD for _ in range(EACH)]
        found = await measure(leader, COUNT, executor)
        await asyncio.gather(*bad)
    return found.to_begin


def bad_get_assignment(bench: Bench) -> Iterator[Figure]:
    """How much later a task begins beside 60 of executors whose get_assignment raises, hangs, answers nonsense."""
    flags = ("--executors", str(PLUGIN), "--executors", str(BAD_PLUGIN))
    cluster = bench.cluster("bad assigners", flags=flags, coordinator_flags=flags)
    address = cluster.leader_address()
    before: dict[str, list[float]] = {}
    for executor in OTHERS:
        asyncio.run(measure(address, WARM_UP, executor))
        before[executor] = asyncio.run(measure(address, COUNT, executor)).to_begin
    for executor in OTHERS:
        usual = statistics.median(before[executor])
        later = [delay - usual for delay in asyncio.run(_with_bad(cluster, address, executor))]
        name = f"bad_get_assignment_beside_{executor.removeprefix('bench.')}"
        more: dict[str, object] = {
            "without_ms": round(usual, 2),
            "max_without": round(max(before[executor]) - usual, 2),
        }
        yield Figure(name, "ms", later, at_most(100, 10, max=(100, 50)), more)


FIGURES = (Entry("bad_get_assignment", bad_get_assignment),)
