"""What a leader makes of the words of a run that was stopped, moved or superseded: PT-A35 to PT-A38.

The same four on real processes: `tests/end_to_end/test_running.py`.
"""

from __future__ import annotations

import pytest

from coordinator.machine.commands import CancelTask
from coordinator.model.ids import TaskId
from coordinator.model.tasks import RunOutcome, Status
from coordinator.replica.inputs import Move, NodeSaid
from coordinator.replica.sayings import NodeSaying, Report
from tests.unit.replica.kit import node, until, wish
from tests.unit.replica.life import holder, write
from tests.unit.replica.world import FakeNode, World

GOOD, FAILED = RunOutcome.SUCCEEDED, RunOutcome.FAILED
STALE = (False, "stale_allocation")


def running(world: World, *nodes: FakeNode) -> tuple[FakeNode, int]:
    """Task `t` runs and has written once: the node that has it, and the run's number."""
    world.create("before")  # takes a number, so that one below the run's is no nonsense
    world.outcomes(world.submit(wish("t")))
    one = holder(world, "t", *nodes)
    one.report("t", "started")
    write(one, "t", b'{"n":1}')
    one.answered.clear()
    return one, one.wanted["t"].allocation_id


def answers(one: FakeNode) -> list[tuple[bool, str]]:
    return [(answer.accepted, answer.reason) for answer in one.answered]


def late_state(one: FakeNode, allocation: int, seq: int) -> None:
    one.number += 1
    report = Report(
        one.number, TaskId("t"), allocation, "state", 0, state=b'{"late":1}', state_seq=seq
    )
    one.say(NodeSaid(one.session, NodeSaying(reports=(report,))))


@pytest.mark.parametrize("says", [GOOD, FAILED, RunOutcome.WARNING])
def test_pt_a35_a_cancelled_run_is_told_why_and_changes_nothing_by_what_it_says(
    says: RunOutcome,
) -> None:
    world = World(1)
    one, run = running(world, node(world, "n1"))
    world.outcomes(world.submit(CancelTask(TaskId("t"))))
    one.listen()
    wanted = one.wanted["t"]
    assert (wanted.allocation_id, wanted.stop_reason) == (run, "cancel")
    one.report("t", "ended", allocation=run, outcome=says)
    ended = world.task("t")
    assert (ended.status, ended.last_outcome.outcome) == (Status.CANCELLED, RunOutcome.CANCELLED)
    one.answered.clear()
    late_state(one, run, 2)
    one.report("t", "ended", allocation=run, outcome=GOOD)
    assert not one.answered[0].accepted
    assert world.task("t") == ended
    one.listen()
    assert "t" not in one.wanted


def test_pt_a36_after_a_move_one_run_remains_and_the_old_one_has_no_say() -> None:
    world = World(1)
    nodes = [node(world, "n1"), node(world, "n2")]
    old, run = running(world, *nodes)
    new = nodes[1] if old is nodes[0] else nodes[0]
    world.outcomes(world.submit(Move(TaskId("t"))))
    old.listen()
    new.listen()
    assert (old.wanted["t"].stop_reason, "t" in new.wanted) == ("move", False)
    old.report("t", "ended", allocation=run, outcome=RunOutcome.ABORTED)
    until(world, lambda: world.task("t").assignment.node == new.name)
    old.listen()
    new.listen()
    assert [one.name for one in nodes if "t" in one.wanted] == [new.name]
    assert new.wanted["t"].allocation_id > run
    assert (new.wanted["t"].state, world.task("t").attempts) == (b'{"n":1}', 0)
    new.report("t", "started")
    before = world.task("t")
    old.answered.clear()
    old.report("t", "ended", allocation=run, outcome=GOOD)
    assert answers(old) == [STALE]
    assert world.task("t") == before
    assert before.status is Status.RUNNING


@pytest.mark.parametrize("says", [GOOD, FAILED, RunOutcome.ABORTED])
@pytest.mark.parametrize("other", [-1, 1])
def test_pt_a37_a_stale_outcome_is_refused_and_the_run_goes_on(
    says: RunOutcome, other: int
) -> None:
    world = World(1)
    one, run = running(world, node(world, "n1"))
    before = world.task("t")
    one.report("t", "ended", allocation=run + other, outcome=says)
    assert answers(one) == [STALE]
    assert world.task("t") == before
    one.listen()
    assert (one.wanted["t"].allocation_id, one.wanted["t"].stop_reason) == (run, None)
    one.report("t", "ended", allocation=run, outcome=GOOD)
    assert world.task("t").status is Status.SUCCEEDED


@pytest.mark.parametrize("other", [-1, 1])
def test_pt_a38_a_stale_state_write_is_refused_and_the_stored_state_stays(other: int) -> None:
    world = World(1)
    one, run = running(world, node(world, "n1"))
    before = world.task("t")
    late_state(one, run + other, 7)
    assert answers(one) == [STALE]
    assert world.task("t") == before
    assert (before.state, before.state_seq, before.state_is_current) == (b'{"n":1}', 1, True)
    write(one, "t", b'{"n":2}', 2)
    assert world.task("t").state == b'{"n":2}'
