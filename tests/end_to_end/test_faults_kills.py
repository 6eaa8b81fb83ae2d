"""kill -9 of everything there is, under load: nothing acknowledged is lost, and exclusive runs never overlap.

Kills at random, and with other faults, are in `test_chaos`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.client import Task
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.load import Load
from tests.end_to_end.processes import is_alive, until
from tests.end_to_end.runs import PLUGIN, Writers, lines_of, running_on, start


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    root = tmp_path_factory.mktemp("kills")
    lease = {
        "nodes.lease": "6s",
        "nodes.reassign_after": "8s",
    }  # outlasts an election on a busy machine
    with Cluster(root, nodes=3, executors=[PLUGIN], settings=lease) as cluster:
        yield cluster
    assert_nothing_is_left(root)


@pytest.fixture
def cluster(shared: Cluster) -> Iterator[Cluster]:
    """All there, before each test and after it."""
    shared.start()
    shared.wait_ready(60)
    yield shared
    print(shared.last_lines(25))
    for name in shared.processes:
        assert not shared.said(name, "halted|Traceback|damaged")


@pytest.fixture
def writers(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Writers]:
    """Four exclusive tasks at work; afterwards all is started again, and what must hold of their runs is looked at."""
    made = Writers(cluster, request.node.name.removeprefix("test_"))
    yield made
    cluster.start()
    cluster.wait_ready(60)
    made.wait_settled()
    made.end()


def kill_at_once(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid), f"the end of {pid}")


def assert_nothing_is_left(root: Path) -> None:
    """N5: no process that was told of this directory is alive."""

    def left() -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                told = process.joinpath("cmdline").read_bytes()
                told += process.joinpath("environ").read_bytes()
            except OSError:
                continue
            if str(root).encode() in told and is_alive(int(process.name)):
                found.append(f"{process.name}: {told[:200]!r}")
        return found

    until(lambda: not left(), "the end of every process")


def test_pt_a46_a_killed_worker_is_replaced_at_once(writers: Writers) -> None:
    task_id = writers.ids[0]
    before, line = writers.running_on(task_id)
    kill_at_once(line.pid)
    after, _ = writers.running_on(task_id, beyond=line.token)
    assert after.attempts == before.attempts == 0
    assert after.last_outcome is not None
    assert after.last_outcome.outcome == "lost"
    assert after.last_outcome.allocation_id == before.allocation_id


def test_x30_the_next_run_goes_on_from_the_third_save(cluster: Cluster) -> None:
    path = cluster.root / "saves"
    start(cluster, "x.saves", "saves", path=str(path))
    before, line = running_on(cluster, path, "saves")
    assert before.state == {"n": 3}
    kill_at_once(line.pid)
    after, _ = running_on(cluster, path, "saves", beyond=line.token)
    assert after.state == {"n": 6}
    assert (after.attempts, after.state_allocation_id) == (0, after.allocation_id)
    cluster.call(lambda client: client.cancel("saves"))


def test_n6_a_killed_agent_takes_its_runs_along_and_comes_back(
    cluster: Cluster, writers: Writers
) -> None:
    task_id = writers.ids[1]
    with Load(cluster, "agent") as load:
        _, line = writers.running_on(task_id)
        before = writers.records()
        node = before[task_id].assignment.node or ""
        kill_at_once(cluster[node].tree()[1])
        until(lambda: not is_alive(line.pid), "the end of its worker")
        writers.running_on(task_id, beyond=line.token)
        load.wait_for_more()
    assert_others_were_left_alone(writers, before, node)
    load.check()


def test_pt_a46_a_killed_node_has_its_tasks_run_elsewhere_and_only_those(
    cluster: Cluster, writers: Writers
) -> None:
    task_id = writers.ids[0]
    with Load(cluster, "node") as load:
        _, line = writers.running_on(task_id)
        before = writers.records()
        node = before[task_id].assignment.node or ""
        cluster.kill(node)
        until(lambda: not is_alive(line.pid), "the end of its worker")
        after, _ = writers.running_on(task_id, beyond=line.token)
        assert after.assignment.node != node
        load.wait_for_more()
    assert_others_were_left_alone(writers, before, node)
    load.check()


def assert_others_were_left_alone(writers: Writers, before: dict[str, Task], node: str) -> None:
    after = writers.records()
    for task_id, was in before.items():
        if was.assignment.node != node:
            assert after[task_id].allocation_id == was.allocation_id


def test_pt_a47_runs_go_on_under_their_ids_when_the_leader_is_killed(
    cluster: Cluster, writers: Writers
) -> None:
    before = writers.records()
    with Load(cluster, "leader") as load:
        load.wait_for_more()
        old = cluster.leader()
        cluster.kill(old)
        load.wait_for_more()
        assert cluster.leader() != old
        count = len(lines_of(writers.path))
        until(lambda: len(lines_of(writers.path)) > count + 40, "the runs to go on")
        cluster.start(old)
        cluster.wait_member(old)
    for task_id, now in writers.records().items():
        assert now.allocation_id == before[task_id].allocation_id
    load.check()


def test_g14_with_two_of_three_killed_nothing_is_acknowledged_until_one_is_back(
    cluster: Cluster, writers: Writers
) -> None:
    with Load(cluster, "two") as load:
        load.wait_for_more()
        dead = [cluster.leader(), cluster.followers()[0]]
        cluster.kill(*dead)
        count = len(load.acknowledged)
        until(lambda: not cluster.leaders(), "no leader without a majority")
        assert len(load.acknowledged) <= count + 1  # the answer that was on its way
        cluster.start(*dead)
        load.wait_for_more()
    load.check()


def test_pt_a48_everything_killed_and_started(cluster: Cluster, writers: Writers) -> None:
    with Load(cluster, "all") as load:
        load.wait_for_more()
        before = writers.records()
        running = {line.pid for line in lines_of(writers.path)}
        cluster.kill(*cluster.coordinators, *cluster.nodes)
        until(lambda: not any(map(is_alive, running)), "the end of all workers")
        cluster.start()
        cluster.wait_ready(60)
        for task_id in writers.ids:
            writers.running_on(task_id, beyond=before[task_id].allocation_id)
        load.wait_for_more()
    load.check()
