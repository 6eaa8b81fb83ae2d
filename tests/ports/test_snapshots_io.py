"""Snapshots on their way to a member, on real sockets: consensus is told of every end, or the member waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from coordinator.consensus.messages import ConfState, InstallSnapshot, Snapshot
from coordinator.replica.effects import StreamSnapshot
from coordinator.replica.inputs import SnapshotSent
from coordinator.shell import snapshots_io
from coordinator.shell.snapshots_io import SnapshotsIo
from coordinator.shell.store_port import StoreError
from tests.end_to_end.processes import free_ports
from tests.end_to_end.proxy import Link, Proxies
from tests.ports.test_peer_links import Side

CHUNKS = 40
ASKED = StreamSnapshot(2, InstallSnapshot(1, 2, 5, Snapshot(6, 3)))
Midway = Callable[[int], Awaitable[None]]


async def nothing(number: int) -> None:
    """Nothing happens on the way."""


class Reader:
    """A stored snapshot of some size; `midway` is called before each chunk."""

    def __init__(self, midway: Midway) -> None:
        self.mark = SimpleNamespace(index=7, term=3, conf=ConfState(voters=(1, 2)), chunks=CHUNKS)
        self._midway = midway

    async def chunk(self, number: int) -> bytes:
        await self._midway(number)
        return b"x" * 250_000

    def close(self) -> None:
        """Nothing is held."""


class Way:
    """Two members and a proxy between them."""

    def __init__(self, one: Side, two: Side, link: Link) -> None:
        self.one, self.two, self.link = one, two, link
        self.midway: Midway = nothing
        store: Any = SimpleNamespace(open_snapshot=self._open)
        self.io = SnapshotsIo(store, one.links, one.standing, one.feed, one.log)

    async def _open(self) -> Reader:
        return Reader(self.midway)

    @property
    def told(self) -> list[bool]:
        return [item.ok for item in self.one.heard if isinstance(item, SnapshotSent)]

    async def send(self) -> bool:
        """What consensus is told of one try."""
        before = len(self.told)
        self.io.stream(ASKED)
        await self.one.until(lambda: len(self.told) > before)
        return self.told[-1]


@pytest.fixture
async def way() -> AsyncIterator[Way]:
    ports = free_ports(2)
    one, two = Side(1, ports), Side(2, ports)
    await two.listen()
    proxies = Proxies()
    try:
        link = await asyncio.to_thread(proxies.link, two.address)
        one.links.connect(2, link.address)
        made = Way(one, two, link)
        yield made
        await made.io.close()
    finally:
        await one.links.close()
        await two.stop_listening()
        await asyncio.to_thread(proxies.close)


async def test_a_link_cut_midway_is_told_and_the_next_try_arrives(way: Way) -> None:
    async def cut(number: int) -> None:
        if number == CHUNKS // 2:
            await asyncio.to_thread(way.link.cut)

    way.midway = cut
    assert not await way.send()
    assert way.two.messages == []
    way.midway = nothing
    await asyncio.to_thread(way.link.heal)
    while not await way.send():
        assert len(way.told) < 10
    (message,) = way.two.messages
    assert isinstance(message, InstallSnapshot)
    assert len(message.snapshot.data) == CHUNKS * 250_000


@pytest.mark.parametrize("at", [CHUNKS // 2, CHUNKS - 1])
async def test_a_way_that_falls_silent_is_told_without_waiting_for_its_end(
    way: Way, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Midway, or with the reply alone lost: then the snapshot arrives and is told as lost, which costs a try."""
    monkeypatch.setattr(snapshots_io, "SILENCE_S", 1.0)

    async def hold(number: int) -> None:
        if number == at:
            await asyncio.to_thread(way.link.hold, there=at < CHUNKS - 1)

    way.midway = hold
    assert not await way.send()
    assert "neither progress nor an answer" in way.one.lines.getvalue()
    await asyncio.to_thread(way.link.heal)


async def test_a_snapshot_that_cannot_be_read_is_told(way: Way) -> None:
    async def broken(number: int) -> None:
        if number == 5:
            raise StoreError("chunk 5 is damaged")

    way.midway = broken
    assert not await way.send()
    assert "chunk 5 is damaged" in way.one.lines.getvalue()
    assert way.two.messages == []
    way.midway = nothing
    assert await way.send()


async def test_a_mistake_of_ours_is_told_as_well(way: Way) -> None:
    async def wrong(number: int) -> None:
        if number == 5:
            raise ValueError(number)

    way.midway = wrong
    assert not await way.send()


async def test_a_slow_way_may_take_longer_than_silence(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots_io, "SILENCE_S", 4.0)

    async def slow(number: int) -> None:
        if number < 6:
            await asyncio.sleep(1.0)

    way.midway = slow
    assert await way.send()
