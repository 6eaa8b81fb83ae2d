"""Scenarios of nodes that need real processes and belong to no class of faults: drain (S31), what cannot run (S45)."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from coordinator.client import ChangeOptions, Client, NewTask, Task
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.executors_for_scenarios import LINES_AFTER_STOP
from tests.end_to_end.processes import until
from tests.end_to_end.runs import (
    PLUGIN,
    Line,
    assert_no_overlap,
    get,
    lines_of,
    running_on,
    start,
)

Make = Callable[..., Cluster]
SCENARIOS = str(Path(__file__).parent / "executors_for_scenarios.py")
STOPPED = {
    "quick": "x.writer",
    "alone": "x.alone",
    "deaf": "x.deaf",
    "lingers": "s31.lingers",
}


def test_s31_a_drained_node_hands_each_run_over_when_it_has_ended_and_leaves_last(
    make_cluster: Make,
) -> None:
    cluster = make_cluster(coordinators=1, nodes=2, executors=[PLUGIN, SCENARIOS])
    cluster.start("c1", "n1")
    cluster.wait_ready()
    path = cluster.root / "lines"
    for task_id, executor in STOPPED.items():
        start(cluster, executor, task_id, path=str(path))
    old = {task_id: running_on(cluster, path, task_id)[1] for task_id in STOPPED}
    cluster.start("n2")
    cluster.wait_ready()

    change = ChangeOptions(reason="a new kernel")
    cluster.call(lambda client: client.cluster.drain("n1", change))
    until(lambda: not lines_left(path, old), "every run to be asked to stop, and to end")
    new = {t: running_on(cluster, path, t, beyond=line.token) for t, line in old.items()}
    assert {task.assignment.node for task, _ in new.values()} == {"n2"}
    assert_no_overlap(path)
    written = [line for line in lines_of(path, "lingers") if line.token == old["lingers"].token]
    asked_at = min(line.at_s for t in ("quick", "alone") for line in new_lines(path, t, old[t]))
    assert sum(line.at_s > asked_at for line in written) > LINES_AFTER_STOP // 2

    cluster["n1"].signal(signal.SIGTERM)
    assert cluster["n1"].wait() == 0
    for task_id, (task, _) in new.items():
        assert get(cluster, task_id).allocation_id == task.allocation_id


def new_lines(path: Path, task_id: str, old: Line) -> list[Line]:
    return [line for line in lines_of(path, task_id) if line.token > old.token]


def lines_left(path: Path, old: dict[str, Line]) -> list[str]:
    """Tasks that nobody but the old run has written for."""
    return [task_id for task_id, line in old.items() if not new_lines(path, task_id, line)]


def test_s45_what_nobody_offers_any_more_says_so_until_somebody_does(
    make_cluster: Make,
) -> None:
    cluster = make_cluster(coordinators=1, nodes=1, executors=[PLUGIN])
    cluster.add_node("n2", "--executors", SCENARIOS)
    cluster.start()
    cluster.wait_ready()
    path = cluster.root / "lines"
    start(cluster, "s45.rare", "rare", path=str(path))
    running_on(cluster, path, "rare")
    cluster.kill("n2")
    plain = cluster.add_node("n2")
    plain.start()
    cluster.wait_ready()
    until(lambda: get(cluster, "rare").assignment.code == "no_executor", "nobody to run it")
    rare = get(cluster, "rare")
    assert rare.status == "unassigned"
    assert rare.assignment.explanation == "n1, n2"
    told = cluster.call(lambda client: client.explain("rare")).explanation
    assert [hint.text for hint in told.hints if "s45.rare" in hint.text], told
    cluster.add_node("n3", "--executors", SCENARIOS).start()
    cluster.wait_ready()
    running_on(cluster, path, "rare", beyond=rare.allocation_id)


def test_s45_user_code_that_crashes_at_once_backs_off_and_nothing_spins(
    make_cluster: Make,
) -> None:
    cluster = make_cluster(coordinators=1, nodes=1, executors=[PLUGIN, SCENARIOS])
    cluster.start()
    cluster.wait_ready()
    path = cluster.root / "lines"
    start(cluster, "x.writer", "writer", path=str(path))
    before, _ = running_on(cluster, path, "writer")
    start(cluster, "s45.crashes", "crashes")
    until(lambda: get(cluster, "crashes").status == "waiting", "it to back off")
    task = get(cluster, "crashes")
    assert task.assignment.code == "backoff"
    assert task.last_outcome is not None
    assert (task.last_outcome.outcome, task.attempts) == ("lost", 0)
    assert task.last_outcome.reason

    revision, count = get(cluster, "crashes").modified_revision, len(lines_of(path))
    commit = cluster.status_of("c1").commit
    until(lambda: len(lines_of(path)) > count + 30, "the other one to go on")
    assert get(cluster, "crashes").modified_revision == revision
    assert cluster.status_of("c1").commit <= commit + 3
    assert len(cluster.call(lambda client: client.runs("crashes")).runs) == 3
    assert get(cluster, "writer").allocation_id == before.allocation_id
    assert finished(cluster, "beside").status == "succeeded"


def finished(cluster: Cluster, task_id: str) -> Task:
    async def run(client: Client) -> Task:
        await client.create(NewTask(executor="demo.noop", id=task_id))
        ended = (await client.wait(task_id, timeout_s=30)).task
        assert ended is not None
        return ended

    return cluster.call(run, timeout_s=40)
