"""1,000 nodes that are there and do nothing: what their heartbeats cost the leader.

The nodes are sessions of this process: each registers, keeps a connection of its own, and beats as the leader's
answers tell it to.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import time
from collections.abc import Iterator

from coordinator.client.node_session import NodeStream, SessionBroken
from coordinator.client.node_values import FromLeader, Heartbeat, Registration
from coordinator.client.node_wire import NO_LOG, Outgoing, register_frame
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.callers import own_cpu_s
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.figure import Figure, at_most
from scripts.bench_figures.processes import TimedOut, cpu_seconds, note

SESSIONS = 1_000
AT_ONCE = 20
FILES = 8_192
WELCOME_S = 120.0
TRIES = 3
WINDOWS, WINDOW_S = 5, 4.0


def _registration(number: int) -> Registration:
    return Registration(
        name=f"bench{number:04}",
        node_uid=f"{number:08x}-{os.getpid():08x}",
        counter=1,
        incarnation="1-0badcafe",
        boot_id="bench",
        pid_namespace="bench",
        boot_counter=1,
        old_is_dead=True,
        attributes={},
        capacity=10,
        max_starting=50,
        version="bench",
        python="3.11",
    )


class Crowd:
    """All sessions, and what became of them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.welcome = 0
        self.accepted = 0
        self.refused = ""

    async def one(self, number: int, gate: asyncio.Semaphore) -> None:
        """One session, until cancelled."""
        async with gate:
            session = Session(self, number)
            await session.open(self._address)
        try:
            await session.live()
        finally:
            await session.close()


class Session:
    """One node's session."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self._register = register_frame(_registration(number), (), (), "", rejoin=False)
        self._stream: NodeStream | None = None
        self._sequence = 0
        self._accepted = 0
        self._beat_s = 0.5
        self._lease_ms = 6_000

    async def open(self, address: str) -> None:
        """Registered and welcome."""
        self._stream = await NodeStream.open(address, self._register)
        self._frames = self._stream.frames()
        self._heard(await anext(self._frames))
        self._crowd.welcome += 1

    async def live(self) -> None:
        """Beat and listen."""
        beating = asyncio.create_task(self._beat())
        try:
            async for frame in self._frames:
                self._heard(frame)
        finally:
            beating.cancel()

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.close()

    def _heard(self, frame: FromLeader) -> None:
        if frame.close:
            self._crowd.refused = f"{frame.close}: {frame.close_detail}"
            raise SessionBroken(self._crowd.refused)
        if frame.welcome is not None:
            self._beat_s = frame.welcome.heartbeat_ms / 1000
            self._lease_ms = frame.welcome.lease_ms
        if frame.heartbeat is not None:
            self._crowd.accepted += 1
            self._accepted = frame.heartbeat.sequence
            self._beat_s = frame.heartbeat.heartbeat_ms / 1000

    async def _beat(self) -> None:
        while self._stream is not None:
            self._sequence += 1
            beat = Heartbeat(self._sequence, self._accepted, self._lease_ms, 0)
            await self._stream.send(Outgoing(heartbeat=beat), lambda _: NO_LOG)
            await asyncio.sleep(self._beat_s)


async def _measure(address: str, leader: list[int]) -> tuple[list[float], dict[str, object]]:
    """Cores of the leader per window, and what is worth knowing beside it."""
    crowd = Crowd(address)
    gate = asyncio.Semaphore(AT_ONCE)
    tasks = [asyncio.create_task(crowd.one(number, gate)) for number in range(SESSIONS)]
    try:
        await _all_welcome(crowd, tasks)
        await asyncio.sleep(WINDOW_S)
        cores, own, accepted = [], own_cpu_s(), crowd.accepted
        started = time.monotonic()
        for _ in range(WINDOWS):
            before, began = cpu_seconds(leader), time.monotonic()
            await asyncio.sleep(WINDOW_S)
            cores.append((cpu_seconds(leader) - before) / (time.monotonic() - began))
        lasted = time.monotonic() - started
        _check(tasks)
        return cores, {
            "beats_per_s": round((crowd.accepted - accepted) / lasted),
            "sessions": crowd.welcome,
            "caller_cores": round((own_cpu_s() - own) / lasted, 2),
        }
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def _all_welcome(crowd: Crowd, tasks: list[asyncio.Task[None]]) -> None:
    deadline = time.monotonic() + WELCOME_S
    while crowd.welcome < SESSIONS:
        _check(tasks)
        if time.monotonic() > deadline:
            raise TimedOut(f"only {crowd.welcome} of {SESSIONS} sessions are welcome")
        await asyncio.sleep(0.1)


def _check(tasks: list[asyncio.Task[None]]) -> None:
    """Raise OSError if a session has ended."""
    for task in tasks:
        if task.done():
            raise OSError(f"a session has ended: {task.exception() or 'closed by the leader'}")


def sessions_1000_cpu(bench: Bench) -> Iterator[Figure]:
    """1,000 node sessions that beat: cores that the leader uses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:  # coordinators inherit it
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))
    bench.end_cluster()
    cluster = bench.cluster("sessions", nodes=0)
    cores, more = _under_one_leader(cluster)
    yield Figure("sessions_1000_cpu", "cores", cores, at_most(0.5, 0.15), more)


def _under_one_leader(cluster: Cluster) -> tuple[list[float], dict[str, object]]:
    """A leader that was overthrown meanwhile says nothing about the figure, but is told of."""
    changes = 0
    while True:
        try:
            cores, more = asyncio.run(_measure(*_leader_of(cluster)))
        except OSError as error:
            changes += 1
            note(f"once more: {error}")
            if changes == TRIES:
                raise
        else:
            return cores, {**more, "leader_changes": changes}


def _leader_of(cluster: Cluster) -> tuple[str, list[int]]:
    name = cluster.leader()
    return cluster.addresses[name], cluster.coordinators[name].tree()


FIGURES = (Entry("sessions_1000_cpu", sessions_1000_cpu, is_large=True),)
