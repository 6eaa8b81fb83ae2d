"""watch and list -w: lines per change, resets, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator.cli import session
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

CHECKOUT = Path(__file__).parents[3]


def change(
    cluster: FakeCluster, revision: int, name: str, kind: str = "updated"
) -> wire.WatchResponse:
    part = wire.WatchChange(type=kind, task=cluster.put(name))
    return wire.WatchResponse(kind="CHANGE", revision=revision, changes=[part])


def script(cluster: FakeCluster, *messages: wire.WatchResponse) -> None:
    """What the first connection is told; later ones hear nothing."""
    left = list(messages)

    def play(_: wire.WatchRequest) -> list[wire.WatchResponse]:
        told, left[:] = list(left), []
        return told

    cluster.watch = play


def test_watch_prints_a_line_per_change(taskctl: Taskctl, cluster: FakeCluster) -> None:
    script(cluster, change(cluster, 20, "a", "created"), change(cluster, 21, "b"))
    cluster.revision = 21
    ran = taskctl("watch", "--after", "19", "--timeout", "500ms")
    assert ran.out.splitlines() == [
        "20  a  created  running on n1",
        "21  b  updated  running on n1",
    ]
    assert ran.err.endswith("resume with: --after 21\n")
    asked = [request.after_revision for request in cluster.asked("Watch")]
    assert asked[0] == 19
    assert set(asked[1:]) == {21}


def test_watch_as_json_is_jsonl(taskctl: Taskctl, cluster: FakeCluster) -> None:
    script(cluster, change(cluster, 20, "a", "created"))
    ran = taskctl("watch", "-o", "json", "--timeout", "400ms")
    tree = json.loads(ran.out)
    assert (tree["kind"], tree["type"], tree["revision"], tree["complete"]) == (
        "Change",
        "created",
        20,
        True,
    )
    assert tree["task"]["id"] == "a"


def test_watch_of_ids(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("report-1")
    taskctl("watch", "repo", "--timeout", "300ms")
    assert list(cluster.asked("Watch")[0].filter.ids) == ["report-1"]
    assert cluster.asked("Watch")[0].filter.include_finished


def test_x14_a_revision_no_longer_kept(taskctl: Taskctl, cluster: FakeCluster) -> None:
    reset = wire.WatchResponse(kind="RESET", reason="compacted", oldest_revision=1000)
    script(cluster, reset)
    ran = taskctl("watch", "--after", "3", "--timeout", "5s")
    assert ran.code == 8
    assert ran.err.startswith("error: watch: that revision is no longer kept; the oldest is 1000\n")


def test_x14_or_restart(taskctl: Taskctl, cluster: FakeCluster) -> None:
    reset = wire.WatchResponse(kind="RESET", reason="compacted", oldest_revision=1000)
    cluster.watch = lambda request: (
        [reset] if request.after_revision == 3 else [change(cluster, 1001, "a", "created")]
    )
    ran = taskctl("watch", "--after", "3", "--or-restart", "--timeout", "600ms")
    assert ran.code == 0
    assert "begins anew with the full list" in ran.err
    assert "1001  a  created" in ran.out


def test_list_w_prints_a_line_per_change_when_not_on_a_terminal(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    script(cluster, change(cluster, 20, "a", "created"), change(cluster, 21, "a", "removed"))
    ran = taskctl("list", "-w", "--timeout", "400ms")
    assert (ran.code, ran.out) == (0, "a  running on n1\na  removed\n")


def test_x15_ctrl_c_says_where_to_go_on(cluster: FakeCluster) -> None:
    script(cluster, change(cluster, 20, "a", "created"))
    process = subprocess.Popen(
        [sys.executable, "-m", "coordinator.cli.main", "watch"],
        cwd=CHECKOUT,
        env={**os.environ, "TASKCTL_ADDR": cluster.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "20  a  created  running on n1\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "resume with: --after 20" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [["watch"], ["list", "-w"]])
@pytest.mark.parametrize("timeout", ["400ms", None])
def test_ex_21_nobody_there_is_said(
    bare: Taskctl, monkeypatch: pytest.MonkeyPatch, command: list[str], timeout: str | None
) -> None:
    monkeypatch.setattr(session, "DEFAULT_TIMEOUT_MS", 300)
    limit = ["--timeout", timeout] if timeout else []
    ran = bare("--addr", "127.0.0.1:1", *command, *limit)
    assert ran.code == 6
    assert ran.err.startswith("error: cannot reach 127.0.0.1:1: refused; is the cluster up?\n")


def test_ex_12_a_loss_is_said_when_it_comes(taskctl: Taskctl, cluster: FakeCluster) -> None:
    script(cluster, change(cluster, 20, "a", "created"))
    ran = taskctl("watch", "--timeout", "500ms")
    lost, *more = ran.err.splitlines()
    assert lost == (
        f"connection lost: {cluster.address} answers no more; looking for a coordinator"
    )
    assert more == ["resume with: --after 20"]


def test_ex_50_a_revision_ahead_of_the_cluster(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("watch", "--after", "999999999", "--timeout", "5s")
    assert ran.code == 8
    said = f"revision 999999999 lies ahead of the cluster's, which is {cluster.revision}"
    assert ran.err.startswith(f"error: watch: {said}\n")
    assert "resume with" not in ran.err


def test_ex_50_a_revision_ahead_of_the_cluster_or_restart(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    script(cluster, change(cluster, 20, "a", "created"))
    ran = taskctl("watch", "--after", "999999999", "--or-restart", "--timeout", "600ms")
    assert (ran.code, "20  a  created" in ran.out) == (0, True)
    assert "begins anew with the full list" in ran.err
