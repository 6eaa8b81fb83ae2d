"""A real node that has to end runs which take no notice, and what it passes on of those that talk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_process import NodeProcess, is_alive


@pytest.fixture
async def leader() -> AsyncIterator[FakeLeader]:
    async with FakeLeader() as fake:
        yield fake


@pytest.fixture
def node(leader: FakeLeader, tmp_path: Path) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path / "n1", leader.address) as started:
        yield started


async def test_a_run_that_ignores_its_stop_is_killed_alone(
    leader: FakeLeader, node: NodeProcess
) -> None:
    leader.want(
        run_of("t1", 7, "n.stubborn", isolation="process", cancel_grace_ms=200),
        run_of("t2", 8, "demo.sleep", params=b'{"seconds": 3600}'),
    )
    await leader.started(7)
    await leader.started(8)
    leader.stop_run("t1", "cancel")
    end = (await leader.ended(7)).ended
    assert (end.outcome, end.reason) == ("cancelled", "killed")
    leader.stop_run("t2", "cancel")
    assert (await leader.ended(8)).ended.reason != "killed"


async def test_in_a_shared_worker_the_neighbour_may_end_first(
    leader: FakeLeader, node: NodeProcess
) -> None:
    leader.want(
        run_of("t1", 7, "n.stubborn", cancel_grace_ms=200),
        run_of("t2", 8, "demo.sleep", params=b'{"seconds": 1}'),
    )
    await leader.started(7)
    leader.stop_run("t1", "move")
    leader.want(run_of("t3", 9))
    end = (await leader.ended(7)).ended
    assert (end.outcome, end.reason) == ("aborted", "killed")
    assert (await leader.ended(8)).ended.outcome == "succeeded"
    assert (await leader.ended(9)).ended.outcome == "succeeded"


async def test_the_time_limit_of_a_run_that_holds_the_gil(
    leader: FakeLeader, node: NodeProcess, tmp_path: Path
) -> None:
    place = tmp_path / "pid"
    leader.want(
        run_of(
            *("t1", 7, "n.holds_gil"),
            params=json.dumps({"path": str(place)}).encode(),
            timeout_ms=300,
            cancel_grace_ms=200,
        )
    )
    end = (await leader.ended(7)).ended
    said = [(report.kind, report.stop_reason) for report in leader.reports]
    assert said[-2:] == [("stopping", "timeout"), ("ended", "")]
    assert (end.outcome, end.reason) == ("timed_out", "killed")
    assert 450 <= end.lasted_ms < 3_000
    assert not is_alive(int(place.read_text()))


async def test_run_b_waits_for_the_end_of_run_a(leader: FakeLeader, node: NodeProcess) -> None:
    leader.want(run_of("t1", 7, "n.stubborn", cancel_grace_ms=500))
    await leader.started(7)
    leader.want(run_of("t1", 8))
    await leader.ended(8)
    order = [report.allocation_id for report in leader.reports if report.kind == "ended"]
    assert order == [7, 8]


async def test_pt_55_a_thread_that_outlives_its_stopped_run_is_killed_before_the_next_begins(
    leader: FakeLeader, node: NodeProcess, tmp_path: Path
) -> None:
    place = tmp_path / "pids"
    params = json.dumps({"path": str(place)}).encode()
    leader.want(run_of("t1", 7, "n.waits_for_a_thread", params=params, cancel_grace_ms=300))
    await leader.started(7)
    await leader.until(place.exists, "the thread at work")
    leader.stop_run("t1", "move")
    leader.want(run_of("t1", 8))
    end = (await leader.ended(7)).ended
    assert (end.outcome, end.reason) == ("aborted", "killed")
    assert not is_alive(int(place.read_text().split()[0]))
    assert (await leader.ended(8)).ended.outcome == "succeeded"


async def test_lines_and_progress_go_live_and_lines_travel_with_the_end(
    leader: FakeLeader, node: NodeProcess
) -> None:
    leader.want(run_of("t1", 7, "n.talks"))
    report = await leader.ended(7)
    kept = [json.loads(line) for line in report.ended.logs.splitlines()]
    assert [line["event"] for line in kept] == ["one", "two"]
    assert kept[0]["fields"] == {"n": 1}
    await leader.until(lambda: any(frame.progress for frame in leader.live), "progress")
    progress = [each for frame in leader.live for each in frame.progress][-1]
    assert (progress.task_id, progress.done, progress.total) == ("t1", 2.0, 2.0)
    lines = [line.event for frame in leader.live for line in frame.logs]
    assert lines == ["one", "two"]


async def test_lines_of_a_lost_run_are_kept(leader: FakeLeader, node: NodeProcess) -> None:
    leader.want(run_of("t1", 7, "n.talks", params=b'{"path": "stay"}'))
    await leader.until(
        lambda: [line for frame in leader.live for line in frame.logs][1:], "both lines"
    )
    for worker in node.workers:
        node.kill(worker)
    report = await leader.ended(7)
    assert report.ended.outcome == "lost"
    assert [json.loads(line)["event"] for line in report.ended.logs.splitlines()] == ["one", "two"]
