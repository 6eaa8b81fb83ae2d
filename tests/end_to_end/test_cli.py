"""taskctl against real processes: an ordinary day, then members that die, stop and come back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import CHECKOUT, until

Make = Callable[..., Cluster]


class Ran(NamedTuple):
    code: int
    out: str
    err: str
    lasted_s: float


class Taskctl:
    """The program, in a process of its own, with addresses and contexts of its own."""

    def __init__(self, cluster: Cluster) -> None:
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "TASKCTL_ADDR": ",".join(cluster.addresses.values()),
            "TASKCTL_CONFIG": str(cluster.root / "taskctl.toml"),
        }

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "coordinator.cli.main", *args],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *args: str, code: int | None = 0) -> Ran:
        began = time.monotonic()
        process = self.start(*args)
        out, err = process.communicate(timeout=100)
        ran = Ran(process.returncode, out, err, time.monotonic() - began)
        if code is not None:
            assert ran.code == code, (args, ran)
        assert "Traceback" not in err
        return ran

    def json(self, *args: str) -> dict[str, object]:
        ran = self(*args, "-o", "json")
        assert ran.err == ""
        tree: dict[str, object] = json.loads(ran.out)
        return tree


def test_an_ordinary_day(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=2)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    started = taskctl(
        "start", "demo.ticker", "--id", "hello", "-p", "interval=100ms", "-p", "until=100000"
    )
    assert started.out.startswith("hello  assigned to n")
    assert "  allocation 1  revision " in started.out
    assert "state.tick = " in taskctl("wait", "hello", "--for", "state.tick>=5").out
    listed = taskctl("list")
    assert listed.out.split("\n")[0].startswith(
        "ID     EXECUTOR     STATUS   NODE  ALLOC  TRY  PROGRESS"
    )
    assert listed.err.startswith("1 task · revision ")
    assert "hello (demo.ticker v1) is running on n" in taskctl("explain", "hello").out
    lines = taskctl("history", "hello").out.splitlines()
    assert lines[0].split() == [
        "ALLOC", "TRY", "NODE", "CAUSE", "STARTED", "LASTED", "OUTCOME", "REASON",
    ]  # fmt: skip
    assert lines[1].split()[3] == "start"
    taskctl("move", "hello", "--wait")
    assert len(taskctl("history", "hello").out.splitlines()) == 3
    assert taskctl("rm", "hello", code=4).err.startswith("error: rm hello: still ")
    done = taskctl("cancel", "hello", "--reason", "seen enough", "--wait")
    assert done.out.startswith('hello  cancelled  state kept: {"tick": ')
    assert taskctl("rm", "hello").out == "hello  removed\n"
    taskctl("get", "hello", code=3)
    ended = taskctl("start", "demo.noop", "--id", "quick", "--wait")
    assert ended.out.startswith("quick  succeeded on n")
    failed = taskctl(
        "start", "demo.flaky", "-p", "failures=9", "--max-attempts", "1", "--wait", code=10
    )
    assert "  failed on n" in failed.out


def test_what_is_refused(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    ran = taskctl("start", "demo.noope", code=8)
    assert ran.err.splitlines()[0] == (
        "error: start demo.noope: no node ever offered this executor; did you mean demo.noop?"
    )
    ran = taskctl("start", "demo.ticker", "--id", "t", "--params", '{"until": "x"}', code=8)
    assert ran.err.startswith("error: start t: params.until: ")
    taskctl("start", "demo.ticker", "--id", "t", "-p", "until=5")
    assert "already there" in taskctl("start", "demo.ticker", "--id", "t", "-p", "until=5").out
    ran = taskctl("start", "demo.ticker", "--id", "t", "-p", "until=6", code=4)
    assert ran.err.splitlines()[0] == (
        "error: start t: id is taken by a task with another spec (params)"
    )
    for name in ("report-1", "report-2"):
        taskctl("start", "demo.sleep", "--id", name, "-p", "duration=1h")
    ran = taskctl("cancel", "repo", code=2)
    assert ran.err.startswith("error: repo: matches 2 tasks: report-1 report-2\n")
    assert taskctl("list", "-q", "--executor", "demo.sl*").out.split() == [
        "report-1",
        "report-2",
    ]
    revision = taskctl.json("get", "report-1")["modified_revision"]
    taskctl("cancel", "report-1", "--dry-run")
    assert taskctl.json("get", "report-1")["modified_revision"] == revision
    assert "you expected 1" in taskctl("cancel", "report-1", "--if-revision", "1", code=4).err
    too_large = taskctl("start", "demo.noop", "--params", '{"a": "' + "x" * 100_000 + '"}', code=8)
    assert too_large.err.startswith("error: start demo.noop: ")


READS = (
    "list", "get hello", "explain hello", "history hello", "logs hello", "node list", "node get n1",
    "executor list", "executor get demo.ticker", "executor schema demo.ticker",
    "executor validate demo.ticker -p until=3", "cluster status", "cluster health", "cluster members",
    "cluster settings", "context list", "version --server",
)  # fmt: skip


def test_x01_every_read_is_one_json_value(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    taskctl("start", "demo.ticker", "--id", "hello", "-p", "until=100000")
    taskctl("wait", "hello", "--for", "running")
    for words in READS:
        tree = taskctl.json(*words.split())
        assert tree["apiVersion"] == "ptasks/v1", words
        assert {"kind", "revision"} <= set(tree), words


def test_x06_x07_one_of_three_is_left(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    taskctl("start", "demo.noop", "--id", "before", "--wait")
    down = cluster.coordinators[:2]
    cluster.kill(*down)
    until(lambda: not cluster.status_of("c3").has_quorum, "c3 knows that it is alone")
    ran = taskctl("start", "demo.noop", "--id", "lost", "--timeout", "3s", code=6)
    assert ran.lasted_s < 15  # 4 s on a machine with nothing else to do
    lines = ran.err.splitlines()
    assert lines[0] == "error: start lost: no quorum"
    assert lines[1].startswith(
        "why:   unavailable (no_quorum): 1 of 3 coordinators answers (c3), 2 are needed; asked c3"
    )
    assert lines[1].endswith("Nothing was written.")
    assert taskctl("list", "--all", "--stale", "-q").out == "before\n"
    status = taskctl("cluster", "status", code=6)
    assert status.out.count("unreachable") >= 2
    cluster.start(*down)
    taskctl("cluster", "health", "--for", "1s", "--timeout", "60s")
    taskctl("get", "lost", code=3)


def test_x09_members_that_are_stopped_make_the_outcome_unknown(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3)
    cluster.start()
    cluster.leader()
    taskctl = Taskctl(cluster)
    taskctl("cluster", "settings")
    for name in cluster.coordinators:
        cluster[name].pause()
    ran = taskctl(
        "start", "demo.noop", "--id", "x", "--request-id", "r-1", "--timeout", "2s", code=7
    )
    assert "outcome unknown; repeat with --request-id r-1 to find out" in ran.err
    for name in cluster.coordinators:
        cluster[name].resume()


@pytest.mark.parametrize("signal_number", [signal.SIGINT])
def test_x13_x15_a_watch_outlives_its_member(make_cluster: Make, signal_number: int) -> None:
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    watch = taskctl.start("watch", "-l", "seen=yes", "-o", "jsonl")
    assert watch.stdout is not None
    taskctl("start", "demo.noop", "--paused", "--label", "seen=yes", "--id", "first")
    seen = [json.loads(watch.stdout.readline())]
    cluster.kill("c1")
    for number in range(10):
        taskctl("start", "demo.noop", "--paused", "--label", "seen=yes", "--id", f"t-{number}")
    seen += [json.loads(watch.stdout.readline()) for _ in range(10)]
    assert [one["task"]["id"] for one in seen] == ["first", *(f"t-{n}" for n in range(10))]
    revisions = [one["revision"] for one in seen]
    assert revisions == sorted(set(revisions))
    watch.send_signal(signal_number)
    _, err = watch.communicate(timeout=30)
    assert watch.returncode == 130
    assert "resume with: --after " in err
    after = int(err.rpartition("--after ")[2].split()[0])
    assert after >= revisions[-1]


def test_x08_the_leader_dies_and_exactly_one_task_is_there(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    leader = cluster.leader()
    starting = [
        taskctl.start("start", "demo.noop", "--paused", "--id", f"t-{n}", "--timeout", "30s")
        for n in range(4)
    ]
    cluster.kill(leader)
    for process in starting:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert taskctl("list", "-q").out.split() == [f"t-{n}" for n in range(4)]
    until(lambda: len(cluster.leaders()) == 1, "one other leader")
