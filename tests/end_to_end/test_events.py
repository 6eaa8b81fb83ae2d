"""The audit with real processes: the same on every coordinator, also on one that comes back by snapshot (TM-75)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from coordinator.client import Client, ClientError, NewTask, ReadOptions
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until
from tests.end_to_end.test_cli import Taskctl

EVERY, KEPT = 20, 5  # entries from one snapshot to the next, and before one
WRITES = 200


def events_on(cluster: Cluster, name: str) -> list[Any]:
    """As this very coordinator has them."""

    async def look() -> list[Any]:
        async with Client([cluster.addresses[name]]) as client:
            return list((await client.cluster.events(read=ReadOptions(stale=True))).events)

    return asyncio.run(look())


async def write_many(client: Client) -> None:
    for number in range(WRITES):
        await client.create(NewTask(executor="demo.noop", id=f"t{number}", paused=True))


def test_tm_75_events_are_the_same_everywhere_after_a_kill_and_a_snapshot(
    make_cluster: Callable[..., Cluster],
) -> None:
    flags = {"coordinators": ("--snapshot-every", str(EVERY), "--keep-entries", str(KEPT))}
    cluster = make_cluster(coordinators=3, nodes=1, flags=flags)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    taskctl("start", "demo.noop", "--id", "s", "--every", "1h")
    taskctl("pause", "s", "--reason", "before")
    away = cluster.followers()[0]
    cluster.kill(away)
    taskctl("resume", "s", "--reason", "while one is away")
    taskctl("node", "drain", "n1", "--reason", "new disk")
    cluster.call(write_many, timeout_s=60)

    cluster.start(away)
    goal = cluster.status_of(cluster.leader()).member.applied

    def has_caught_up() -> bool:
        with contextlib.suppress(ClientError):  # it is still starting
            return cluster.health(away) and cluster.status_of(away).member.applied >= goal
        return False

    until(has_caught_up, f"{away} has applied {goal}", 60)
    assert cluster.said(away, "snapshot received")
    until(lambda: bool(cluster.said(away, "history fetched")), f"{away} has the history", 60)
    taskctl("cluster", "set", "retry.first=9s", "--reason", "after")

    told = taskctl.json("cluster", "events")
    assert told["kind"] == "EventList"
    items: Any = told["items"]
    assert [(one["number"], one["action"], one["target"], one["reason"]) for one in items] == [
        (1, "pause", "s", "before"),
        (2, "resume", "s", "while one is away"),
        (3, "drain", "n1", "new disk"),
        (4, "set", "retry.first", "after"),
    ]
    until(lambda: len(events_on(cluster, away)) == len(items), f"{away} has all events", 30)
    each = [events_on(cluster, name) for name in cluster.coordinators]
    assert each[0] == each[1] == each[2]

    cluster.kill(*cluster.coordinators)  # nothing but the disks is left
    cluster.start(*cluster.coordinators)
    cluster.leader()
    for name in cluster.coordinators:
        cluster.wait_member(name)
        assert events_on(cluster, name) == each[0]
