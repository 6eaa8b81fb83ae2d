"""A node with too much to carry, on real processes: it takes less, everybody sees why, and it recovers (TM-62, TM-65)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.client import NewTask
from coordinator.client.cluster_views import Node
from coordinator.client.health_views import Health
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until

PLUGIN = str(Path(__file__).parent / "executors_overloaded.py")
FLAGS = ("--capacity", "10", "--overload-window", "4s", "--worker-loop-warn", "400ms")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    root = tmp_path_factory.mktemp("protecting")
    flags = {"nodes": FLAGS}
    with Cluster(root, coordinators=1, nodes=1, executors=[PLUGIN], flags=flags) as made:
        made.wait_ready()
        yield made
        print(made.last_lines(30))


def node(cluster: Cluster) -> Node:
    return cluster.call(lambda client: client.cluster.nodes("n1")).nodes[0]


def health(cluster: Cluster) -> Health:
    return cluster.call(lambda client: client.cluster.health())


def start(cluster: Cluster, executor: str, task_id: str, **params: float) -> None:
    wish = NewTask(executor=executor, id=task_id, params=params)
    cluster.call(lambda client: client.create(wish))


def test_tm_62_a_run_says_that_it_is_too_much_and_the_node_takes_less_until_it_is_well(
    cluster: Cluster,
) -> None:
    start(cluster, "over.says_so", "says")
    until(lambda: node(cluster).effective_units < 20, "the node to take less")
    assert node(cluster).overload == "a run of over.says_so said so"
    until(lambda: health(cluster).health == "warning", "health to tell of it")
    assert [one.rule for one in health(cluster).findings] == ["overload"]
    until(lambda: node(cluster).effective_units == 20, "all of its capacity to be back")
    until(lambda: node(cluster).overload is None, "nothing to be shown any more")
    until(lambda: health(cluster).health == "ok", "health to be ok")


def test_tm_65_a_blocked_event_loop_is_a_warning_that_names_the_executor(cluster: Cluster) -> None:
    start(cluster, "over.blocks", "blocks", seconds=2.0)
    log = cluster["n1"].log

    def warned() -> bool:
        lines = log.read_text().splitlines()
        return any("event loop of a worker" in line and '"warning"' in line for line in lines)

    until(warned, "the warning")
    told = next(line for line in log.read_text().splitlines() if "event loop of a worker" in line)
    assert "over.blocks" in told
    assert node(cluster).effective_units == 20  # two seconds are no overload
