"""A real node whose processes are killed and stopped (N5, N6, N7, L2)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_process import NodeProcess, is_alive

LEASE_MS = 2_000


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


def params(place: Path) -> bytes:
    return json.dumps({"path": str(place)}).encode()


async def running(leader: FakeLeader, place: Path, executor: str, **more: object) -> int:
    """A run of which the code is seen to run; gives the pid it wrote."""
    leader.want(run_of("t1", 7, executor, params=params(place), **more))
    await leader.until(lambda: text_of(place).strip(), "the run's first word")
    return int(text_of(place).split()[0])


def text_of(place: Path) -> str:
    return place.read_text() if place.exists() else ""


def accepted_at(leader: FakeLeader) -> float:
    return leader.heartbeats_at[-1]


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


async def test_a_stopped_agent_is_dead_at_the_end_of_its_lease(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    worker = await running(leader, place, "n.beats")
    agent = node.agent
    os.kill(agent, signal.SIGSTOP)
    last = accepted_at(leader)
    await leader.until(lambda: not is_alive(agent) and not is_alive(worker), "the kernel's timer")
    assert time.monotonic() - last < LEASE_MS / 1_000 + 0.5
    assert (await leader.registrations(2))[1].counter == 2


async def test_no_heartbeat_without_the_supervisor(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    await running(leader, place, "n.beats")
    os.kill(node.supervisor, signal.SIGSTOP)
    try:
        stopped_at = time.monotonic()
        assert (await leader.ended(7)).ended.reason == "lease"
        assert leader.heartbeats_at[-1] - stopped_at < 0.6
    finally:
        os.kill(node.supervisor, signal.SIGCONT)
    await leader.until(lambda: leader.heartbeats_at[-1] - stopped_at > 1, "heartbeats again")


async def test_a_run_is_cancelled_at_six_tenths_of_the_lease(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    worker = await running(leader, place, "n.beats")
    leader.answers_heartbeats = False
    report = await leader.ended(7)
    assert (report.ended.outcome, report.ended.reason) == ("lost", "lease")
    assert not report.ended.worker_died
    assert is_alive(worker)
    assert len(leader.registered) == 1 or leader.registered[-1].rejoin


async def test_a_run_that_holds_the_gil_is_dead_before_the_lease_ends(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    leader.lease_ms = 2 * LEASE_MS  # between 0.9 L and L lies what a busy machine may need to kill in
    worker = await running(leader, place, "n.holds_gil")
    beats = len(leader.heartbeats)
    await leader.until(lambda: len(leader.heartbeats) > beats + 1, "the longer lease")
    leader.answers_heartbeats = False
    last_accepted = accepted_at(leader)
    await leader.until(lambda: not is_alive(worker), "the kill at 0.9 L")
    assert time.monotonic() - last_accepted < 2 * LEASE_MS / 1_000
    leader.answers_heartbeats = True
    report = await leader.ended(7)
    assert (report.ended.outcome, report.ended.reason) == ("lost", "lease")
    assert {who.counter for who in leader.registered} == {1}


async def test_without_a_leader_exclusive_runs_end_and_the_others_go_on(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    exclusive = await running(leader, place, "n.beats")
    other_place = place.with_name("other")
    leader.want(run_of("t2", 8, "n.beats", params=params(other_place), exclusive=False))
    await leader.until(lambda: text_of(other_place), "the other run")
    tolerant = int(text_of(other_place).split()[0])
    assert tolerant != exclusive
    await leader.stop()
    lines = text_of(place).count("\n")
    await leader.until(lambda: _is_still(place), "the exclusive run to end")
    assert text_of(place).count("\n") > lines
    assert not _is_still(other_place)
    await leader.start()
    assert (await leader.ended(7)).ended.reason == "lease"
    assert not leader.ends(8)


def _is_still(place: Path) -> bool:
    before = place.stat().st_size
    time.sleep(0.3)
    return place.stat().st_size == before


async def test_a_stopped_worker_is_killed_after_a_while(
    leader: FakeLeader, node: NodeProcess, place: Path
) -> None:
    worker = await running(leader, place, "n.beats")
    os.kill(worker, signal.SIGSTOP)
    report = await leader.ended(7)
    assert report.ended.worker_died
    assert not is_alive(worker)
