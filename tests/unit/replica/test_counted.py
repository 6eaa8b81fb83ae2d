"""What the pure rooms count for whoever shows metrics: numbers that only grow, and decide nothing."""

from __future__ import annotations

import pytest

from coordinator.consensus.messages import Entry, EntryKind
from coordinator.duties.rebalance import Rebalancer
from coordinator.duties.recheck import Rechecker
from coordinator.model.ids import TaskId
from coordinator.model.tasks import RunOutcome
from coordinator.replica.inputs import NodeSaid
from coordinator.replica.sayings import NodeSaying, Report
from coordinator.replica.stable_log import StableLog
from tests.unit.assignment.kit import node as a_node
from tests.unit.assignment.kit import task as a_task
from tests.unit.duties.kit import Term
from tests.unit.replica.growing import DIGEST_EVERY, GrowingWorld
from tests.unit.replica.kit import node, wish
from tests.unit.replica.life import holder, write
from tests.unit.replica.test_digests import Alone
from tests.unit.replica.test_digests import write as write_tasks
from tests.unit.replica.world import FakeNode, World


def stale(world: World) -> dict[str, int]:
    return world.leader().replica.stale_reports


def test_reports_of_runs_that_are_not_the_current_one_by_kind() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("before")  # takes a number, so that one below the run's is no nonsense
    world.outcomes(world.submit(wish("t")))
    holder(world, "t", one)
    one.report("t", "started")
    write(one, "t", b"{}")
    run = one.wanted["t"].allocation_id
    assert stale(world) == {"start": 0, "state": 0, "outcome": 0}
    one.report("t", "started", allocation=run - 1)
    one.report("t", "ended", allocation=run - 1, outcome=RunOutcome.SUCCEEDED)
    one.report("t", "ended", allocation=run + 1, outcome=RunOutcome.LOST)
    say(one, Report(0, TaskId("t"), run - 1, "state", 0, state=b"{}", state_seq=9))
    say(one, Report(0, TaskId("t"), run - 1, "stopping", 0, stop_reason="timeout"))
    assert stale(world) == {"start": 1, "state": 1, "outcome": 2}  # asking to stop is no such kind


def say(one: FakeNode, report: Report) -> None:
    one.number += 1
    fields = {name: getattr(report, name) for name in report.__struct_fields__}
    numbered = Report(**{**fields, "number": one.number})
    one.say(NodeSaid(one.session, NodeSaying(reports=(numbered,))))


def test_members_that_agree_differ_never() -> None:
    world = GrowingWorld(3)
    write_tasks(world, 4 * DIGEST_EVERY)
    world.run(200)
    assert [m.replica.digests_differing for m in world.members.values()] == [0, 0, 0]


@pytest.mark.parametrize("before_it_was_agreed", [True, False])
def test_a_member_that_differs_is_counted_by_its_leader(*, before_it_was_agreed: bool) -> None:
    alone = Alone()
    own = alone.apply(4)
    index = alone.state.revision
    if before_it_was_agreed:
        alone.hear("another", alone.others[0])
        alone.book.agreed(index, own)
    else:
        alone.book.agreed(index, own)
        alone.hear("another", alone.others[0])
    alone.hear(own, alone.others[1])
    assert alone.book.differing == 1


def test_a_member_counts_that_it_differs_itself() -> None:
    alone = Alone()
    alone.apply(4)
    alone.book.agreed(alone.state.revision, "another")
    assert alone.book.differing == 1


def test_passes_over_what_has_no_node() -> None:
    term = Term(a_node("a"), tasks=(a_task("t1"),))
    rechecker = Rechecker()
    assert (rechecker.passes, rechecker.is_passing) == (0, False)
    rechecker.run(term.view, term.at(0))
    assert (rechecker.passes, rechecker.is_passing) == (1, False)
    rechecker.answered(1)
    rechecker.run(term.view, term.at(1))  # nothing asks for another
    assert rechecker.passes == 1


def test_a_pass_in_slices_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from coordinator.duties import recheck

    monkeypatch.setattr(recheck, "SLICE", 1)
    term = Term(a_node("a"), tasks=(a_task("t1"), a_task("t2")))
    rechecker = Rechecker()
    rechecker.run(term.view, term.at(0))
    assert (rechecker.passes, rechecker.is_passing) == (0, True)


def test_a_rebalancer_that_moved_nothing_knows_of_no_move() -> None:
    assert not Rebalancer(0).is_moving(TaskId("t"))


def test_bytes_of_the_log() -> None:
    log = StableLog()
    log.append([Entry(1, 1, EntryKind.NORMAL, b"abc"), Entry(1, 2, EntryKind.NORMAL, b"de")])
    assert log.payload_bytes() == 5
    log.compact(1)
    assert log.payload_bytes() == 2


def test_what_a_scrape_reads_of_a_replica() -> None:
    world = World(1)
    node(world, "n1")
    replica = world.leader().replica
    assert replica.log_bytes > 0
    assert not replica.lacks_space
