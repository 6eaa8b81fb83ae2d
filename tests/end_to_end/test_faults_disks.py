"""Full disks, real ones: a small file system behind each coordinator's directory, where one can be mounted (S12, D9)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.client import LimitReached, NewTask, OutcomeUnknown, ReadOptions
from scripts.chaos_rounds.arena import Disk
from scripts.chaos_rounds.inflict import FILLER, fill
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.load import Load
from tests.end_to_end.processes import until
from tests.end_to_end.runs import PLUGIN, get, lines_of, running_on, start

SIZE = 200 * 1024 * 1024  # more than the 128 MiB below which a leader takes nothing new
LINES = 20
EXIT_STORAGE = 74
NOOP = NewTask(executor="demo.noop", id="refused", paused=True)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[list[Disk]]:
    """One for each process of the cluster."""
    root = tmp_path / "cluster0"
    root.mkdir()
    made = [Disk(root / name, str(SIZE)) for name in ("c1", "c2", "c3", "n1")]
    try:
        if not all(disk.mount() for disk in made):
            pytest.skip("no file system can be mounted by this user")
        yield made
    finally:
        for disk in made:
            disk.unmount()


@pytest.fixture
def cluster(disks: list[Disk]) -> Iterator[Cluster]:
    root = disks[0].directory.parent
    with Cluster(root, coordinators=3, nodes=1, executors=[PLUGIN]) as made:
        made.wait_ready()
        yield made


def fill_disk(cluster: Cluster, *names: str) -> None:
    for name in names:
        fill(cluster.root / name / FILLER, SIZE)


def free_disk(cluster: Cluster, *names: str) -> None:
    for name in names:
        (cluster.root / name / FILLER).unlink()


def conditions(cluster: Cluster) -> dict[str, str]:
    return {name: cluster.status_of(name).member.condition for name in cluster.coordinators}


def test_s12_a_leader_whose_disk_is_full_hands_over_and_works_again_when_there_is_space(
    cluster: Cluster,
) -> None:
    path = cluster.root / "lines"
    start(cluster, "x.writer", "writer", path=str(path))
    before, _ = running_on(cluster, path, "writer")
    old = cluster.leader()
    pids = {name: process.pid for name, process in cluster.processes.items()}
    with Load(cluster, "full") as load:
        load.wait_for_more()
        fill_disk(cluster, old)
        until(lambda: cluster.leaders() not in ([], [old]), "leadership to go elsewhere")
        until(lambda: conditions(cluster)[old] == "disk_full", f"{old} to say so")
        load.wait_for_more(20)
        free_disk(cluster, old)
        until(lambda: conditions(cluster)[old] == "ok", f"{old} to work again")
        load.wait_for_more()
    load.check()
    goal = cluster.status_of(cluster.leader()).commit
    until(lambda: cluster.status_of(old).member.applied >= goal, f"{old} to catch up")
    assert get(cluster, "writer").allocation_id == before.allocation_id
    assert {name: process.pid for name, process in cluster.processes.items()} == pids


def test_s12_where_no_disk_has_space_writes_are_refused_and_reads_and_heartbeats_go_on(
    cluster: Cluster,
) -> None:
    path = cluster.root / "lines"
    start(cluster, "x.writer", "writer", path=str(path))
    before, _ = running_on(cluster, path, "writer")
    fill_disk(cluster, *cluster.coordinators)

    def refusal() -> tuple[str, str] | None:
        try:
            cluster.call(lambda client: client.create(NOOP), timeout_s=20)
        except LimitReached as error:
            return error.reason, error.code
        except OutcomeUnknown:  # the first may be in the leader's log already
            return None
        return None

    until(refusal, "a refusal")
    assert refusal() == ("disk_full", "RESOURCE_EXHAUSTED")
    count = len(lines_of(path))
    until(lambda: len(lines_of(path)) > count + LINES, "the run to go on")
    read = cluster.call(lambda client: client.get("writer", read=ReadOptions()), timeout_s=20)
    assert read.task is not None
    assert (read.task.status, read.task.allocation_id) == ("running", before.allocation_id)
    assert cluster.ready_nodes() == {"n1"}

    free_disk(cluster, *cluster.coordinators)
    until(lambda: not refusal(), "writes again")
    until(lambda: set(conditions(cluster).values()) == {"ok"}, "all to be well")
    assert get(cluster, "writer").allocation_id == before.allocation_id
    cluster.call(lambda client: client.create(NewTask(executor="demo.noop", id="last")))


def test_s12_a_member_that_starts_on_a_full_disk_works_when_there_is_space(
    cluster: Cluster,
) -> None:
    away = cluster.followers()[0]
    cluster.kill(away)
    fill_disk(cluster, away)
    with Load(cluster, "meanwhile") as load:
        cluster.start(away)
        until(lambda: cluster.health(away, "ptasks.v1.Tasks"), f"{away} to know a leader")
        load.wait_for_more(20)
        pid = cluster[away].pid
        free_disk(cluster, away)
        load.wait_for_more()
    load.check()
    goal = cluster.status_of(cluster.leader()).commit
    until(lambda: cluster.status_of(away).member.applied >= goal, f"{away} to catch up")
    assert (cluster[away].is_alive, cluster[away].pid) == (True, pid)
    assert not cluster.said(away, "Traceback")


def test_a_node_goes_on_when_its_disk_is_full_and_says_why_it_cannot_begin_anew(
    cluster: Cluster,
) -> None:
    path = cluster.root / "lines"
    fill_disk(cluster, "n1")
    start(cluster, "x.alone", "alone", path=str(path))  # one more process to be written down
    running_on(cluster, path, "alone")
    until(lambda: cluster.said("n1", "not written down"), "the supervisor to say so")
    count = len(lines_of(path))
    until(lambda: len(lines_of(path)) > count + LINES, "the run to go on")

    os.kill(cluster["n1"].tree()[1], signal.SIGKILL)
    assert cluster["n1"].wait() == EXIT_STORAGE
    assert not cluster.said("n1", "Traceback")
    assert cluster.said("n1", r"^task-node: data_dir: .*No space left")
    free_disk(cluster, "n1")
    cluster.start("n1")
    cluster.wait_ready()
    running_on(cluster, path, "alone", beyond=lines_of(path)[-1].token)
