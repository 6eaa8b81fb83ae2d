"""A real node against a fake leader: registration, runs, state, outcomes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from coordinator.wire.v1 import internal_pb2 as wire
from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_process import NodeProcess


@pytest.fixture
async def leader() -> AsyncIterator[FakeLeader]:
    async with FakeLeader() as fake:
        yield fake


@pytest.fixture
def node(leader: FakeLeader, tmp_path: Path) -> Iterator[NodeProcess]:
    with NodeProcess(
        tmp_path / "n1", leader.address, "--attr", "zone=a", "--capacity", "5"
    ) as started:
        yield started


async def test_registers_with_its_offer(leader: FakeLeader, node: NodeProcess) -> None:
    who = (await leader.registrations(1))[0]
    assert (who.name, who.counter, who.capacity) == ("n1", 1, 5)
    assert who.incarnation.startswith("1-")
    assert dict(who.attributes) == {"zone": "a"}
    assert who.old_is_dead
    assert not who.rejoin
    offered = {manifest.name: json.loads(manifest.body) for manifest in who.manifests}
    assert {"demo.noop", "n.beats"} <= set(offered)
    assert not who.load_errors


async def test_runs_a_noop(leader: FakeLeader, node: NodeProcess) -> None:
    leader.want(run_of("t1", 7))
    report = await leader.ended(7)
    assert (report.task_id, report.ended.outcome) == ("t1", "succeeded")
    assert report.started_ago_ms >= 0


async def test_state_writes_are_acknowledged_in_order(
    leader: FakeLeader, node: NodeProcess
) -> None:
    leader.want(run_of("t1", 7, "n.writes", state=b'{"n": 4}', state_is_null=False))
    report = await leader.ended(7)
    assert json.loads(report.ended.result) == 7
    written = [json.loads(r.state)["n"] for r in leader.reports if r.kind == "state"]
    assert written == [5, 6, 7]


async def test_what_is_not_offered_is_handed_back(leader: FakeLeader, node: NodeProcess) -> None:
    leader.want(run_of("t1", 7, "nobody.has_it"))
    ended = (await leader.ended(7)).ended
    assert (ended.outcome, ended.reason, ended.handed_back) == ("aborted", "no_executor", True)


async def test_a_cancelled_run_ends_cancelled(leader: FakeLeader, node: NodeProcess) -> None:
    leader.want(run_of("t1", 7, "demo.sleep", params=b'{"seconds": 3600}'))
    await leader.started(7)
    leader.stop_run("t1", "cancel")
    assert (await leader.ended(7)).ended.outcome == "cancelled"


async def test_unanswered_reports_go_to_the_next_session(
    leader: FakeLeader, node: NodeProcess
) -> None:
    leader.answers_reports = False
    leader.want(run_of("t1", 7))
    first = await leader.ended(7)
    leader.answers_reports = True
    leader.hang_up()
    await leader.registrations(2)
    again = await leader.until(lambda: leader.ends(7)[1:], "the second report")
    assert again[0].number == first.number
    assert leader.registered[1].rejoin
    assert leader.registered[1].incarnation == leader.registered[0].incarnation


async def test_a_stale_answer_ends_the_matter(leader: FakeLeader, node: NodeProcess) -> None:
    leader.answer = lambda report: wire.ReportAnswer(
        number=report.number, accepted=False, reason="stale_allocation", current_allocation_id=9
    )
    leader.want(run_of("t1", 7, "n.writes"))
    assert (await leader.ended(7)).ended.outcome in ("aborted", "failed")
    leader.hang_up()
    await leader.registrations(2)
    leader.want(run_of("t2", 8))
    await leader.ended(8)
    assert len(leader.ends(7)) == 1


async def test_a_node_that_is_told_it_is_stale_comes_back_as_the_next_incarnation(
    leader: FakeLeader, node: NodeProcess
) -> None:
    await leader.registrations(1)
    agent = node.agent
    leader.say(wire.LeaderFrame(term=leader.term, close="stale_incarnation"))
    who = (await leader.registrations(2))[1]
    assert who.counter == 2
    assert not who.rejoin
    assert node.agent != agent
