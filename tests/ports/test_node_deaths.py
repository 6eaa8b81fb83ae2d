"""A real node whose processes are killed: nothing outlives what it may (N5, N6)."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_kit import running
from tests.ports.node_process import NodeProcess, is_alive

LEASE_MS = 60_000  # so long that no lease runs out, however busy the machine is


@pytest.fixture
async def leader() -> AsyncIterator[FakeLeader]:
    async with FakeLeader(lease_ms=LEASE_MS) as fake:
        yield fake


@pytest.fixture
def node(leader: FakeLeader, tmp_path: Path) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path / "n1", leader.address) as started:
        yield started


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "written-by-the-run"


async def test_a_killed_worker_is_reported_at_once(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    worker = await running(leader, place, "n.beats")
    node.kill(worker)
    report = await leader.ended(7)
    assert (report.ended.outcome, report.ended.reason) == ("lost", "worker_died")
    assert report.ended.worker_died
    leader.want(run_of("t1", 8, own_process=True))
    assert (await leader.ended(8)).ended.outcome == "succeeded"
    assert len(leader.registered) == 1


async def test_a_detached_grandchild_dies_with_its_worker(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    grandchild = await running(leader, place, "n.detached")
    worker = next(pid for pid in node.workers if grandchild in _children(pid))
    node.kill(worker)
    await leader.ended(7)
    assert not is_alive(grandchild)


async def test_a_daemon_lives_as_long_as_its_worker(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    daemon = await running(leader, place, "n.daemon")
    beats = len(leader.heartbeats)
    await leader.until(lambda: len(leader.heartbeats) > beats + 5, "half a second")
    assert is_alive(daemon)
    node.kill(next(pid for pid in node.workers if daemon in _children(pid)))
    await leader.ended(7)
    assert not is_alive(daemon)


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_a_killed_agent_leaves_nothing_and_comes_back_as_the_next_incarnation(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    grandchild = await running(leader, place, "n.detached")
    old = node.everything
    assert grandchild in old
    leader.wanted.clear()
    node.kill(node.agent)
    who = (await leader.registrations(2))[1]
    assert not any(map(is_alive, old))
    assert (who.counter, who.old_is_dead, who.rejoin) == (2, True, False)
    leader.want(run_of("t2", 8))
    assert (await leader.ended(8)).ended.outcome == "succeeded"


async def test_everything_dies_with_the_supervisor(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    worker = await running(leader, place, "n.beats")
    others = node.everything
    assert worker in others
    node.kill(node.supervisor)
    node.process.wait(10)
    await leader.until(lambda: not any(map(is_alive, others)), "the end of all")


async def test_a_new_supervisor_clears_up_what_the_killed_one_left(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    grandchild = await running(leader, place, "n.detached")
    noted = node.directory / "processes"
    await leader.until(
        lambda: noted.exists() and f"\n{grandchild} " in noted.read_text(), "the grandchild's entry"
    )
    leader.wanted.clear()
    node.kill(node.supervisor)
    node.process.wait(10)
    with NodeProcess(node.directory, leader.address):
        who = (await leader.registrations(2))[1]
        assert not is_alive(grandchild)
        assert (who.counter, who.old_is_dead) == (2, True)


async def test_a_stopped_worker_is_killed_after_a_while(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    worker = await running(leader, place, "n.beats")
    leader.reassign_ms = (
        1_500  # after so long the task would have moved, had the whole node been stopped
    )
    leader.hang_up()
    await leader.registrations(2)
    os.kill(worker, signal.SIGSTOP)
    report = await leader.ended(7)
    assert report.ended.worker_died
    assert not is_alive(worker)
