"""cluster upgrade, and what cluster status says of the feature level."""

from __future__ import annotations

import json

import grpc

from coordinator.cli.cluster_status import summary
from coordinator.client.cluster_views import ClusterStatus
from coordinator.wire.v1 import cluster_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster, Refusal

OLD_ONE = wire.UpgradeBlocker(kind="member", name="c1", version="0.1.0", supports=1)
AWAY = wire.UpgradeBlocker(kind="member", name="c2")
OLD_NODE = wire.UpgradeBlocker(kind="node", name="n1", version="0.1.0", supports=1)


def test_dry_run_names_who_cannot_follow_yet_and_exits_14(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.upgrade = wire.UpgradeResponse(
        level=1, possible=1, highest=2, blockers=[OLD_ONE, AWAY, OLD_NODE], unchanged=True
    )
    ran = taskctl("cluster", "upgrade", "--dry-run")
    assert ran.code == 14
    assert ran.out.splitlines() == [
        "feature level 1 is in force; 2 has to wait for those that cannot follow",
        "  coordinator c1 (release 0.1.0): supports 1; start it with the new release",
        "  coordinator c2: not heard of; start it, or take it out of the cluster",
        "  node n1 (release 0.1.0): supports 1; start it with the new release",
    ]
    assert cluster.asked("Upgrade")[0].change.dry_run
    told = json.loads(taskctl("cluster", "upgrade", "--dry-run", "-o", "json").out)
    assert (told["kind"], told["possible"], told["highest"]) == ("Upgrade", 1, 2)
    assert [one["name"] for one in told["blockers"]] == ["c1", "c2", "n1"]


def test_dry_run_exits_0_when_nobody_is_left_behind(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.upgrade = wire.UpgradeResponse(level=1, possible=2, highest=2)
    ran = taskctl("cluster", "upgrade", "--dry-run")
    assert (ran.code, ran.out) == (0, "feature level 1 is in force, 2 is possible\n")
    assert ran.err == "dry run: nothing was done\n"


def test_upgrade_says_what_is_in_force(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.upgrade = wire.UpgradeResponse(level=2, possible=2, highest=2)
    ran = taskctl("cluster", "upgrade")
    assert (ran.code, ran.out) == (0, "feature level 2 is in force\n")
    cluster.upgrade = wire.UpgradeResponse(level=2, possible=2, highest=2, unchanged=True)
    ran = taskctl("cluster", "upgrade")
    assert ran.code == 0
    assert ran.out == "feature level 2 is in force; no coordinator knows a higher one\n"


def test_too_early_is_a_conflict_with_a_way_on(taskctl: Taskctl, cluster: FakeCluster) -> None:
    text = "feature level 1 stays in force, for not everybody can follow to 2: c1 supports 1"
    code = grpc.StatusCode.FAILED_PRECONDITION
    cluster.refuse["Upgrade"].append(Refusal(code, "feature_level", text))
    ran = taskctl("cluster", "upgrade")
    assert ran.code == 4
    assert text in ran.err
    assert "try:   see who cannot follow yet with: taskctl cluster upgrade --dry-run" in ran.err


def status(highest: int, possible: int) -> ClusterStatus:
    return ClusterStatus(
        cluster_id="k", health="ok", quorum=True, findings=[], leader="c1", term=1, commit=1,
        feature_level=1, voters=1, tolerates=0, elections_24h=0, clock_spread_ms=None, nodes={},
        tasks={}, members=[], feature_level_highest=highest, feature_level_possible=possible,
    )  # fmt: skip


def test_status_says_what_would_be_possible() -> None:
    assert summary(status(1, 1)).endswith(" · feature level 1")
    assert summary(status(2, 2)).endswith(
        " · feature level 1, 2 is possible: taskctl cluster upgrade"
    )
    assert summary(status(2, 1)).endswith(
        " · feature level 1, 2 when all can follow: taskctl cluster upgrade --dry-run"
    )
