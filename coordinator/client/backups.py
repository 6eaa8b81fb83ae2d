"""Taking a backup: the bytes of one file, checked while they come in, sealed on this side if a key is given.

A connection that breaks half-way costs the whole attempt, because another member's picture is of another revision: the
target is told to begin anew. Reached as `Client.cluster.backup`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import grpc.aio
from msgspec import Struct

from coordinator.client.backup_file import FrameReader, Header, Sealer, Totals
from coordinator.client.calls import Caller
from coordinator.client.channels import Method
from coordinator.client.errors import ClientError, TimedOut, Unavailable
from coordinator.client.from_wire import answer_of
from coordinator.client.routing import Verdict, judge
from coordinator.client.status import error_from_rpc
from coordinator.client.views import Answer
from coordinator.wire.v1 import cluster_pb2 as wire

TRIES_MAX = 5
PAUSE_S = 0.25
BACKUP: Method[wire.BackupRequest, wire.BackupResponse] = Method(
    "/ptasks.v1.Cluster/Backup",
    wire.BackupRequest.SerializeToString,
    wire.BackupResponse.FromString,
)


class Target(Protocol):
    """Where the bytes go, in order. They count once `backup` has returned, and not before."""

    def restart(self) -> None:
        """An attempt begins: whatever was written belongs to an earlier one."""
        ...

    def write(self, data: bytes) -> None:
        """The next bytes."""
        ...


class Saved(Struct, frozen=True):
    """Of `backup`: what the file is a picture of, and how large it is with its seal."""

    answer: Answer
    header: Header
    totals: Totals
    size: int


class BackupTaker:
    """Takes one backup. `on_progress` is told the bytes so far."""

    def __init__(
        self,
        caller: Caller,
        timeout_s: float,
        key: bytes | None,
        on_progress: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._caller = caller
        self._timeout_s = timeout_s
        self._key = key
        self._on_progress = on_progress

    async def take(self, request: wire.BackupRequest, target: Target) -> Saved:
        """Try member after member until one file is whole. Raises ClientError, BackupError."""
        tries = 0
        while True:
            address = self._caller.directory.pick()
            try:
                return await self._attempt(address, request, target)
            except grpc.aio.AioRpcError as failure:
                error = self._failed(failure, address)
            except TimeoutError:
                error = TimedOut(f"no word from {address} for {self._silence_s():.0f} s")
                error.member = address
                self._caller.directory.failed(address)
            tries += 1
            if tries >= TRIES_MAX or self._silence_s() <= PAUSE_S:
                raise error
            await asyncio.sleep(PAUSE_S)

    async def _attempt(self, address: str, request: wire.BackupRequest, target: Target) -> Saved:
        target.restart()
        reader = FrameReader()
        sealer = Sealer(self._key) if self._key is not None else None
        answer = Answer()
        size = 0
        async for message in self._messages(address, request):
            if message.HasField("answer"):
                answer = answer_of(message.answer)
            for _ in reader.feed(message.data):
                pass
            target.write(message.data)
            size += len(message.data)
            if sealer is not None:
                sealer.update(message.data)
            self._on_progress(size)
        if sealer is not None:
            seal = sealer.frame(reader.frames)
            for _ in reader.feed(seal):
                pass
            target.write(seal)
            size += len(seal)
        header, totals = reader.finish()
        return Saved(answer, header, totals, size)

    async def _messages(
        self, address: str, request: wire.BackupRequest
    ) -> AsyncIterator[wire.BackupResponse]:
        """Each within the time that silence may last. Raises AioRpcError, TimeoutError."""
        call: Any = self._caller.channels.of(address).stream(BACKUP, request)
        try:
            while True:
                async with asyncio.timeout(self._silence_s()):
                    message = await call.read()
                if message is grpc.aio.EOF:
                    return
                yield message
        finally:
            call.cancel()

    def _silence_s(self) -> float:
        """How long a member may say nothing: the client's patience, or what is left of the user's."""
        if self._caller.ends_at is None:
            return self._timeout_s
        return max(0.0, min(self._timeout_s, self._caller.ends_at - time.monotonic()))

    def _failed(self, failure: grpc.aio.AioRpcError, address: str) -> ClientError:
        """Raises what another member would not do better."""
        error = error_from_rpc(failure)
        error.member = address
        if judge(failure.code().name, error.reason_given, error.message) is Verdict.FINAL:
            raise error
        self._caller.directory.failed(address, error.metadata.get("leader_address", ""))
        return Unavailable(error.message, metadata=error.metadata) if _broke(failure) else error


def _broke(failure: grpc.aio.AioRpcError) -> bool:
    """The connection was lost; of a picture nothing is done by halves."""
    return failure.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class BackupView(Struct, frozen=True):
    """A backup as JSON shows it, kind `Snapshot`."""

    path: str
    size_bytes: int
    digest: str
    cluster_id: str
    term: int
    feature_level: int
    restore_epoch: int
    last_allocation_id: int
    state_at: int
    created_at: int
    member: str
    version: str
    from_stale_read: bool
    has_history: bool
    is_sealed: bool
    state_bytes: int
    history_bytes: int


def view_of(path: str, size: int, header: Header, totals: Totals) -> BackupView:
    """What header and totals say, under the names of our JSON."""
    return BackupView(
        path=path,
        size_bytes=size,
        digest=totals.digest,
        cluster_id=header.cluster_id,
        term=header.term,
        feature_level=header.feature_level,
        restore_epoch=header.restore_epoch,
        last_allocation_id=header.last_allocation_id,
        state_at=header.state_at,
        created_at=header.created_at,
        member=header.member,
        version=header.release,
        from_stale_read=header.is_stale,
        has_history=header.has_history,
        is_sealed=header.is_sealed,
        state_bytes=totals.state_bytes,
        history_bytes=totals.history_bytes,
    )
