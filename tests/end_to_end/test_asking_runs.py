"""Declared tasks, calls to runs, pokes and held restarts, on real processes (PT-52, PT-72, PT-84, PT-85)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coordinator.client import ChangeOptions, Condition, NewTask, Task
from coordinator.client.errors import Conflict, NotFound
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until

Make = Callable[..., Cluster]
PLUGIN = str(Path(__file__).parents[1] / "ports" / "called_plugin.py")
WAIT_S = 60.0
COUNTER = "the-counter"


def told(cluster: Cluster, task_id: str, *conditions: Condition) -> Task:
    """The record once a condition holds (none given: once it has ended)."""
    waited = cluster.call(lambda client: client.wait(task_id, conditions, timeout_s=WAIT_S))
    assert waited.task is not None
    return waited.task


def running(cluster: Cluster, task_id: str) -> Task:
    return told(cluster, task_id, Condition(kind="status", status="running"))


def is_there(cluster: Cluster, task_id: str) -> bool:
    try:
        cluster.call(lambda client: client.get(task_id))
    except NotFound:
        return False
    return True


def ask(cluster: Cluster, method: str, payload: Any = None, task_id: str = COUNTER) -> Any:
    """What the run answers, however long it takes until there is one."""
    return cluster.call(lambda c: c.call(task_id, method, payload, timeout_s=WAIT_S))


def switch(cluster: Cluster, value: str) -> None:
    cluster.call(lambda c: c.cluster.set_settings({"plugins.counter": value}, ChangeOptions()))


def test_pt_84_a_declared_task_answers_pokes_and_survives_its_node(
    make_cluster: Make, tmp_path: Path
) -> None:
    never = {"assignment.recheck_interval": "1h"}  # so that it is the poke and nothing else
    cluster = make_cluster(coordinators=3, nodes=2, executors=[PLUGIN], settings=never)
    cluster.start()
    cluster.wait_ready()
    assert not is_there(cluster, COUNTER)
    switch(cluster, "on")
    until(lambda: is_there(cluster, COUNTER), "the declared task")
    first = running(cluster, COUNTER)
    assert (first.declared, first.params) == (True, {"file": "x"})

    answer = ask(cluster, "ask", {"n": 1})
    assert answer.payload == {"asked": 1, "got": {"n": 1}, "headers": {}}
    assert (answer.node, answer.allocation_id) == (first.assignment.node, first.allocation_id)
    assert ask(cluster, "save").payload == first.allocation_id

    file = tmp_path / "input"
    waits = NewTask(executor="c.waits", id="w", params={"file": str(file)})
    cluster.call(lambda c: c.create(waits))
    told(
        cluster, "w", Condition(kind="path", path="assignment.code", op="=", value="awaiting_input")
    )
    file.touch()
    assert ask(cluster, "poke", "c.waits").payload == "poked"
    assert told(cluster, "w").status == "succeeded"

    cluster.kill(str(first.assignment.node))
    moved = ask(cluster, "ask")  # repeated until it runs again
    assert (moved.payload["asked"], moved.node != first.assignment.node) == (2, True)
    assert moved.allocation_id > first.allocation_id

    with pytest.raises(Conflict) as kept:
        cluster.call(lambda c: c.cancel(COUNTER, purge=True))
    assert kept.value.reason == "declared"
    switch(cluster, "off")
    until(lambda: not is_there(cluster, COUNTER), "its end")


def test_pt_72_a_held_task_waits_for_its_node_and_runs_there_again(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1, nodes=1, executors=[PLUGIN])
    cluster.start("c1", "n1")
    cluster.wait_ready()
    for executor in ("c.counter", "c.threaded"):
        cluster.call(lambda c, e=executor: c.create(NewTask(executor=e, id=e)))
        running(cluster, executor)
    cluster.add_node("n2")
    cluster.start("n2")
    cluster.wait_ready()
    why = ChangeOptions(reason="new kernel")
    held = cluster.call(lambda c: c.cluster.drain("n1", why, hold_ms=3_600_000))
    assert held.node is not None
    assert held.node.drain is not None
    assert (held.node.drain.state, held.node.drain.hold) == ("complete", "1h")
    assert cluster.stop("n1") == [0]
    for task_id in ("c.counter", "c.threaded"):
        waiting = told(
            cluster,
            task_id,
            Condition(kind="path", path="assignment.code", op="=", value="held_for_node"),
        )
        assert (waiting.status, waiting.assignment.explanation) == ("waiting", "n1")
    cluster.start("n1")
    for task_id in ("c.counter", "c.threaded"):
        again = running(cluster, task_id)
        assert (again.assignment.node, again.attempts) == ("n1", 0)
    runs = cluster.call(lambda c: c.runs("c.counter"))
    assert {run.node for run in runs.runs} == {"n1"}
