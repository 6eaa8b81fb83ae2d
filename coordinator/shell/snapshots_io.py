"""Snapshots on their way: from the state to the disk, and from the disk to a member that fell behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from zlib import crc32

import grpc.aio
import msgspec

from coordinator.codec.framing import framed
from coordinator.codec.snapshots import encode
from coordinator.consensus.messages import InstallSnapshot, Message, Snapshot, encode_message
from coordinator.replica.effects import StreamSnapshot, TakeSnapshot
from coordinator.replica.inputs import Input, SnapshotSent, SnapshotTaken
from coordinator.shell.logs import Log
from coordinator.shell.peer_links import PeerLink, PeerLinks
from coordinator.shell.standing import Standing
from coordinator.shell.store_port import SnapshotReader, StoreError, StorePort
from coordinator.wire.v1.internal_pb2 import SnapshotChunk
from coordinator.wire.v1.internal_pb2_grpc import PeerStub

SILENCE_S = 10.0
"""No chunk taken and no answer for so long: the way is broken. A slow way that goes on may take as long as it needs."""
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Before the next try to the same member, by the number of failures in a row."""


class SnapshotsIo:
    """Does TakeSnapshot and StreamSnapshot; each answers with one input."""

    def __init__(
        self,
        store: StorePort,
        links: PeerLinks,
        standing: Standing,
        feed: Callable[[Input], None],
        log: Log,
    ) -> None:
        self._store = store
        self._links = links
        self._standing = standing
        self._feed = feed
        self._log = log
        self._sending: dict[int, asyncio.Task[str]] = {}
        self._failures: dict[int, int] = {}  # in a row, by member
        self._closing = False

    def take(self, effect: TakeSnapshot) -> None:
        """Encode in the store's thread, chunk by chunk, and store what comes (D12)."""
        self._store.take_snapshot(
            effect.index,
            effect.term,
            effect.conf,
            framed(encode(effect.frozen)),
            lambda ok: self._feed(SnapshotTaken(effect.index, ok)),
        )

    def stream(self, effect: StreamSnapshot) -> None:
        """Send the newest stored snapshot; one at a time to each member."""
        if effect.member not in self._sending:
            task = asyncio.create_task(self._send(effect), name=f"snapshot to {effect.member}")
            self._sending[effect.member] = task
            task.add_done_callback(lambda ended: self._ended(effect.member, ended))

    async def close(self) -> None:
        self._closing = True
        tasks = list(self._sending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, member: int, task: asyncio.Task[str]) -> None:
        """Consensus sends a member nothing until it is told how the snapshot fared: whatever the end, it is told."""
        del self._sending[member]
        if self._closing:
            return
        why = "broken off" if task.cancelled() else repr(task.exception() or "")
        if not task.cancelled() and task.exception() is None:
            why = task.result()
        self._failures[member] = self._failures.get(member, 0) + 1 if why else 0
        if why:
            self._log.warning("snapshot not sent", to=member, reason=why)
        else:
            self._log.info("snapshot sent", to=member)
        self._feed(SnapshotSent(member, not why))

    async def _send(self, effect: StreamSnapshot) -> str:
        """Why it did not arrive; empty if it did."""
        failures = self._failures.get(effect.member, 0)
        await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
        link = self._links.get(effect.member)
        if link is None:
            return "no such member"
        try:
            reader = await self._store.open_snapshot()
            if reader is None:
                return "there is no snapshot"
            try:
                return await self._send_chunks(link, effect.message, reader)
            finally:
                reader.close()
        except TimeoutError:
            return f"neither progress nor an answer for {SILENCE_S:g} s"
        except (grpc.RpcError, StoreError) as error:
            return str(error) or type(error).__name__

    async def _send_chunks(self, link: PeerLink, message: Message, reader: SnapshotReader) -> str:
        """Raises RpcError, StoreError, TimeoutError."""
        unread: list[StoreError] = []
        async with asyncio.timeout(SILENCE_S) as silence:

            async def chunks() -> AsyncIterator[SnapshotChunk]:
                """What is raised in here would cancel the call, and us with it."""
                try:
                    async for chunk in self._chunks(message, reader):
                        yield chunk
                        silence.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
                except StoreError as error:
                    unread.append(error)

            reply = await PeerStub(link.channel).SendSnapshot(chunks())
        if unread:
            raise unread[0]
        return "" if reply.accepted else reply.reason or "refused"

    async def _chunks(
        self, message: Message, reader: SnapshotReader
    ) -> AsyncIterator[SnapshotChunk]:
        """The message says what the stored snapshot is, which may be newer than the one asked for."""
        if not isinstance(message, InstallSnapshot):
            raise TypeError(
                f"a snapshot travels in InstallSnapshot, not in {type(message).__name__}"
            )
        mark = reader.mark
        head = msgspec.structs.replace(message, snapshot=Snapshot(mark.index, mark.term, mark.conf))
        for number in range(mark.chunks):
            data = await reader.chunk(number)
            chunk = SnapshotChunk(
                number=number, data=data, crc32=crc32(data), last=number == mark.chunks - 1
            )
            if number == 0:
                chunk.hello.CopyFrom(self._standing.introduction())
                chunk.message = encode_message(head)
            yield chunk
