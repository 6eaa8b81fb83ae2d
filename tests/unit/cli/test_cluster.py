"""node, executor, cluster, context."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import grpc
import pytest

from coordinator.wire.v1 import cluster_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster, Refusal


@pytest.fixture
def nodes(cluster: FakeCluster) -> FakeCluster:
    for name in ("n1", "n2"):
        cluster.nodes[name] = wire.NodeView(
            name=name, status="ready", capacity=10, units=20, effective_units=20, used_units=6, runs=3,
            heartbeat_age_ms=180, executors=[wire.NodeExecutor(name="demo.noop", version=1)],
        )  # fmt: skip
    return cluster


def test_cluster_status_is_the_sample(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("cluster", "status")
    lines = ran.out.splitlines()
    assert ran.code == 0
    assert lines[0].split("  ")[0] == "NAME"
    assert lines[0].split() == [
        "NAME",
        "ADDRESS",
        "ROLE",
        "TERM",
        "APPLIED",
        "LAG",
        "SNAPSHOT",
        "FSYNC",
        "p99",
        "VERSION",
        "UP",
    ]
    assert lines[1].split() == [
        "c1",
        cluster.address,
        "leader",
        "6",
        "10",
        "-",
        "1500",
        "0.3",
        "ms",
        "0.1.0",
        "2h",
    ]
    assert lines[2].startswith(
        "ok · tolerates 0 more failures · 3 nodes ready · 2 elections in 24 h · clocks within"
    )
    assert lines[2].endswith("ms · feature level 1")


def test_x07_status_without_a_quorum_shows_who_is_missing_and_exits_6(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.members, cluster.has_quorum = ["c1", "c2", "c3"], False
    ran = taskctl("cluster", "status")
    assert ran.code == 6
    assert ran.out.count("unreachable") >= 2
    assert "no quorum: 1 of 3 answer, 2 are needed" in ran.out
    tree = json.loads(taskctl("cluster", "status", "-o", "json").out)
    assert (tree["quorum"], tree["health"], tree["voters"]) == (False, "error", 3)
    assert [member["role"] for member in tree["members"]] == [
        "leader",
        "unreachable",
        "unreachable",
    ]


def test_cluster_health(taskctl: Taskctl, cluster: FakeCluster) -> None:
    assert taskctl("cluster", "health").out == "ok\n"
    cluster.health = "warning"
    ran = taskctl("cluster", "health")
    assert (ran.code, ran.out) == (14, "warning\nwarning  peer_lag: c3 is 20,000 behind\n")


def test_cluster_health_that_stays(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.refuse["Health"] = [Refusal(grpc.StatusCode.UNAVAILABLE, "unavailable", "x")]
    ran = taskctl("cluster", "health", "--for", "1s", "--timeout", "60s")
    assert (ran.code, ran.out) == (0, "ok for 1 s\n")
    cluster.health = "warning"
    assert taskctl("cluster", "health", "--for", "1s", "--timeout", "1200ms").code == 7


def test_settings(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("cluster", "set", "nodes.lease=8s", "--reason", "slow network")
    assert ran.code == 0
    assert "nodes.lease  8s" in ran.out
    assert "assignment.enable" not in ran.out
    taskctl("cluster", "unset", "nodes.lease")
    assert list(cluster.asked("SetSettings")[1].reset) == ["nodes.lease"]
    assert taskctl("cluster", "settings", "nope").code == 3


def test_recheck(taskctl: Taskctl, cluster: FakeCluster) -> None:
    assert taskctl("cluster", "recheck", "a").out == "1 task without a node\n"
    assert list(cluster.asked("Recheck")[0].ids) == ["a"]


def test_node_list(taskctl: Taskctl, nodes: FakeCluster) -> None:
    lines = taskctl("node", "list").out.splitlines()
    assert lines[0].split() == [
        "NAME",
        "STATUS",
        "CAPACITY",
        "USED",
        "RUNS",
        "HEARTBEAT",
        "JOINED",
        "EXECUTORS",
    ]
    assert lines[1].split() == [
        "n1",
        "ready",
        "10",
        "6/20",
        "3",
        "180",
        "ms",
        "-",
        "demo.noop",
        "v1",
    ]


def test_node_drain_needs_a_reason_and_ends_when_complete(
    taskctl: Taskctl, nodes: FakeCluster
) -> None:
    assert taskctl("node", "drain", "n1").code == 2
    ran = taskctl("node", "drain", "n1", "--reason", "kernel", "--kind", "remove")
    assert ran.code == 0
    assert ran.out.startswith("n1  draining (remove: kernel)  complete, 0 remaining")
    assert taskctl("node", "undrain", "n1").out == "n1  ready\n"


def test_pt_70_a_drain_of_a_node_nobody_knows_says_so_and_waits_for_nothing(
    taskctl: Taskctl, nodes: FakeCluster
) -> None:
    ran = taskctl("node", "drain", "n9", "--reason", "broken", "--kind", "remove")
    assert ran.code == 0
    assert ran.out.startswith("n9  draining (remove: broken)  not_started, 0 remaining")
    assert "no node n9 is known; the drain waits until one of that name joins" in ran.err


def test_node_rm_of_a_live_node_is_confirmed_by_its_name(
    taskctl: Taskctl, nodes: FakeCluster
) -> None:
    ran = taskctl("node", "rm", "n1")
    assert (ran.code, "n1" in nodes.nodes) == (2, True)
    assert "this node is ready and holds 3 runs" in ran.err
    nodes.nodes["n2"].status = "lost"
    assert taskctl("node", "rm", "n2").out == "n2  removed\n"
    assert taskctl("node", "rm", "n1", "--yes").code == 0
    assert nodes.nodes == {}


def test_node_that_is_not_there(taskctl: Taskctl) -> None:
    assert taskctl("node", "get", "n9").code == 3


def test_executors(taskctl: Taskctl) -> None:
    ran = taskctl("executor", "list")
    assert "demo.ticker  v1        n1 n2" in ran.out
    assert "until: integer (needed)" in taskctl("executor", "get", "demo.ticker").out
    assert json.loads(taskctl("executor", "schema", "demo.ticker").out)["required"] == ["until"]


def test_executor_validate_starts_nothing(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("executor", "validate", "demo.ticker", "-p", "until=3")
    assert (ran.code, ran.out) == (0, "demo.ticker  valid (by schema and code)\n")
    assert cluster.tasks == {}
    assert taskctl("executor", "validate", "demo.ticker", "-p", "until=0").code == 8


def test_version_of_the_servers(taskctl: Taskctl) -> None:
    assert taskctl("version", "--server").out == "taskctl 0.1.0\nc1  0.1.0\n"


def test_contexts(bare: Taskctl, cluster: FakeCluster, own_config: Path) -> None:
    assert bare("context", "set", "a", "--addr", cluster.address, "--read-only").code == 0
    assert (
        bare("context", "set", "b", "--addr", "127.0.0.1:1", "--banner", 'say "hi"\tnow').code == 0
    )
    assert stat.S_IMODE(own_config.stat().st_mode) == 0o600
    assert [row.split() for row in bare("context", "list").out.splitlines()] == [
        ["NAME", "CURRENT", "ADDRESS", "READ", "ONLY"],
        ["a", "*", cluster.address, "yes"],
        ["b", "127.0.0.1:1"],
    ]
    assert bare("list").code == 0  # the first one was selected, as none was
    assert bare("list", "--context", "b", "--timeout", "200ms").code == 6
    assert bare("context", "use", "b").code == 0
    assert 'say "hi"\tnow' in bare("context", "show").out
    assert bare("context", "rm", "b").code == 0
    assert bare("context", "use", "b").code == 3
    assert bare("context", "set", "c").code == 2
    assert bare("context", "set", "c", "--addr", "x").code == 2


def test_a_config_that_cannot_be_read(bare: Taskctl, own_config: Path) -> None:
    own_config.write_text("contexts = 3\n")
    assert bare("list").code == 2
    own_config.write_text('[contexts.a]\nadress = "x"\n')
    ran = bare("list")
    assert ran.code == 2
    assert "contexts.a.adress: unknown" in ran.err


def test_pt_72_a_hold_goes_with_a_restart(taskctl: Taskctl, nodes: FakeCluster) -> None:
    wrong = taskctl("node", "drain", "n1", "--reason", "x", "--kind", "remove", "--hold", "60s")
    assert (wrong.code, "--hold goes with --kind restart" in wrong.err) == (2, True)
    assert taskctl("node", "drain", "n1", "--reason", "x", "--hold", "60s").code == 0
    (request,) = [one for name, one in nodes.calls if name == "DrainNode"]
    assert (request.kind, request.hold_ms) == ("restart", 60_000)


def test_tm_62_a_node_that_protects_itself_says_so(taskctl: Taskctl, nodes: FakeCluster) -> None:
    nodes.nodes["n1"].effective_units = 12
    nodes.nodes["n1"].overload = "event loop blocked by demo.block"
    assert "6/12 of 20" in taskctl("node", "list").out.splitlines()[1]
    assert "6/20" in taskctl("node", "list").out.splitlines()[2]
    page = taskctl("node", "get", "n1").out
    assert "overload      event loop blocked by demo.block" in page
    assert "overload" not in taskctl("node", "get", "n2").out
