"""A lease that is shortened while a node cannot hear of it: the R before is waited for, whoever leads (G6, L4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.processes import until
from tests.end_to_end.proxy import CutUpCluster
from tests.end_to_end.runs import (
    PLUGIN,
    assert_no_overlap,
    boot_time_s,
    lines_of,
    running_on,
    start,
)

LEASE_S, REASSIGN_S = 8.0, 11.0
SETTINGS = {"nodes.heartbeat": "250ms", "nodes.lease": "8s", "nodes.reassign_after": "11s"}
SHORTER = {"nodes.lease": "2s", "nodes.reassign_after": "3s"}
BEAT_S = 0.7  # what lies between two accepted heartbeats, on a busy machine


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[CutUpCluster]:
    with CutUpCluster(tmp_path, nodes=2, executors=[PLUGIN], settings=SETTINGS) as made:
        yield made
        print(made.last_lines(25))


def test_g6_the_next_leader_waits_for_a_node_that_counts_with_the_longer_lease(
    cluster: CutUpCluster,
) -> None:
    path = cluster.root / "lines"
    cluster.kill("n2")
    start(cluster, "x.writer", "t1", path=str(path))
    _, old = running_on(cluster, path, "t1")
    cluster.start("n2")
    cluster.wait_ready()

    cluster.hold(["n1"], cluster.coordinators)
    cut_at = boot_time_s()
    cluster.call(lambda client: client.cluster.set_settings(SHORTER), timeout_s=30)
    cluster.kill(cluster.leader())
    until(lambda: boot_time_s() > cut_at + LEASE_S, "the end of the longer lease")
    written = [line for line in lines_of(path, "t1") if line.token == old.token]
    assert cut_at + 3 < written[-1].at_s < cut_at + LEASE_S  # beyond the shorter R

    task, _ = running_on(cluster, path, "t1", beyond=old.token)
    assert task.assignment.node == "n2"
    new = next(line for line in lines_of(path, "t1") if line.token > old.token)
    assert new.at_s >= cut_at + REASSIGN_S - BEAT_S
    assert_no_overlap(path)
