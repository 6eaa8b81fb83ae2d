"""`Backup`: the replicated state at one revision, and the history of runs beside it, as the bytes of one file.

The picture is taken in one instant of the loop, behind a read barrier unless a stale one will do; it is encoded in
another thread while entries go on. A caller that does not take what it asked for is let go: the picture holds memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeAlias

import grpc.aio

from coordinator.api.door import Door
from coordinator.api.errors import Rejected, abort, from_failure
from coordinator.api.road import FORWARDED_KEY, Context, Passed, Road, abort_passed
from coordinator.client.backup_file import FrameWriter, Header
from coordinator.codec.history import encode_audit, encode_fates, encode_runs
from coordinator.codec.snapshots import encode, freeze
from coordinator.wire.v1 import cluster_pb2 as wire

METHOD = "/ptasks.v1.Cluster/Backup"
AT_ONCE = 2  # each holds a picture of the whole state
TAKEN_WITHIN_S = 30.0  # a piece that the caller's connection has no room for

_Pieces: TypeAlias = AsyncGenerator[wire.BackupResponse, None]


class Backups:
    """Taken on the leader, or, stale, on whoever is asked. One per server."""

    def __init__(self, door: Door, road: Road) -> None:
        self._door = door
        self._road = road
        self._under_way = 0

    async def send(self, request: wire.BackupRequest, context: Context) -> None:
        """The whole file. Aborts the call where there is none to be had."""
        try:
            channel = None
            if not request.read.stale:
                channel = await self._road.leader_for_stream(context)
            if channel is not None:
                await _write(context, self._passed_on(channel, request))
                return
            with self._place():
                await _write(context, self._pieces(request))
        except Rejected as rejected:
            await abort(context, rejected)
        except Passed as passed:
            await abort_passed(context, passed)
        except TimeoutError:
            slow = from_failure("timed_out", f"a piece was not taken for {TAKEN_WITHIN_S:.0f} s")
            await abort(context, slow)

    async def _passed_on(self, channel: grpc.aio.Channel, request: wire.BackupRequest) -> _Pieces:
        """What the leader says, word for word."""
        call: Any = channel.unary_stream(
            METHOD, lambda message: message.SerializeToString(), wire.BackupResponse.FromString
        )
        told = call(request, metadata=((FORWARDED_KEY, "1"),))
        try:
            async for piece in told:
                yield piece
        except grpc.aio.AioRpcError as error:
            raise Passed(error) from error
        finally:
            told.cancel()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._under_way >= AT_ONCE:
            raise from_failure("overloaded", f"{AT_ONCE} backups are being taken here")
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _pieces(self, request: wire.BackupRequest) -> _Pieces:
        header, frozen = self._header(request), freeze(self._door.replica.state)
        answer = self._road.answer(stale=request.read.stale)
        frames = FrameWriter()
        yield wire.BackupResponse(answer=answer, data=frames.header(header))
        chunks = encode(frozen)
        while data := await asyncio.to_thread(_next_state, chunks, frames):
            yield wire.BackupResponse(data=data)
        if header.has_history:
            async for rows in self._door.history(header.revision):
                for piece in encode_runs(rows):
                    yield wire.BackupResponse(data=frames.history(piece))
            async for ranges in self._door.fate_pages(header.revision):
                yield wire.BackupResponse(data=frames.fates(encode_fates(ranges)))
            async for events in self._door.audit_pages(header.revision):
                yield wire.BackupResponse(data=frames.audit(encode_audit(events)))
        yield wire.BackupResponse(data=frames.end())

    def _header(self, request: wire.BackupRequest) -> Header:
        replica, facts = self._door.replica, self._door.facts()
        state = replica.state
        return Header(
            cluster_id=state.cluster_id,
            revision=state.revision,
            term=replica.term,
            feature_level=state.feature_level,
            restore_epoch=state.restore_epoch,
            last_allocation_id=state.last_allocation_id,
            state_at=state.at,
            created_at=replica.now.wall,
            member=self._door.name,
            release=facts.version,
            is_stale=request.read.stale,
            has_history=not request.without_history,
            is_sealed=request.sealed,
        )


async def _write(context: Context, pieces: _Pieces) -> None:
    """All of them. Raises TimeoutError where the caller does not take one."""
    async with aclosing(pieces):
        async for piece in pieces:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await context.write(piece)


def _next_state(chunks: Iterator[bytes], frames: FrameWriter) -> bytes:
    """In another thread. Empty at the end."""
    chunk = next(chunks, None)
    return b"" if chunk is None else frames.state(chunk)
