"""A coordinator that was away while the log moved on comes back by snapshot, and no log grows without end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from coordinator.client import Client, ClientError, NewTask, ReadOptions
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until

WRITES = 20_000
EVERY, KEPT = 100, 50  # entries from one snapshot to the next, and before one
SLACK = 300  # applied while a snapshot is being written
A_CALL = 20  # tasks; each call is at least a part of an entry


async def write_many(client: Client, count: int) -> None:
    calls = iter(range(count // A_CALL))

    async def caller() -> None:
        for call in calls:
            tasks = [
                NewTask(executor="demo.noop", id=f"t{call}-{n}", paused=True) for n in range(A_CALL)
            ]
            await client.create_many(tasks, brief=True)

    await asyncio.gather(*(caller() for _ in range(4)))


async def ran_twice(client: Client) -> None:
    """While one is away."""
    for name in ("first", "second"):
        await client.create(NewTask(executor="demo.noop", id=name))
        await client.wait(name)


def runs_on(cluster: Cluster, name: str) -> list[tuple[str, str | None, int | None]]:
    """As this very coordinator has them."""

    async def look() -> list[tuple[str, str | None, int | None]]:
        async with Client([cluster.addresses[name]]) as client:
            page = await client.runs(read=ReadOptions(stale=True))
            return [(run.name, run.outcome, run.ended_at) for run in page.runs]

    return asyncio.run(look())


def test_a_member_down_for_20000_writes_comes_back_by_snapshot(
    make_cluster: Callable[..., Cluster],
) -> None:
    flags = {"coordinators": ("--snapshot-every", str(EVERY), "--keep-entries", str(KEPT))}
    cluster = make_cluster(coordinators=3, nodes=1, flags=flags)
    cluster.start()
    cluster.wait_ready()
    away = cluster.followers()[0]
    cluster.kill(away)
    cluster.call(ran_twice)
    cluster.call(lambda client: write_many(client, WRITES), timeout_s=60)

    cluster.start(away)
    leader = cluster.leader()
    goal = cluster.status_of(leader).member.applied

    def has_caught_up() -> bool:
        with contextlib.suppress(ClientError):  # it is still starting
            return cluster.health(away) and cluster.status_of(away).member.applied >= goal
        return False

    until(has_caught_up, f"{away} has applied {goal}", 60)
    assert cluster.said(away, "snapshot received")
    for name in cluster.coordinators:
        status = cluster.status_of(name)
        assert status.tasks.get("paused", 0) == WRITES, (name, status.tasks)
        assert status.member.log_entries <= KEPT + EVERY + SLACK, (name, status.member)
        assert status.member.snapshot > 1
    digests = {cluster.status_of(name).member.digest for name in cluster.coordinators}
    assert len(digests) == 1

    until(lambda: bool(cluster.said(away, "history fetched")), f"{away} has the history", 60)
    assert runs_on(cluster, away) == runs_on(cluster, leader)
    assert [outcome for _, outcome, _ in runs_on(cluster, away)] == ["succeeded"] * 2
