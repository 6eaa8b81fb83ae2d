"""SIGSTOP of any one process of a node, and of all: its task moves, and after SIGCONT nothing old writes (L2, S21, S27)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import is_alive, until
from tests.end_to_end.runs import (
    PLUGIN,
    Line,
    Writers,
    assert_no_overlap,
    boot_time_s,
    get,
    lines_of,
    running_on,
    start,
)

LEASE_S, REASSIGN_S = 3.0, 4.0
SETTINGS = {"nodes.heartbeat": "250ms", "nodes.lease": "3s", "nodes.reassign_after": "4s"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    root = tmp_path_factory.mktemp("stopped")
    with Cluster(root, coordinators=3, nodes=2, executors=[PLUGIN], settings=SETTINGS) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared: Cluster) -> Iterator[Cluster]:
    shared.start()
    shared.wait_ready(60)
    yield shared
    print(shared.last_lines(25))
    for name in shared.processes:
        assert not shared.said(name, "halted|Traceback|damaged")


@pytest.fixture
def writers(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Writers]:
    """One exclusive task in a process of its own, and one in a shared worker."""
    made = Writers(cluster, request.node.name.removeprefix("test_"), count=2)
    yield made
    cluster.start()
    cluster.wait_ready(60)
    made.wait_settled()
    made.end()


class Stopped:
    """Processes of the node that runs the first task; continued at the end of the block, whatever happens."""

    def __init__(self, writers: Writers, which: str) -> None:
        self.writers = writers
        task, self.line = writers.running_on(writers.ids[0])
        self.node = task.assignment.node or ""
        tree = writers.cluster[self.node].tree()
        chosen = {
            "worker": [self.line.pid],
            "agent": tree[1:2],
            "supervisor": tree[:1],
            "all": tree,
        }
        self.pids = chosen[which]

    def __enter__(self) -> Stopped:
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)
        self.at_s = boot_time_s()
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                continue

    def wait_longer_than_r(self) -> None:
        until(lambda: boot_time_s() > self.at_s + REASSIGN_S + 1, "R and a second")


@pytest.mark.parametrize("which", ["worker", "agent", "supervisor", "all"])
def test_s27_what_is_stopped_for_longer_than_r_is_dead_before_it_can_write(
    writers: Writers, which: str
) -> None:
    task_id = writers.ids[0]
    with Stopped(writers, which) as stopped:
        old = stopped.line
        _, new = writers.running_on(task_id, beyond=old.token)
        if which == "all":  # nobody is left there who could have told
            assert first_line(writers, new).at_s >= stopped.at_s + REASSIGN_S - 0.7
        stopped.wait_longer_than_r()
        task, new = writers.running_on(task_id, beyond=old.token)
        if which in ("supervisor", "all"):  # the node is lost
            assert task.assignment.node != stopped.node
        last = max(li.at_s for li in lines_of(writers.path, task_id) if li.token == old.token)
        assert last < stopped.at_s + LEASE_S
    writers.cluster.wait_ready(60)
    until(lambda: not is_alive(old.pid), "the end of the old run's process")
    assert_no_overlap(writers.path)
    runs = writers.cluster.call(lambda client: client.runs(task_id)).runs
    assert {run.allocation_id: run.outcome for run in runs}[old.token] == "lost"
    assert get(writers.cluster, task_id).allocation_id >= new.token


def first_line(writers: Writers, of: Line) -> Line:
    return next(li for li in lines_of(writers.path, of.task) if li.token == of.token)


def test_s27_the_late_success_of_a_run_that_tolerates_overlap_is_refused(cluster: Cluster) -> None:
    path = cluster.root / "late"
    start(cluster, "x.waits", "late", path=str(path))
    before, old = running_on(cluster, path, "late")
    node = before.assignment.node or ""
    pids = cluster[node].tree()
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        _, new = running_on(cluster, path, "late", beyond=old.token)
        path.with_name(f"late.{old.token}").touch()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    until(
        lambda: cluster.said(node, "stale_incarnation|session open") and ready(cluster),
        "it is back",
    )
    now = get(cluster, "late")
    assert (now.status, now.allocation_id) == ("running", new.token)
    path.with_name(f"late.{new.token}").touch()
    ended = cluster.call(lambda client: client.wait("late", timeout_s=30), timeout_s=40).task
    assert (ended.status, ended.last_outcome and ended.last_outcome.result) == (
        "succeeded",
        new.token,
    )
    runs = cluster.call(lambda client: client.runs("late")).runs
    outcomes = {run.allocation_id: run.outcome for run in runs}
    assert outcomes == {old.token: "lost", new.token: "succeeded"}


def ready(cluster: Cluster) -> bool:
    return cluster.ready_nodes() >= set(cluster.nodes)


def test_s21_a_node_killed_as_a_whole_is_waited_for_no_shorter_than_r_and_not_much_longer(
    cluster: Cluster, writers: Writers
) -> None:
    task_id = writers.ids[0]
    task, old = writers.running_on(task_id)
    node = cluster[task.assignment.node or ""]
    pids = node.tree()
    killed_at = boot_time_s()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    node.wait()
    _, new = writers.running_on(task_id, beyond=old.token)
    began_at = first_line(writers, new).at_s
    assert REASSIGN_S - 0.7 <= began_at - killed_at <= REASSIGN_S + 3


def test_s24_leader_and_node_die_together_and_only_that_node_s_tasks_move(
    cluster: Cluster, writers: Writers
) -> None:
    """With a lease that outlasts an election: what is alive is left alone."""
    cluster.call(
        lambda client: client.cluster.set_settings(
            {"nodes.lease": "6s", "nodes.reassign_after": "8s"}
        )
    )
    before = {t: writers.running_on(t) for t in writers.ids}
    task_id = writers.ids[0]
    node = before[task_id][0].assignment.node or ""
    until(lambda: heartbeats_passed(before, writers), "the new lease is known")
    leader = cluster.leader()
    killed_at = boot_time_s()
    cluster.kill(leader, node)
    _, new = writers.running_on(task_id, beyond=before[task_id][1].token)
    assert first_line(writers, new).at_s >= killed_at + 8
    for other, (was, _) in before.items():
        if was.assignment.node != node:
            assert get(cluster, other).allocation_id == was.allocation_id
    cluster.start(leader)
    cluster.wait_member(leader)
    cluster.call(lambda client: client.cluster.set_settings(SETTINGS))


def heartbeats_passed(before: dict[str, tuple[object, Line]], writers: Writers) -> bool:
    """A second of lines since: several heartbeats, each answered with the values in force."""
    return all(
        lines_of(writers.path, t)[-1].at_s > line.at_s + 1 for t, (_, line) in before.items()
    )
