"""What a node says of a time limit, and what the record shows of it (PT-15, PT-16)."""

from __future__ import annotations

from coordinator.model.tasks import RunOutcome, Status
from coordinator.replica import inputs as i
from coordinator.replica.sayings import NodeSaying, Report
from tests.unit.replica.kit import node
from tests.unit.replica.world import FakeNode, World


def stopping(one: FakeNode, allocation: int, reason: str) -> None:
    one.number += 1
    report = Report(one.number, "t1", allocation, "stopping", stop_reason=reason)
    one.say(i.NodeSaid(one.session, NodeSaying(reports=(report,))))


def test_pt_15_a_time_limit_is_shown_from_the_moment_its_node_says_so() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1", timeout_ms=60_000, max_attempts=5)
    one.listen()
    assert one.wanted["t1"].max_attempts == 5
    one.report("t1", "started")
    stopping(one, 1, "timeout")
    task = world.task("t1")
    assert (task.status, task.stop_reason, task.allocation_id) == ("stopping", "timeout", 1)
    assert task.stopping_since == world.leader().replica.state.at
    assert one.answered[-1].accepted
    one.report("t1", "ended", outcome=RunOutcome.FAILED, reason="raised")
    task = world.task("t1")
    assert (task.status, task.attempts) == (Status.WAITING, 1)
    assert task.last_outcome.outcome is RunOutcome.TIMED_OUT


def test_pt_3_of_a_run_that_is_over_it_is_stale_and_other_reasons_are_not_the_nodes() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    for reason in ("cancel", "lease", ""):
        stopping(one, 1, reason)
        assert one.answered[-1].reason == "unknown_report"
    stopping(one, 99, "timeout")
    assert one.answered[-1].reason == "stale_allocation"
    assert world.task("t1").status is Status.ASSIGNED
