"""Full size: a coordinator down for 20,000 entries comes back by snapshot; no log on disk outgrows the default rule.

The small edition, with shorter figures for the rule, is `test_catching_up`.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from coordinator.client import Client, Filter, NewTask
from coordinator.model.limits import LOG_ENTRIES_KEPT, SNAPSHOT_EVERY_ENTRIES
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until

Make = Callable[..., Cluster]
WRITES = 20_000


def entries_on_disk(cluster: Cluster, name: str) -> int:
    """How many entries the member's log holds; read beside it, without its help."""
    path = cluster.root / name / "member.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM entries").fetchone()
    return int(count)


async def write_many(client: Client, writes: int, callers: int) -> int:
    """That many single creates; gives the revision of the last. Each entry carries what came in meanwhile."""
    numbers = iter(range(writes))
    last = 0

    async def caller() -> None:
        nonlocal last
        for number in numbers:
            task = NewTask(executor="demo.noop", id=f"w{number}", paused=True)
            last = max(last, (await client.create(task)).answer.revision)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return last


class Logs:
    """Looks at the logs on disk while the cluster works, in a thread."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.longest: dict[str, int] = dict.fromkeys(cluster.coordinators, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs")

    def __enter__(self) -> Logs:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            for name in self.longest:
                count = entries_on_disk(self.cluster, name)
                self.longest[name] = max(self.longest[name], count)


def come_back(make: Make, *, callers: int, every: int, kept: int) -> None:
    """`every` and `kept`: of the snapshot rule. While one snapshot is written entries come in for the next."""
    flags = ("--snapshot-every", str(every), "--keep-entries", str(kept))
    cluster = make(coordinators=3, nodes=1, flags={"coordinators": flags})
    cluster.start()
    cluster.wait_ready()
    away = cluster.followers()[0]
    cluster.kill(away)
    with Logs(cluster) as logs:
        revision = cluster.call(lambda client: write_many(client, WRITES, callers), timeout_s=60)
        cluster.start(away)
        cluster.wait_member(away)
        until(
            lambda: cluster.status_of(away).member.applied >= revision, f"{away} at {revision}", 60
        )
    assert revision > every + kept + 1, "this was too little to need a snapshot"
    assert cluster.said(away, "snapshot received")
    assert cluster.status_of(away).tasks["paused"] == WRITES
    assert max(logs.longest.values()) <= every + kept + every // 2, logs.longest

    cluster.kill(*cluster.coordinators)
    cluster.start()
    cluster.leader()
    assert cluster.call(count_paused) == WRITES


async def count_paused(client: Client) -> int:
    return (await client.list(Filter(statuses=["paused"]), count_only=True)).count


@pytest.mark.skipif("TEST_SLOW" not in os.environ, reason="minutes; set TEST_SLOW to have it run")
@pytest.mark.timeout(900)
def test_s15_a_coordinator_down_for_20000_single_writes_comes_back_by_the_rule_that_is_the_default(
    make_cluster: Make,
) -> None:
    come_back(make_cluster, callers=1, every=SNAPSHOT_EVERY_ENTRIES, kept=LOG_ENTRIES_KEPT)
