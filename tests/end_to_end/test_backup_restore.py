"""Backup and restore with real processes: saved under load, restored into three, and what the old cluster left behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coordinator.client import Client, Filter, NewTask, Task
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.load import Load
from tests.end_to_end.processes import CHECKOUT, is_alive, until
from tests.end_to_end.raw_node import EXECUTOR, RawNode
from tests.end_to_end.runs import PLUGIN, get, running_on, start
from tests.end_to_end.test_cli import Taskctl

Make = Callable[..., Cluster]
STRIDE = 2**32

pytestmark = pytest.mark.timeout(240)


def offline(*words: object, code: int = 0) -> str:
    """`task-coordinator` on files; what it said."""
    ran = subprocess.run(
        [sys.executable, "-m", "coordinator", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == code, (words, ran)
    assert "Traceback" not in ran.stderr
    return ran.stdout if code == 0 else ran.stderr


def restore(cluster: Cluster, name: str, file: Path, *more: str) -> str:
    """In the place of that member's directory, which is moved away."""
    directory = cluster.root / name
    directory.rename(cluster.root / f"{name}.old")
    peers = ",".join(f"{n}={a}" for n, a in cluster.addresses.items())
    words = ("--data-dir", directory, "--name", name, "--listen", cluster.addresses[name])
    return offline("restore", file, *words, "--peers", peers, *more)


def tasks_of(cluster: Cluster) -> dict[str, Task]:
    async def look(client: Client) -> dict[str, Task]:
        found: dict[str, Task] = {}
        token = ""
        while True:
            page = await client.list(Filter(include_finished=True), page_token=token)
            found.update({task.id: task for task in page.tasks})
            token = page.next_page
            if not token:
                return found

    return cluster.call(look, timeout_s=30)


def test_s44_x58_saved_under_load_and_restored_into_three_fresh_members(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3, nodes=1, executors=[PLUGIN])
    cluster.start()
    cluster.wait_ready()
    path, file = cluster.root / "lines", cluster.root / "backup"
    start(cluster, "x.tolerant", "runs-on", path=str(path))
    before, line = running_on(cluster, path, "runs-on")
    with Load(cluster) as load:
        load.wait_for_more(20)
        acknowledged = dict(load.acknowledged)
        saved = Taskctl(cluster).json("cluster", "snapshot", "save", str(file))
        load.wait_for_more(10)
        later = dict(load.acknowledged)
    seen = json.loads(offline("snapshot", "inspect", file, "-o", "json"))
    assert (seen["cluster_id"], seen["digest"]) == (saved["cluster_id"], saved["digest"])
    newest = max(task.allocation_id for task in tasks_of(cluster).values())
    cluster.kill(*cluster.coordinators)

    for name in cluster.coordinators:
        assert "epoch 1" in restore(cluster, name, file)
    cluster.start(*cluster.coordinators)
    cluster.wait_ready()  # the node, too: it was told, and came back as another incarnation

    tasks = tasks_of(cluster)
    assert set(acknowledged) <= set(tasks)
    missing = set(later) - set(tasks)
    assert missing, "what was acknowledged after the backup is not in it"
    assert cluster.said("n1", "our cluster was restored")
    after, again = running_on(cluster, path, "runs-on", beyond=newest)
    assert after.allocation_id > newest + STRIDE - 1_000
    assert again.pid != line.pid
    assert not is_alive(line.pid), "the copy from before is stopped"
    past = cluster.call(lambda client: client.runs("runs-on"), timeout_s=30).runs
    ended = {run.allocation_id: (run.outcome, run.reason) for run in past}
    assert ended[before.allocation_id] == ("lost", "restored")
    digests = {cluster.status_of(name).member.digest for name in cluster.coordinators}
    assert len(digests) == 1
    start(cluster, "demo.noop", "new")
    until(lambda: get(cluster, "new").status == "succeeded", "work to go on")


def test_s44_x58_what_a_node_of_the_old_cluster_says_is_refused(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1)
    cluster.start()
    cluster.wait_ready()
    file = cluster.root / "backup"
    addresses = list(cluster.addresses.values())

    async def play() -> None:
        async with RawNode(addresses, "r1") as old, Client(addresses, timeout_s=30) as client:
            await client.create(NewTask(executor=EXECUTOR, id="raw"))
            allocation = await old.until_wanted("raw")
            assert (await old.say("raw", allocation)).accepted
            await asyncio.to_thread(Taskctl(cluster), "cluster", "snapshot", "save", str(file))
            moved = await client.create(NewTask(executor=EXECUTOR, id="later"))
            await old.leave()
            await asyncio.to_thread(cluster.kill, "c1")
            await asyncio.to_thread(restore, cluster, "c1", file)
            await asyncio.to_thread(cluster.start, "c1")
            await asyncio.to_thread(cluster.leader)

            old.closes.clear()
            with pytest.raises(TimeoutError):
                await old.connect(patience_s=1)
            assert set(old.closes) == {"restored"}
            old._cluster_id = ""  # it forgets the cluster, but not its incarnation
            async with asyncio.timeout(60):  # first it waits, as all do, for runs of before to end
                while old.closes[-1] != "stale_incarnation":
                    with pytest.raises(TimeoutError):
                        await old.connect(patience_s=1)

            async with RawNode(addresses, "r2") as new:
                given = await new.until_wanted("raw")
                assert given > moved.task.allocation_id + STRIDE - 10
                for stale in (allocation, moved.task.allocation_id):
                    answer = await new.say("raw", stale)
                    assert (answer.accepted, answer.reason) == (False, "stale_allocation")
                assert (await new.say("raw", given)).accepted

    asyncio.run(play())


def test_x59_lost_quorum_is_recovered_from_the_member_that_is_left(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    with Load(cluster) as load:
        load.wait_for_more(20)
    revision = cluster.status_of(cluster.leader()).member.applied
    left = cluster.followers()[0]
    until(lambda: cluster.status_of(left).member.applied >= revision, f"{left} to have all")
    cluster_id = cluster.status_of(left).cluster_id
    directory = cluster.root / left
    sure = ("--i-have-lost-quorum", "--confirm", cluster_id)

    cluster.kill(left)
    said = offline("recover", "--data-dir", directory, *sure, code=2)
    assert f"says that cluster {cluster_id} has a quorum" in said
    lost = [name for name in cluster.coordinators if name != left]
    cluster.kill(*lost)
    cluster.start(left)
    until(lambda: cluster.health(left), f"{left} is up")
    ran = Taskctl(cluster)("start", "demo.noop", "--timeout", "3s", code=None)
    assert ran.code == 6, ran
    cluster.kill(left)

    said = offline("recover", "--data-dir", directory, *sure)
    assert f"{lost[0]}: {cluster.addresses[lost[0]]}, does not serve" in said
    assert f"recovered {directory}" in said
    cluster.start(left)
    cluster.wait_ready()
    assert cluster.leader() == left
    load.check()
    old = max(load.acknowledged.values())
    made = start(cluster, "demo.noop", "new")
    assert made.allocation_id > old + STRIDE - 1_000
    until(lambda: get(cluster, "new").status == "succeeded", "work to go on")
    assert (cluster.root / f"{left}.before-recover-1" / "member.db").exists()

    cluster.start(
        lost[0]
    )  # a dropped one that comes back finds no majority, and nobody who knows it
    until(lambda: not cluster[lost[0]].is_alive, "a dropped member to give up")
    assert cluster[lost[0]].wait() == 78
