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
from coordinator.shell.peer_links import PeerLinks
from coordinator.shell.standing import Standing
from coordinator.shell.store_port import SnapshotReader, StoreError, StorePort
from coordinator.wire.v1.internal_pb2 import SnapshotChunk
from coordinator.wire.v1.internal_pb2_grpc import PeerStub

SEND_TIMEOUT_S = 60.0


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
        self._sending: dict[int, asyncio.Task[None]] = {}

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
            task.add_done_callback(lambda _task: self._sending.pop(effect.member, None))

    async def close(self) -> None:
        tasks = list(self._sending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, effect: StreamSnapshot) -> None:
        ok, why = False, ""
        try:
            ok, why = await self._send_chunks(effect)
        except (grpc.RpcError, StoreError, TimeoutError) as error:
            why = str(error) or type(error).__name__
        self._log.line(
            "info" if ok else "warning",
            "snapshot sent" if ok else "snapshot not sent",
            to=effect.member,
            reason=why,
        )
        self._feed(SnapshotSent(effect.member, ok))

    async def _send_chunks(self, effect: StreamSnapshot) -> tuple[bool, str]:
        link = self._links.get(effect.member)
        reader = await self._store.open_snapshot()
        if link is None or reader is None:
            return False, "no such member" if link is None else "there is no snapshot"
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                reply = await PeerStub(link.channel).SendSnapshot(
                    self._chunks(effect.message, reader)
                )
            return reply.accepted, reply.reason
        finally:
            reader.close()

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
