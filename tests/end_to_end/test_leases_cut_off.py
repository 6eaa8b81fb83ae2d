"""Links that are cut: whoever may be replaced is dead before its successor can start (G6, L1 to L9).

Stamps are of CLOCK_BOOTTIME, as the lease itself. A link is held before the time is noted, so whatever was accepted was
sent before that time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.processes import is_alive, until
from tests.end_to_end.proxy import CutUpCluster
from tests.end_to_end.runs import (
    PLUGIN,
    Line,
    assert_no_overlap,
    boot_time_s,
    get,
    lines_of,
    running_on,
    start,
    tokens_of,
)

LEASE_S, REASSIGN_S = 3.0, 4.0
SETTINGS = {"nodes.heartbeat": "250ms", "nodes.lease": "3s", "nodes.reassign_after": "4s"}
BEAT_S = 0.7  # what lies between two accepted heartbeats, on a busy machine
EXCLUSIVE = ("x.writer", "x.alone", "x.deaf", "x.gil")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CutUpCluster]:
    root = tmp_path_factory.mktemp("cut")
    with CutUpCluster(root, nodes=2, executors=[PLUGIN], settings=SETTINGS) as made:
        yield made


@pytest.fixture
def cluster(shared: CutUpCluster) -> Iterator[CutUpCluster]:
    """All there and all connected, before each test."""
    shared.start()
    shared.wait_ready(60)
    yield shared
    print(shared.last_lines(25))
    shared.heal()


class Case:
    """Exclusive runs of every kind on n1, then a second node that may take them over."""

    def __init__(
        self, cluster: CutUpCluster, name: str, executors: tuple[str, ...] = EXCLUSIVE
    ) -> None:
        self.cluster = cluster
        self.path = cluster.root / f"{name}.lines"
        self.ids = [f"{name}-{executor}" for executor in executors]
        cluster.kill("n2")
        for executor, task_id in zip(executors, self.ids, strict=True):
            start(cluster, executor, task_id, path=str(self.path))
        for task_id in self.ids:
            running_on(cluster, self.path, task_id)
        cluster.start("n2")
        cluster.wait_ready()
        now = {t: running_on(cluster, self.path, t) for t in self.ids}
        assert {task.assignment.node for task, _ in now.values()} == {"n1"}
        self.old: dict[str, Line] = {t: line for t, (_, line) in now.items()}

    def end(self) -> None:
        """Nothing of it is left that could be in another test's way."""
        for task_id in self.ids:
            self.cluster.call(lambda client, t=task_id: client.cancel(t), timeout_s=30)  # type: ignore[misc]

    def assert_dead_at_lease_end(self, cut_at: float) -> None:
        """No process that may have been killed lives, no line was written, L after the cut."""
        until(lambda: boot_time_s() > cut_at + LEASE_S, "the end of the lease")
        killed = {t: line.pid for t, line in self.old.items() if not t.endswith("x.writer")}
        assert [t for t, pid in killed.items() if is_alive(pid)] == []
        for task_id, old in self.old.items():
            last = max(
                line.at_s for line in lines_of(self.path, task_id) if line.token == old.token
            )
            assert last < cut_at + LEASE_S

    def assert_taken_over(self, cut_at: float, node: str = "n2") -> None:
        """Not before R, with larger allocation ids, and never two at once."""
        for task_id in self.ids:
            task, _ = running_on(self.cluster, self.path, task_id, beyond=self.old[task_id].token)
            assert task.assignment.node == node
            new = [li for li in lines_of(self.path, task_id) if li.token > self.old[task_id].token]
            assert new[0].at_s >= cut_at + REASSIGN_S - BEAT_S
        assert_no_overlap(self.path)

    def assert_nothing_old_is_accepted(self) -> None:
        """What n1 reports after its return changes nothing."""
        tokens = {t: get(self.cluster, t).allocation_id for t in self.ids}
        self.cluster.heal()
        self.cluster.wait_ready()
        for task_id in self.ids:
            old = self.old[task_id].token
            page = self.cluster.call(lambda client, t=task_id: client.runs(t))  # type: ignore[misc]
            assert {r.allocation_id: r.outcome for r in page.runs}[old] == "lost"
            assert get(self.cluster, task_id).allocation_id == tokens[task_id]
        assert_no_overlap(self.path)
        self.end()


