"""A real node whose lease runs out, for whatever reason (N7, L2, PT-69)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_kit import params, running, text_of
from tests.ports.node_process import NodeProcess, is_alive

LEASE_MS = 4_000  # between 0.9 L and L lies what a busy machine may need to kill in


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


def accepted_at(leader: FakeLeader) -> float:
    return leader.heartbeats_at[-1]


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
    worker = await running(leader, place, "n.holds_gil")
    leader.answers_heartbeats = False
    last_accepted = accepted_at(leader)
    await leader.until(lambda: not is_alive(worker), "the kill at 0.9 L")
    assert time.monotonic() - last_accepted < LEASE_MS / 1_000
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
    await leader.until(lambda: _is_still(place), "the exclusive run to end")
    size = other_place.stat().st_size
    await leader.start()
    assert (await leader.ended(7)).ended.reason == "lease"
    await leader.until(lambda: other_place.stat().st_size > size, "the other run to go on")
    assert not leader.ends(8)


def _is_still(place: Path) -> bool:
    before = place.stat().st_size
    time.sleep(1)
    return place.stat().st_size == before
