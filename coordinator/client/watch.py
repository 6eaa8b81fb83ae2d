"""Watching tasks: one ordered stream over any number of connections (EX-12, EX-50).

The server tells changes revision by revision; only a complete revision may be resumed from. So parts of a revision
are held back until it is complete, and after a loss the watch goes on, at any member, after the last complete one:
nothing twice, nothing missing. When the server no longer keeps that revision, `WatchReset` names the oldest it has.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc.aio
from msgspec import Struct

from coordinator.client import from_wire
from coordinator.client.calls import Caller
from coordinator.client.errors import WatchReset
from coordinator.client.methods import WATCH
from coordinator.client.requests import Filter
from coordinator.client.routing import Tries, Verdict, judge
from coordinator.client.status import error_from_rpc
from coordinator.client.to_wire import filter_to_wire
from coordinator.client.views import Change
from coordinator.wire.v1 import tasks_pb2 as wire

SHORTEST_PAUSE_S = 0.05

OnReconnect = Callable[[str, int], None]


class WatchEvent(Struct, frozen=True):
    """One message: kind snapshot (pages of what is there, `more` on all but the last), change, bookmark or live.

    `revision` is complete, and may be resumed from, unless `more` is set. `restarted`: the snapshot began anew
    because the connection broke within it.
    """

    kind: str
    revision: int
    changes: list[Change]
    more: bool = False
    restarted: bool = False


class Watch:
    """One watch. `revision` is the last complete one: resume from it. `on_reconnect` is told (address, revision)."""

    def __init__(
        self,
        caller: Caller,
        selection: Filter,
        *,
        progress: bool = False,
        on_reconnect: OnReconnect | None = None,
    ) -> None:
        self._caller = caller
        self._filter = filter_to_wire(selection)
        self._progress = progress
        self._on_reconnect = on_reconnect
        self._held: list[wire.WatchChange] = []
        self._in_snapshot = False
        self._reset_at: int | None = None
        self._broken = False
        self._tries = Tries(len(caller.directory.members))
        self.revision: int | None = None

    async def events(self, after_revision: int | None = None) -> AsyncIterator[WatchEvent]:
        """The events, for ever. Raises WatchReset, or the refusal that the server answered with."""
        self.revision = after_revision
        while True:
            async with aclosing(self._connection()) as told:
                async for event in told:
                    yield event
            await asyncio.sleep(max(SHORTEST_PAUSE_S, self._tries.pause_s(random.random())))

    async def _connection(self) -> AsyncGenerator[WatchEvent, None]:
        """What one connection tells. Ends when it is lost; raises when no other would do better."""
        address = self._caller.directory.pick()
        self._held = []
        try:
            async for message in self._open(address):
                event = self._take(message, restarted=self._resumed(address))
                if event is not None:
                    yield event
            self._lost(address, Verdict.NOT_NOW)
        except grpc.aio.AioRpcError as failure:
            self._judge(failure, address)

    def _resumed(self, address: str) -> bool:
        """A message came: the connection stands. True if an earlier one was lost before it."""
        self._tries = Tries(len(self._caller.directory.members))
        again, self._broken = self._broken, False
        if again and self._on_reconnect is not None:
            self._on_reconnect(address, self.revision or 0)
        return again

    def _open(self, address: str) -> Any:
        request = wire.WatchRequest(
            filter=self._filter, progress=self._progress, after_revision=self.revision or 0
        )
        return self._caller.channels.of(address).stream(WATCH, request)

    def _judge(self, failure: grpc.aio.AioRpcError, address: str) -> None:
        error = error_from_rpc(failure)
        error.member = address
        verdict = judge(failure.code().name, error.reason_given, error.message)
        if verdict is Verdict.FINAL:
            raise error
        self._lost(address, verdict)

    def _lost(self, address: str, verdict: Verdict) -> None:
        self._tries.failed(verdict, silent=False)
        self._broken = True
        self._caller.directory.failed(address)

    def _take(self, message: wire.WatchResponse, *, restarted: bool) -> WatchEvent | None:
        kind = message.kind.lower()
        if kind == "reset":
            self._reset(message)
            return None
        if kind == "change" and message.more:
            self._held += message.changes
            return None
        parts = [*self._held, *message.changes] if kind == "change" else list(message.changes)
        self._held = []
        self._in_snapshot = kind == "snapshot" and message.more
        if kind != "live" and not self._in_snapshot:
            self.revision = message.revision
        changes = [
            Change(message.revision, not message.more, part.type, from_wire.task_of(part.task))
            for part in parts
        ]
        again = restarted and kind == "snapshot"
        return WatchEvent(kind, message.revision, changes, message.more, again)

    def _reset(self, message: wire.WatchResponse) -> None:
        """A reset can be mended if our revision is still kept, and if it is not the second for the same one."""
        known = self.revision
        if known is not None and known >= message.oldest_revision and self._reset_at != known:
            self._reset_at = known
            self._broken = True
            return
        raise WatchReset(
            f"revision {known} is no longer kept; the oldest is {message.oldest_revision}",
            reason=message.reason,
            metadata={"oldest_revision": str(message.oldest_revision)},
        )
