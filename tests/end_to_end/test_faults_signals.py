"""Ctrl-C and SIGTERM end every process in order, and no child is left (X55, X56, EX-68, EX-69)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from coordinator.client import NewTask
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.load import Load
from tests.end_to_end.processes import CHECKOUT, is_alive, until
from tests.end_to_end.runs import PLUGIN, Writers

Make = Callable[..., Cluster]


def test_x55_a_node_hands_its_runs_over_before_it_goes(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=2, executors=[PLUGIN])
    cluster.start("c1", "n1")
    cluster.wait_ready()
    writers = Writers(cluster, "handed-over", count=5)
    cluster.start("n2")
    cluster.wait_ready()
    tree = cluster["n1"].tree()
    cluster["n1"].signal(signal.SIGTERM)
    assert cluster["n1"].wait(40) == 0
    assert not any(map(is_alive, tree))
    writers.wait_settled()
    for task in writers.records().values():
        assert (task.assignment.node, task.attempts) == ("n2", 0)
    writers.end()


def test_a_node_with_nowhere_to_hand_its_runs_goes_at_the_second_ctrl_c(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=1, executors=[PLUGIN])
    cluster.start()
    cluster.wait_ready()
    writers = Writers(cluster, "nowhere", count=2)
    tree = cluster["n1"].tree()
    cluster["n1"].signal(signal.SIGINT)
    until(lambda: draining(cluster), "the drain")
    cluster["n1"].signal(signal.SIGINT)
    assert cluster["n1"].wait(20) == 0
    assert not any(map(is_alive, tree))
    until(lambda: all(t.status == "unassigned" for t in writers.records().values()), "handed back")
    assert all(task.attempts == 0 for task in writers.records().values())


def draining(cluster: Cluster) -> bool:
    (node,) = cluster.call(lambda client: client.cluster.nodes()).nodes
    return node.status == "draining"


def test_x56_a_leader_that_is_asked_to_stop_loses_nothing(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    with Load(cluster, "asked") as load:
        load.wait_for_more()
        leader = cluster.leader()
        tree = cluster[leader].tree()
        cluster[leader].signal(signal.SIGINT)
        assert cluster[leader].wait(20) == 0
        assert not any(map(is_alive, tree))
        load.wait_for_more()
    load.check()
    cluster["n1"].signal(signal.SIGINT)
    cluster["n1"].signal(signal.SIGINT)
    assert cluster["n1"].wait(20) == 0
    for (
        name
    ) in cluster.coordinators:  # the last one has nobody to agree with, and goes all the same
        cluster[name].signal(signal.SIGINT)
    for name in cluster.coordinators:
        assert cluster[name].wait(20) == 0
        assert not cluster.said(name, "Traceback|halted")


def test_ex_6_ctrl_c_ends_a_waiting_command_with_130(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=1)
    cluster.start()
    cluster.wait_ready()
    ticker = NewTask(executor="demo.ticker", id="t", params={"until": 100_000})
    cluster.call(lambda client: client.create(ticker))
    for words in (["wait", "t"], ["watch", "t"], ["logs", "t", "-f"]):
        code, err = interrupted(cluster, words)
        assert code == 130, words
        assert "Traceback" not in err
        if words[0] == "watch":
            assert "resume with: --after" in err


def interrupted(cluster: Cluster, words: list[str]) -> tuple[int, str]:
    """Exit code and stderr of a command that gets Ctrl-C once it waits."""
    address = cluster.addresses["c1"]
    environ = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "TASKCTL_ADDR": address,
        "TASKCTL_CONFIG": str(cluster.root / "config.toml"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "coordinator.cli.main", *words],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            until(lambda: connected(process.pid, address), "it waits")
            if words[0] == "watch" and process.stdout is not None:
                process.stdout.readline()  # now it knows where it is
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    return process.returncode, err


def connected(pid: int, address: str) -> bool:
    """Whether the process has a connection open to this address."""
    port = f":{int(address.rpartition(':')[2]):04X}"
    sockets = set()
    for fd in os.scandir(f"/proc/{pid}/fd"):
        try:
            sockets.add(os.readlink(fd.path))
        except OSError:
            continue
    rows = []
    for table in ("tcp", "tcp6"):
        rows += [line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()]
    return any(
        row[2].endswith(port) and row[3] == "01" and f"socket:[{row[9]}]" in sockets for row in rows
    )
