"""The `NodeSession` service: one two-way stream per node, with the leader alone. Wire <-> sayings."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from typing_extensions import override

from coordinator.api.checks import Schemas, check_registration
from coordinator.api.children import checked
from coordinator.api.door import Door
from coordinator.api.errors import Rejected, abort
from coordinator.api.node_words import frame_to_wire, registration, saying
from coordinator.api.road import Context
from coordinator.replica.effects import CloseNode
from coordinator.replica.inputs import NodeClosed, NodeSaid
from coordinator.replica.sayings import LeaderSaying
from coordinator.wire.v1 import internal_pb2 as wire
from coordinator.wire.v1.internal_pb2_grpc import NodeSessionServicer

FRAMES_WAITING_MAX = 10_000  # a node that reads nothing for so long is cut off


class NodeSessionService(NodeSessionServicer):
    """Registered as `ptasks.v1.NodeSession`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._schemas = Schemas()

    @override
    async def Connect(  # reads and writes by the context: cheaper than two generators
        self, request_iterator: AsyncIterator[wire.NodeFrame], context: Context
    ) -> None:
        del request_iterator
        first = await context.read()
        if not isinstance(first, wire.NodeFrame) or not first.HasField("register"):
            return
        try:
            check_registration(first.register)
        except Rejected as rejected:
            await abort(context, rejected)
        line = _Line()
        session = self._door.open_session(registration(first.register), line.say, line.close)
        reader = asyncio.create_task(self._listen(session, first, context, line))
        try:
            await self._talk(line, context)
        finally:
            reader.cancel()
            self._door.feed(NodeClosed(session))

    async def _listen(
        self, session: int, first: wire.NodeFrame, context: Context, line: _Line
    ) -> None:
        try:
            if first.HasField("heartbeat") or first.reports:
                self._hear(session, first)
            while isinstance(frame := await context.read(), wire.NodeFrame):
                self._hear(session, frame)
        finally:
            line.end()

    def _hear(self, session: int, frame: wire.NodeFrame) -> None:
        said = checked(saying(frame), self._schemas, self._door.replica.state)
        self._door.feed(NodeSaid(session, said))

    async def _talk(self, line: _Line, context: Context) -> None:
        while True:
            await line.ready.wait()
            line.ready.clear()
            while line.waiting:
                await context.write(frame_to_wire(line.waiting.popleft()))
            if line.closing is not None:
                await context.write(self._last_words(line.closing))
                return
            if line.ended:
                return

    def _last_words(self, closing: CloseNode) -> wire.LeaderFrame:
        replica = self._door.replica
        return wire.LeaderFrame(
            term=replica.term,
            close=closing.reason,
            close_detail=closing.detail,
            leader_address=self._door.address_of(replica.leader_id),
        )


class _Line:
    """What waits to be said to one node."""

    def __init__(self) -> None:
        self.waiting: deque[LeaderSaying] = deque()
        self.ready = asyncio.Event()
        self.closing: CloseNode | None = None
        self.ended = False

    def say(self, one: LeaderSaying) -> None:
        if len(self.waiting) >= FRAMES_WAITING_MAX:
            self.end()  # it connects anew and gets the full set
            return
        self.waiting.append(one)
        self.ready.set()

    def close(self, closing: CloseNode) -> None:
        self.closing = closing
        self.ready.set()

    def end(self) -> None:
        self.ended = True
        self.ready.set()
