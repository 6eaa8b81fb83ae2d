"""Two releases in one cluster of real processes. The next one is rehearsed: it supports level 2, which settings need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from coordinator.client import ClientError
from coordinator.client.cluster_views import Upgraded
from coordinator.client.release import REHEARSAL
from coordinator.client.requests import ChangeOptions
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.load import Load
from tests.end_to_end.processes import until

Make = Callable[..., Cluster]
OLD, NEW = "1:SetSettings@2", "2:SetSettings@2"
EXIT_DATA_DIR, EXIT_CONFLICT, EXIT_TROUBLE = 78, 4, 14
HANG_S = 120
NEWS = {"retention.failed": "721h"}


def taskctl(cluster: Cluster, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coordinator.cli.main", *args]
    command += ["--addr", ",".join(cluster.addresses.values())]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def mixed(make_cluster: Make) -> Cluster:
    """Everybody runs the old release."""
    cluster = make_cluster(coordinators=3, nodes=1)
    for process in cluster.processes.values():
        process.environ[REHEARSAL] = OLD
    cluster.start()
    cluster.wait_ready()
    return cluster


def restart(cluster: Cluster, name: str, release: str) -> None:
    """With another release; a leader hands over as it stops."""
    cluster.stop(name)
    cluster[name].environ[REHEARSAL] = release
    cluster.start(name)
    if name in cluster.addresses:
        cluster.wait_member(name, HANG_S)
    cluster.wait_ready(HANG_S)


def use_news(cluster: Cluster) -> str:
    """The reason of the refusal, or empty."""
    try:
        cluster.call(lambda client: client.cluster.set_settings(NEWS))
    except ClientError as error:
        return error.reason
    return ""


def look(cluster: Cluster) -> Upgraded:
    dry_run = ChangeOptions(dry_run=True)
    return cluster.call(lambda client: client.cluster.upgrade(dry_run))


def blockers(cluster: Cluster, *names: str) -> None:
    """Exactly these cannot follow, once everybody has been heard of again."""
    seen: list[str] = []

    def are_named() -> bool:
        seen[:] = [one.name for one in look(cluster).blockers]
        return seen == list(names)

    try:
        until(are_named, f"blockers {names}", HANG_S)
    except TimeoutError as error:
        error.add_note(f"last seen: {seen}")
        raise


@pytest.mark.parametrize("nodes_first", [False, True], ids=["coordinators_first", "nodes_first"])
def test_s43_a_rolling_upgrade_under_load(make_cluster: Make, *, nodes_first: bool) -> None:
    cluster = mixed(make_cluster)
    with Load(cluster) as load:
        if nodes_first:
            restart(cluster, "n1", NEW)
        leader = cluster.leader()
        for name in cluster.followers():
            restart(cluster, name, NEW)
        assert cluster.leader() == leader, "the old one leads still"
        assert use_news(cluster) == "feature_level"
        blockers(cluster, leader, *(() if nodes_first else ("n1",)))

        restart(cluster, leader, NEW)
        load.wait_for_more()
        assert use_news(cluster) == "feature_level", "a new leader, and the level was not raised"

        back = cluster.followers()[0]
        restart(cluster, back, OLD)  # one release back, as long as the level was not raised
        load.wait_for_more()
        blockers(cluster, back, *(() if nodes_first else ("n1",)))
        restart(cluster, back, NEW)
        if not nodes_first:
            restart(cluster, "n1", NEW)
        blockers(cluster)
        raised = cluster.call(lambda client: client.cluster.upgrade())
        assert (raised.level, raised.unchanged) == (2, False)
        assert use_news(cluster) == ""
        load.wait_for_more()

        cluster.stop(back)
        cluster[back].environ[REHEARSAL] = OLD
        cluster.start(back)
        assert cluster[back].wait(HANG_S) == EXIT_DATA_DIR
        assert (
            "feature level 2, and this release supports 1: there is no way back"
            in (cluster[back].lines()[-1])
        )
        cluster[back].environ[REHEARSAL] = NEW
        cluster.start(back)
        cluster.wait_member(back, HANG_S)
        load.wait_for_more()
    load.check()


def test_x60_what_needs_the_next_level_waits_for_cluster_upgrade(make_cluster: Make) -> None:
    cluster = mixed(make_cluster)
    (old, *others) = cluster.coordinators
    for name in (*others, "n1"):
        restart(cluster, name, NEW)
    ran = taskctl(cluster, "cluster", "set", "retention.failed=721h")
    assert ran.returncode == EXIT_CONFLICT
    assert "SetSettings needs feature level 2, and 1 is in force" in ran.stderr
    blockers(cluster, old)
    ran = taskctl(cluster, "cluster", "upgrade", "--dry-run")
    assert ran.returncode == EXIT_TROUBLE
    assert f"coordinator {old} (release 0.1.0): supports 1" in ran.stdout
    ran = taskctl(cluster, "cluster", "upgrade")
    assert ran.returncode == EXIT_CONFLICT
    assert f"not everybody can follow to 2: {old} supports 1" in ran.stderr
    assert "feature level 1, 2 when all can follow" in taskctl(cluster, "cluster", "status").stdout

    cluster.kill(old)
    until(lambda: look(cluster).blockers[0].supports == 0, "it is not heard of any more", HANG_S)
    cluster[old].environ[REHEARSAL] = NEW
    cluster.start(old)
    cluster.wait_member(old, HANG_S)
    blockers(cluster)
    assert "2 is possible" in taskctl(cluster, "cluster", "status").stdout
    ran = taskctl(cluster, "cluster", "upgrade")
    assert (ran.returncode, ran.stdout) == (0, "feature level 2 is in force\n")
    assert taskctl(cluster, "cluster", "set", "retention.failed=721h").returncode == 0
    assert "feature level 2\n" in taskctl(cluster, "cluster", "status").stdout

    late = cluster.add_node("n2")
    late.environ[REHEARSAL] = OLD
    cluster.start("n2")
    told = "feature level 2 is in force, and n2 supports 1: start it with a newer release"
    until(lambda: cluster.said("n2", told), "an old node is told", HANG_S)
    assert cluster.ready_nodes() == {"n1"}