def test_l5_a_leader_cut_off_from_the_others_but_not_from_its_node_leaves_no_run_alive(
    cluster: CutUpCluster,
) -> None:
    case = Case(cluster, "l5")
    old = cluster.leader()
    others = [name for name in cluster.coordinators if name != old]
    cluster.hold([old, "n1"], others)
    cut_at = boot_time_s()
    case.assert_dead_at_lease_end(cut_at)
    case.assert_taken_over(cut_at)
    assert cluster.leader() in others
    case.assert_nothing_old_is_accepted()


@pytest.mark.parametrize("direction", ["both", "there", "back"])
def test_s22_s32_runs_of_a_node_that_is_cut_off_are_dead_at_the_end_of_its_lease(
    cluster: CutUpCluster, direction: str
) -> None:
    case = Case(cluster, f"s22-{direction}")
    for link in case.cluster.between(["n1"], case.cluster.coordinators):
        link.hold(there=direction != "back", back=direction != "there")
    cut_at = boot_time_s()
    case.assert_dead_at_lease_end(cut_at)
    case.assert_taken_over(cut_at)
    case.assert_nothing_old_is_accepted()


def test_pt_69_a_run_that_tolerates_overlap_goes_on_and_is_stopped_on_return(
    cluster: CutUpCluster,
) -> None:
    case = Case(cluster, "pt-69", ("x.tolerant",))
    (task_id,) = case.ids
    old = case.old[task_id]
    case.cluster.hold(["n1"], case.cluster.coordinators)
    running_on(case.cluster, case.path, task_id, beyond=old.token)
    count = tokens_now(case.path, old.token)
    until(lambda: tokens_now(case.path, old.token) > count, "the old run goes on")
    case.cluster.heal()
    until(lambda: is_still(case.path, old.token), "the old run is stopped")
    task, _ = running_on(case.cluster, case.path, task_id, beyond=old.token)
    assert task.assignment.node == "n2"
    assert get(case.cluster, task_id).allocation_id == max(tokens_of(case.path, task_id))
    case.end()


def test_x12_a_cancel_on_a_node_that_is_cut_off_is_acknowledged_and_stays(
    cluster: CutUpCluster,
) -> None:
    case = Case(cluster, "x12", ("x.writer",))
    (task_id,) = case.ids
    cluster.hold(["n1"], cluster.coordinators)
    cut_at = boot_time_s()
    changed = cluster.call(lambda client: client.cancel(task_id), timeout_s=30)
    assert changed.task is not None
    assert (changed.task.status, changed.task.stop_reason) == ("stopping", "cancel")
    until(lambda: get(cluster, task_id).is_finished, "its end")
    ended = get(cluster, task_id)
    assert ended.status == "cancelled"
    case.assert_dead_at_lease_end(cut_at)
    cluster.heal()
    cluster.wait_ready()
    until(lambda: is_still(case.path, case.old[task_id].token), "the node to have it stopped")
    assert get(cluster, task_id) == ended
    assert tokens_of(case.path) == [case.old[task_id].token]
    newest = cluster.call(lambda client: client.runs(task_id)).runs[0]
    assert (newest.allocation_id, newest.outcome) == (case.old[task_id].token, "cancelled")


def tokens_now(path: Path, token: int) -> int:
    return sum(line.token == token for line in lines_of(path))


def is_still(path: Path, token: int) -> bool:
    """Nothing of this run for a second."""
    last = max(line.at_s for line in lines_of(path) if line.token == token)
    return boot_time_s() - last > 1


def test_s02_a_leader_in_the_minority_acknowledges_nothing(cluster: CutUpCluster) -> None:
    old = cluster.leader()
    others = [name for name in cluster.coordinators if name != old]
    cluster.hold([old], others)
    until(lambda: [n for n in cluster.leaders() if n in others], "a leader of the others")
    until(lambda: old not in cluster.leaders(), "the old one to step down")
    start(cluster, "demo.noop", "written-elsewhere")
    cluster.heal()
    cluster.wait_member(old)
    until(
        lambda: (
            cluster.status_of(old).member.applied
            >= get(cluster, "written-elsewhere").modified_revision
        ),
        "the old one has it, too",
    )


def test_s13_slow_links_between_coordinators_lose_nobody(cluster: CutUpCluster) -> None:
    leader, (slow, _) = cluster.leader(), cluster.followers()
    for link in cluster.between([leader], [slow]):
        link.delay(0.15)
    for number in range(5):
        start(cluster, "demo.noop", f"t{number}")
    assert cluster.leader() == leader
