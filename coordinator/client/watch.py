"""Watching tasks: one ordered stream over any number of connections (EX-12, EX-50).

The server tells changes revision by revision; only a complete revision may be resumed from. So parts of a revision
are held back until it is complete, and after a loss the watch goes on, at any member, after the last complete one:
nothing twice, nothing missing. When the server no longer keeps that revision, `WatchReset` names the oldest it has.
A revision that the cluster has not come to is an end as well: it is another cluster's, or from before a restore, and
all that happens until then would be passed over.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc.aio
from msgspec import Struct

from coordinator.client import from_wire
from coordinator.client.calls import Caller, Plan
from coordinator.client.errors import ClientError, TimedOut, Unavailable, WatchReset
from coordinator.client.methods import LIST, WATCH
from coordinator.client.requests import Filter
from coordinator.client.routing import Tries, Verdict, judge
from coordinator.client.status import error_from_rpc
from coordinator.client.to_wire import filter_to_wire
from coordinator.client.views import Change
from coordinator.wire.v1 import tasks_pb2 as wire

SHORTEST_PAUSE_S = 0.05

OnLoss = Callable[[str], None]
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
    """One watch. `revision` is the last complete one: resume from it.

    `timeout_s`: for so long nobody may answer before the first message; later it looks for a member for ever.
    `on_loss` is told (address) once for each loss, `on_reconnect` (address, revision) when it goes on.
    """

    def __init__(
        self,
        caller: Caller,
        selection: Filter,
        *,
        timeout_s: float,
        progress: bool = False,
        on_loss: OnLoss | None = None,
        on_reconnect: OnReconnect | None = None,
    ) -> None:
        self._caller = caller
        self._timeout_s = timeout_s
        self._filter = filter_to_wire(selection)
        self._progress = progress
        self._on_loss = on_loss
        self._on_reconnect = on_reconnect
        self._began_at: float | None = None  # monotonic; None: a message has come
        self._held: list[wire.WatchChange] = []
        self._in_snapshot = False
        self._reset_at: int | None = None
        self._broken = False
        self._tries = Tries(len(caller.directory.members))
        self.revision: int | None = None
        self.silence: Unavailable | None = None
        """Why nobody has answered yet; None as soon as a message has come."""

    async def events(self, after_revision: int | None = None) -> AsyncIterator[WatchEvent]:
        """The events, for ever.

        Raises WatchReset, the refusal that the server answered with, Unavailable when nobody answers from the start.
        """
        self.revision = after_revision
        self._began_at = time.monotonic()
        if after_revision:
            await self._require_reached(after_revision)
            self._began_at = None  # somebody answered
        while True:
            async with aclosing(self._connection()) as told:
                async for event in told:
                    yield event
            await asyncio.sleep(max(SHORTEST_PAUSE_S, self._tries.pause_s(random.random())))

    async def _require_reached(self, revision: int) -> None:
        """Raises WatchReset for a revision that the cluster has not come to. A member may lag: it waits (EX-50)."""
        reached = await self._revision(Plan(self._timeout_s, local=True))
        if reached < revision:
            try:
                reached = await self._revision(Plan(self._timeout_s))
            except (Unavailable, TimedOut):
                return  # without a leader nobody can say so for certain
        if reached < revision:
            raise WatchReset(
                f"revision {revision} lies ahead of the cluster's, which is {reached}",
                reason="ahead",
            )

    async def _revision(self, plan: Plan) -> int:
        request = wire.ListRequest(
            filter=wire.Filter(include_finished=True),
            page_size=1,
            read=wire.ReadOptions(stale=plan.local),
        )
        return (await self._caller.call(LIST, request, plan)).answer.revision

    async def _connection(self) -> AsyncGenerator[WatchEvent, None]:
        """What one connection tells. Ends when it is lost; raises when no other would do better."""
        address = self._caller.directory.pick()
        self._held = []
        try:
            async for message in self._open(address):
                event = self._take(message, address, restarted=self._resumed(address))
                if event is not None:
                    yield event
            self._lost(address, Verdict.NOT_NOW, ClientError("the stream ended without a word"))
        except grpc.aio.AioRpcError as failure:
            self._judge(failure, address)

    def _resumed(self, address: str) -> bool:
        """A message came: the connection stands. True if an earlier one was lost before it."""
        self._tries = Tries(len(self._caller.directory.members))
        self._began_at = self.silence = None
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
        self._lost(address, verdict, error)

    def _lost(self, address: str, verdict: Verdict, error: ClientError) -> None:
        self._tries.failed(verdict, silent=False)
        self._caller.directory.failed(address)
        if self._began_at is None:
            self._break(address)
            return
        self.silence = Unavailable(error.message, metadata=error.metadata)
        self.silence.member = address
        if time.monotonic() - self._began_at > self._timeout_s:
            raise self.silence

    def _break(self, address: str) -> None:
        """A connection that had told something is no more: say so, once."""
        if not self._broken and self._on_loss is not None:
            self._on_loss(address)
        self._broken = True

    def _take(
        self, message: wire.WatchResponse, address: str, *, restarted: bool
    ) -> WatchEvent | None:
        kind = message.kind.lower()
        if kind == "reset":
            self._reset(message, address)
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

    def _reset(self, message: wire.WatchResponse, address: str) -> None:
        """A reset can be mended if our revision is still kept, and if it is not the second for the same one."""
        known = self.revision
        if known is not None and known >= message.oldest_revision and self._reset_at != known:
            self._reset_at = known
            self._break(address)
            return
        raise WatchReset(
            f"revision {known} is no longer kept; the oldest is {message.oldest_revision}",
            reason=message.reason,
            metadata={"oldest_revision": str(message.oldest_revision)},
        )
