"""The life of single tasks on real processes: ends, failures, runs given back, nodes that come and go (PT-A34 to A51).

One coordinator and one node for all of them. The lease is long: a coordinator that is started again is back in time.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.client import NewTask, NotFound, Task
from coordinator.client.cluster_views import Node
from coordinator.client.views import Run
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import is_alive, until
from tests.end_to_end.runs import PLUGIN, get, lines_of, running_on, start, tokens_of

SCENARIOS = str(Path(__file__).parent / "executors_for_scenarios.py")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    lease = {"nodes.lease": "30s", "nodes.reassign_after": "40s"}
    root = tmp_path_factory.mktemp("life")
    made = Cluster(root, coordinators=1, nodes=1, executors=[PLUGIN, SCENARIOS], settings=lease)
    with made:
        made.wait_ready()
        yield made


def ended(cluster: Cluster, executor: str, task_id: str, **spec: Any) -> Task:
    """The record of a task that was created and has ended."""
    new = NewTask(executor=executor, id=task_id, **spec)
    cluster.call(lambda client: client.create(new), timeout_s=30)
    done = cluster.call(lambda client: client.wait(task_id, timeout_s=30), timeout_s=40).task
    assert done is not None
    return done


def runs_of(cluster: Cluster, task_id: str) -> list[Run]:
    """The newest first."""
    return list(cluster.call(lambda client: client.runs(task_id)).runs)


def node_n1(cluster: Cluster) -> Node:
    return cluster.call(lambda client: client.cluster.nodes("n1")).nodes[0]


def test_pt_a34_a_failure_reaches_the_record_and_the_policy_decides(cluster: Cluster) -> None:
    backoff = {"kind": "fixed", "first_ms": 1_000}
    task = ended(cluster, "life.raises", "raises", max_attempts=2, backoff=backoff)
    assert (task.status, task.attempts) == ("failed", 2)
    assert task.last_outcome is not None
    assert task.last_outcome.outcome == "failed"
    runs = runs_of(cluster, "raises")
    assert [(run.outcome, run.attempt, run.status) for run in runs] == [
        ("failed", 2, "ended"),
        ("failed", 1, "ended"),
    ]
    for run in runs:
        assert (run.error["type"], run.error["message"]) == ("LookupError", "no such bucket")
    assert get(cluster, "raises").status == "failed"


def test_pt_a44_params_that_the_executor_cannot_read_fail_the_run_and_leave_nothing(
    cluster: Cluster,
) -> None:
    assert ended(cluster, "life.even", "even", params={"n": 4}).status == "succeeded"
    task = ended(cluster, "life.even", "odd", params={"n": 3}, max_attempts=1)
    assert task.status == "failed"
    (run,) = runs_of(cluster, "odd")
    assert (run.outcome, run.reason) == ("failed", "start_failed")
    assert "odd numbers bring bad luck" in run.error["message"]
    node = node_n1(cluster)
    assert (node.runs, node.used_units, node.running) == (0, 0, [])


def test_pt_a45_code_that_returns_without_a_word_has_succeeded(cluster: Cluster) -> None:
    task = ended(cluster, "life.quiet", "quiet")
    assert (task.status, task.attempts) == ("succeeded", 0)
    (run,) = runs_of(cluster, "quiet")
    assert (run.outcome, run.result, run.reported) == ("succeeded", None, None)


def test_pt_16_a_success_after_a_cancel_is_kept_as_what_the_code_reported(
    cluster: Cluster,
) -> None:
    path = cluster.root / "waits"
    start(cluster, "x.waits", "waits", path=str(path))
    task, line = running_on(cluster, path, "waits")
    cluster.call(lambda client: client.cancel("waits"))
    Path(f"{path}.{line.token}").touch()
    until(lambda: get(cluster, "waits").is_finished, "its end")
    assert get(cluster, "waits").status == "cancelled"
    (run,) = runs_of(cluster, "waits")
    assert (run.outcome, run.reported, run.allocation_id) == (
        "cancelled",
        "succeeded",
        task.allocation_id,
    )


def test_pt_a40_and_a41_a_run_that_was_given_back_says_no_more_and_starts_again(
    cluster: Cluster,
) -> None:
    path = cluster.root / "given"
    start(cluster, "life.gives_back", "given", path=str(path))
    until(lambda: get(cluster, "given").status == "unassigned", "it to be given back")
    task = get(cluster, "given")
    assert (task.assignment.code, task.assignment.explanation) == (
        "aborted_here",
        "no licence here",
    )
    assert (task.state, task.attempts) == ({"n": 1}, 0)
    again, _ = running_on(cluster, path, "given")
    assert (again.assignment.code, again.assignment.explanation) == ("assigned", "")
    assert (again.state, again.state_is_current, again.attempts) == ({"n": 1}, False, 0)
    said = Path(f"{path}.said").read_text().splitlines()
    assert said[0].startswith("LocalAbort")
    assert [line.split(" was called")[0] for line in said[1:]] == [
        "RunEnded: update_state",
        "RunEnded: checkpoint",
        "RunEnded: start_child",
        "RunEnded: abort_locally",
    ]
    first = runs_of(cluster, "given")[-1]
    assert (first.outcome, first.reason, first.result) == ("aborted", "no licence here", None)
    cluster.call(lambda client: client.cancel("given"))
    until(lambda: get(cluster, "given").is_finished, "its end")


def test_pt_a50_a_single_coordinator_that_restarts_stops_nothing(cluster: Cluster) -> None:
    path = cluster.root / "goes_on"
    start(cluster, "x.writer", "goes_on", path=str(path))
    before, line = running_on(cluster, path, "goes_on")
    cluster.kill("c1")
    cluster.start("c1")
    cluster.wait_ready()
    until(lambda: node_n1(cluster).connected, "its session")
    count = len(lines_of(path))
    until(lambda: len(lines_of(path)) > count + 20, "it to go on")
    after = get(cluster, "goes_on")
    assert (after.status, after.allocation_id) == ("running", before.allocation_id)
    assert tokens_of(path) == [line.token]
    assert {one.pid for one in lines_of(path)} == {line.pid}
    cluster.call(lambda client: client.cancel("goes_on"))


def test_pt_a51_a_task_waits_for_a_node_that_fits_and_outlives_it(cluster: Cluster) -> None:
    path = cluster.root / "picky"
    start(cluster, "life.picky", "picky", path=str(path))
    task = get(cluster, "picky")
    assert (task.status, task.assignment.code) == ("unassigned", "executor_refused")
    assert task.assignment.explanation == "needs disk=ssd"
    fits = cluster.add_node("n2", "--attr", "disk=ssd")
    fits.start()
    cluster.wait_ready()
    task, line = running_on(cluster, path, "picky")
    assert task.assignment.node == "n2"
    fits.signal(signal.SIGTERM)
    until(lambda: node_of(cluster, "n2").drain is not None, "n2 to leave")
    fits.signal(signal.SIGTERM)  # nobody else would have it: there is nothing to wait for
    assert fits.wait() == 0
    assert not is_alive(line.pid)
    until(lambda: get(cluster, "picky").status == "unassigned", "it to have no node")
    assert tokens_of(path) == [line.token]
    cluster.call(lambda client: client.cancel("picky", purge=True))
    with pytest.raises(NotFound):
        get(cluster, "picky")


def node_of(cluster: Cluster, name: str) -> Node:
    return cluster.call(lambda client: client.cluster.nodes(name)).nodes[0]
