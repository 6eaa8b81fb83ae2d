"""What a node answers to /readyz: stream up, lease valid, workers up (EX-72)."""

from __future__ import annotations

from node.agent_health import missing_of
from node.core import NodeCore
from node.core_desk import CoreConfig
from node.inputs import WorkerDied, WorkerReady
from tests.unit.node.core_kit import EXECUTORS, CoreKit, L


def missing(kit: CoreKit, *, has_session: bool = True) -> str:
    return missing_of(kit.core, has_session=has_session, now=kit.now)


def test_ready_is_a_session_a_lease_and_workers() -> None:
    kit = CoreKit()
    assert missing(kit, has_session=False) == "no session with a leader"
    kit.open_session(accept=False)
    assert missing(kit) == "no valid lease"
    kit.accept()
    assert missing(kit) == ""
    kit.after(L - 1)
    assert missing(kit) == ""
    kit.after(1)
    assert missing(kit) == "no valid lease"


def test_before_any_worker_told_what_is_offered_the_node_is_not_ready() -> None:
    core = NodeCore(CoreConfig("1-aa"))
    core.open(0)
    assert not core.fleet.is_up
    core.handle(WorkerReady(1, EXECUTORS), 1)
    assert core.fleet.is_up


def test_workers_that_die_at_their_start_make_it_not_ready_until_one_comes_up() -> None:
    kit = CoreKit(spare_workers=1)
    kit.open_session()
    kit.give(WorkerDied(1, "exit code 1"))  # had been up: the next one is expected to come up, too
    assert missing(kit) == ""
    kit.give(WorkerDied(2, "exit code 1"))
    assert missing(kit) == "no worker starts"
    kit.after(L // 2)
    kit.give(WorkerReady(max(kit.core.fleet.workers), EXECUTORS))
    assert missing(kit) == ""
