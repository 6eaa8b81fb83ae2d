"""Incoming halves of what members say to one another: frames, snapshots, introductions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from zlib import crc32

import grpc.aio
import msgspec
from typing_extensions import override

from coordinator.consensus.messages import InstallSnapshot, Message, decode_message
from coordinator.replica.inputs import DigestSaid, FromPeer, Input
from coordinator.shell.history_io import HistoryIo
from coordinator.shell.logs import Log
from coordinator.shell.standing import Standing
from coordinator.wire.v1 import internal_pb2_grpc
from coordinator.wire.v1.internal_pb2 import (
    DigestReply,
    DigestRequest,
    FoundReply,
    FoundRequest,
    HistoryPiece,
    HistoryRequest,
    Introduction,
    PeerFrame,
    PeerReply,
    SnapshotChunk,
    SnapshotReply,
)


class BadChunk(Exception):
    """The snapshot's chunks do not make a whole."""


class PeerService(internal_pb2_grpc.PeerServicer):
    """Checks every stream's first words; what follows goes to the replica as it stands."""

    def __init__(self, standing: Standing, feed: Callable[[Input], None], log: Log) -> None:
        self._standing = standing
        self._feed = feed
        self._log = log
        self.on_introduction: Callable[[Introduction], None] = lambda _theirs: None
        self.on_greeting: Callable[[Introduction], None] = lambda _theirs: None
        self.on_frame: Callable[[int, int], None] | None = None  # told who sent one, and when
        self.history: Callable[[], HistoryIo | None] = lambda: None
        self._exchanges: dict[asyncio.Task[None], int] = {}  # of which member
        self.on_found: Callable[[FoundRequest], Awaitable[FoundReply]] | None = None

    @override
    async def Exchange(  # reads and writes by the context: cheaper than two generators
        self,
        request_iterator: AsyncIterator[PeerFrame],
        context: grpc.aio.ServicerContext[PeerFrame, PeerReply],
    ) -> None:
        del request_iterator
        first = await context.read()
        if not isinstance(first, PeerFrame):
            return
        hello = first.hello
        reply = self.reply_to(hello)
        await context.write(reply)
        if reply.refused:
            return
        with self._exchange_of(hello.member_id):
            while isinstance(frame := await context.read(), PeerFrame):
                self.take(hello.member_id, frame)

    @override
    async def SendSnapshot(
        self,
        request_iterator: AsyncIterator[SnapshotChunk],
        context: grpc.aio.ServicerContext[SnapshotChunk, SnapshotReply],
    ) -> SnapshotReply:
        del context
        try:
            message = await self._gather(request_iterator)
        except (BadChunk, msgspec.MsgspecError) as error:
            self._log.warning("snapshot refused", reason=str(error))
            return SnapshotReply(accepted=False, reason=str(error))
        self._log.info(
            "snapshot received", index=message.snapshot.index, bytes=len(message.snapshot.data)
        )
        if (history := self.history()) is not None:
            await history.want(message.snapshot.index)
        self._feed(FromPeer((message,)))
        return SnapshotReply(accepted=True)

    @override
    async def Introduce(
        self,
        request: Introduction,
        context: grpc.aio.ServicerContext[Introduction, Introduction],
    ) -> Introduction:
        del context
        self.on_introduction(request)
        return self._standing.answer(request)

    @override
    async def Found(
        self, request: FoundRequest, context: grpc.aio.ServicerContext[FoundRequest, FoundReply]
    ) -> FoundReply:
        del context
        if self.on_found is None:
            return FoundReply(accepted=False, reason="starting")
        return await self.on_found(request)

    @override
    async def SayDigest(
        self,
        request: DigestRequest,
        context: grpc.aio.ServicerContext[DigestRequest, DigestReply],
    ) -> DigestReply:
        del context
        if self._standing.objection(request.hello) is None:
            self._feed(DigestSaid(request.hello.member_id, request.index, request.digest))
        return DigestReply()

    @override
    async def TellHistory(
        self,
        request: HistoryRequest,
        context: grpc.aio.ServicerContext[HistoryRequest, HistoryPiece],
    ) -> None:
        history, objection = self.history(), self._standing.objection(request.hello)
        if history is None or objection is not None:
            await context.write(HistoryPiece(refused=objection or "starting"))
            return
        async for piece in history.pieces(request):
            await context.write(piece)

    # -- members that are none any more ---------------------------------------------------------

    def is_gone(self, member: int) -> bool:
        return self._standing.is_gone(member)

    def end_gone(self) -> None:
        """End the streams of those that were removed; greeting us again they are told (M4)."""
        for exchange, member in tuple(self._exchanges.items()):
            if self._standing.is_gone(member):
                exchange.cancel()

    @contextmanager
    def _exchange_of(self, member: int) -> Iterator[None]:
        """Cancelled by `end_gone` it ends as if all were said: grpc leaves a caller of a cancelled one waiting."""
        task: asyncio.Task[None] | None = asyncio.current_task()
        if task is None:
            raise RuntimeError("a handler runs in a task")
        self._exchanges[task] = member
        try:
            yield
        except asyncio.CancelledError:
            if not self._standing.is_gone(member):
                raise
            task.uncancel()
        finally:
            del self._exchanges[task]

    # -- frames ---------------------------------------------------------------------------------

    def reply_to(self, hello: Introduction) -> PeerReply:
        """Who we are, or why the caller is none of us."""
        objection = self._standing.objection(hello)
        if objection is None:
            self.on_greeting(hello)
            return PeerReply(hello=self._standing.introduction())
        if self._standing.founded and hello.cluster_id:
            self._log.error("peer refused", peer=hello.name, reason=objection)
        return PeerReply(refused=objection, removed=self._standing.was_removed(hello))

    def take(self, sender: int, frame: PeerFrame) -> None:
        """One input for all messages of a frame; whoever speaks for another, or to another, is not heard."""
        if self.on_frame is not None and frame.sent_wall_at:
            self.on_frame(sender, frame.sent_wall_at)
        messages: list[Message] = []
        for encoded in frame.messages:
            try:
                message = decode_message(encoded)
            except msgspec.MsgspecError as error:
                self._log.error("message not understood", member=sender, error=str(error))
                continue
            if message.sender != sender:
                self._log.error("message under another name", member=sender, said=message.sender)
            elif message.to != self._standing.member_id:
                self._log.error("message to another", member=sender, to=message.to)
            else:
                messages.append(message)
        if messages:
            self._feed(FromPeer(tuple(messages), frame.sent_wall_at))

    # -- snapshots ------------------------------------------------------------------------------

    async def _gather(self, chunks: AsyncIterator[SnapshotChunk]) -> InstallSnapshot:
        """The whole message. Raises BadChunk."""
        message: InstallSnapshot | None = None
        parts: list[bytes] = []
        complete = False
        async for chunk in chunks:
            if message is None:
                message = self._first(chunk)
            if chunk.number != len(parts) or crc32(chunk.data) != chunk.crc32:
                raise BadChunk(f"chunk {chunk.number} is damaged or out of order")
            parts.append(chunk.data)
            complete = chunk.last
        if message is None or not complete:
            raise BadChunk("the snapshot broke off")
        snapshot = msgspec.structs.replace(message.snapshot, data=b"".join(parts))
        return msgspec.structs.replace(message, snapshot=snapshot)

    def _first(self, chunk: SnapshotChunk) -> InstallSnapshot:
        objection = self._standing.objection(chunk.hello)
        if objection is not None:
            raise BadChunk(objection)
        message = decode_message(chunk.message)
        if not isinstance(message, InstallSnapshot) or message.sender != chunk.hello.member_id:
            raise BadChunk("the first chunk carries no snapshot message of its sender")
        if message.to != self._standing.member_id:
            raise BadChunk(f"it is for member {message.to}, this is {self._standing.member_id}")
        return message
