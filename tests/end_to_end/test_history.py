"""The history of a series and of its attempts, with real processes: on every coordinator alike, after a backup as well."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from coordinator.client import Client, ReadOptions
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until
from tests.end_to_end.test_cli import Taskctl

Make = Callable[..., Cluster]
RUN = [sys.executable, "-m", "coordinator.cli.main"]


def fates_on(cluster: Cluster, name: str) -> list[Any]:
    """As this very coordinator has them."""

    async def look() -> list[Any]:
        async with Client([cluster.addresses[name]]) as client:
            return list((await client.fates("s", read=ReadOptions(stale=True))).fates)

    return asyncio.run(look())


def test_tm_9_every_coordinator_tells_the_fates_and_the_log_goes_on_over_the_runs(
    make_cluster: Make,
) -> None:
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    taskctl("start", "demo.noop", "--id", "s", "--every", "1s")
    follows = subprocess.Popen(
        [*RUN, "logs", "s", "-f"],
        env=taskctl.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: len(taskctl.json("history", "s")["items"]) >= 4, "four runs", 60)
    taskctl("cancel", "s", "--wait")
    out, err = follows.communicate(timeout=60)
    assert (follows.returncode, err) == (0, "")
    numbers = [int(line.split()[2]) for line in out.splitlines() if line.startswith("--")]
    known = [run["allocation_id"] for run in taskctl.json("history", "s")["items"]]
    assert numbers == [number for number in known if number >= numbers[0]], out
    assert len(numbers) >= 3, out
    assert out.count("finished") >= 3, out

    told = taskctl.json("history", "s", "--fates")
    assert told["kind"] == "FateList"
    assert sum(item["count"] for item in told["items"] if item["fate"] == "started") >= 4
    each = [fates_on(cluster, name) for name in cluster.coordinators]
    assert each[0] == each[1] == each[2]
    runs = taskctl.json("history", "s")["items"]
    assert all(run["occurrence_at"] and run["cause"] == "schedule" for run in runs)


def test_tm_a52_two_sections_of_a_task_that_raised_once(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=1)
    cluster.start()
    cluster.wait_ready()
    taskctl = Taskctl(cluster)
    taskctl("cluster", "set", "retry.first=100ms")
    taskctl("start", "demo.flaky", "--id", "f", "-p", "failures=1")
    taskctl("wait", "f", "--timeout", "60s")
    current = taskctl.json("logs", "f")["items"]
    assert [line["event"] for line in current if line["source"] == "task"] == [
        "will be retried", "being processed", "finished",
    ]  # fmt: skip
    first = taskctl.json("logs", "f", "--attempt", "1")["items"]
    queued, begun, error = (line for line in first if line["source"] == "task")
    assert (queued["event"], begun["event"]) == ("queued", "being processed")
    assert (error["level"], error["fields"]["outcome"]) == ("error", "failed")
    whole = taskctl("logs", "f", "--previous").out
    assert whole.index("-- previous: attempt 1") < whole.index("-- current: attempt 2")
    assert taskctl.json("get", "f")["label"] == "successful"
