"""Finding, waiting and looking, with the program and real processes: what runs, what ran, and what is replicated."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.test_cli import Taskctl

Make = Callable[..., Cluster]


def items(taskctl: Taskctl, *args: str) -> list[dict[str, Any]]:
    found: Any = taskctl.json(*args)["items"]
    return list(found)


def runs(taskctl: Taskctl, *args: str) -> list[str]:
    return [str(item["task"]) for item in items(taskctl, "history", *args)]


def test_pt_a56_a59_a60_runs_are_found_waited_for_and_looked_at(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=2)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    for name in ("job-1", "job-2", "job-3"):
        taskctl("start", "demo.noop", "--id", name, "--label", "team=x")
    taskctl("start", "demo.ticker", "--id", "long", "-p", "interval=100ms", "-p", "until=100000")
    ended = taskctl("wait", "job-1", "job-2", "job-3", "--timeout", "60s")
    assert sorted(line.split()[0] for line in ended.out.splitlines()) == ["job-1", "job-2", "job-3"]
    taskctl("wait", "long", "--for", "running", "--for", "state", "--timeout", "60s")

    assert sorted(runs(taskctl, "--name", "job-*")) == ["job-1", "job-2", "job-3"]
    assert runs(taskctl, "--status", "running") == ["long"]
    (live,) = items(taskctl, "history", "--status", "running")
    assert runs(taskctl, "--node", live["node"], "--executor", "demo.tick*") == ["long"]
    assert len(runs(taskctl, "-l", "team=x", "--outcome", "succeeded")) == 3
    assert runs(taskctl, "--parent", "nobody") == []
    assert taskctl("history", "--count").out == "4\n"

    single = taskctl.json("get", live["name"])
    assert (single["kind"], single["status"], single["task"]) == ("Run", "running", "long")
    assert "task long is running" in taskctl("get", "long#999", code=3).err
    value: Any = taskctl.json("cluster", "state", "tasks/long/params")["value"]
    assert value["until"] == 100_000

    listed = taskctl("list", "--all", "-o", "json").out
    again = subprocess.run(
        [sys.executable, "-m", "coordinator.cli.main", "start", "-f", "-", "-o", "json"],
        env=taskctl.environment, input=listed, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert [item["result"] for item in json.loads(again.stdout)["items"]] == ["unchanged"] * 4

    taskctl("cancel", "long", "--wait")
    assert runs(taskctl, "--outcome", "cancelled") == ["long"]
