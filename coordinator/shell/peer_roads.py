"""Two ways to carry frames to a peer: gRPC, which is always there, and a framed stream where the peer offers one.

Every road begins with a call of gRPC's and the introductions on it. If the peer's says where it takes a framed
stream, that is tried next; where it cannot be opened the call itself carries the frames.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol

import grpc.aio
from google.protobuf.message import DecodeError

from coordinator.model.addresses import is_loopback
from coordinator.shell.clock import read_clock
from coordinator.shell.frame_stream import FrameStream, open_frames
from coordinator.shell.logs import Log
from coordinator.shell.standing import Standing
from coordinator.wire.v1.internal_pb2 import PeerFrame, PeerReply
from coordinator.wire.v1.internal_pb2_grpc import PeerStub

HELLO_TIMEOUT_S = 2.0
PING_EVERY_S, PINGS_MISSED_MAX = 2.0, 2  # a process that is stopped keeps its connections
UNREACHABLE = (grpc.RpcError, asyncio.InvalidStateError, OSError)  # TimeoutError is an OSError

_Call = grpc.aio.StreamStreamCall[PeerFrame, PeerReply]


class Refused(Exception):
    """One of the two does not take the other for a member; `removed`: we are none any more, for good."""

    def __init__(self, reason: str, *, removed: bool = False) -> None:
        super().__init__(reason)
        self.removed = removed


class Meeting(NamedTuple):
    """Who we are, and which member we call."""

    standing: Standing
    member: int

    def check(self, reply: PeerReply) -> None:
        """Raises Refused if either side objects to the other, or if another member answers than was called: who
        takes a member's place may take its address, too.
        """
        if reply.refused:
            raise Refused(reply.refused, removed=reply.removed)
        objection = self.standing.objection(reply.hello)
        if objection is not None:
            raise Refused(objection)
        if reply.hello.member_id != self.member:
            raise Refused(f"member {reply.hello.member_id} answers here, not {self.member}")


class Road(Protocol):
    """An open way to one peer. `on_end` of its maker is called once, when it is over."""

    @property
    def is_over(self) -> bool: ...

    @property
    def takes_now(self) -> bool:
        """Whether `put` may be called: what it is given leaves without a wait."""
        ...

    def put(self, frame: PeerFrame) -> None: ...

    async def write(self, frame: PeerFrame) -> None:
        """Waits while the peer is slow."""
        ...

    def close(self) -> None: ...


class CallRoad:
    """Frames as messages of one gRPC call."""

    takes_now = False

    def __init__(self, call: _Call, on_end: Callable[[], None]) -> None:
        self._call = call
        self._on_end = on_end
        self._reader = asyncio.create_task(self._watch_end())

    @property
    def is_over(self) -> bool:
        return self._reader.done()

    def put(self, frame: PeerFrame) -> None:
        raise NotImplementedError("a call's messages have to be awaited")

    async def write(self, frame: PeerFrame) -> None:
        await self._call.write(frame)

    def close(self) -> None:
        self._reader.cancel()
        self._call.cancel()

    async def _watch_end(self) -> None:
        """The peer says nothing more on this stream: what comes is its end."""
        try:
            while await self._call.read() is not grpc.aio.EOF:
                pass
        except grpc.RpcError:
            pass
        finally:
            asyncio.get_running_loop().call_soon(self._on_end)


class StreamRoad:
    """Frames on a connection of their own; made by `open`."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._reply: asyncio.Future[PeerReply] = asyncio.get_running_loop().create_future()
        self._stream: FrameStream | None = None
        self._pings_missed = 0
        self._pinging: asyncio.TimerHandle | None = None

    async def open(self, address: str, meeting: Meeting) -> None:
        """Connect and introduce ourselves. Raises Refused, OSError, TimeoutError."""
        self._stream = await open_frames(address, self._heard, self._ended, HELLO_TIMEOUT_S)
        self._stream.write(PeerFrame(hello=meeting.standing.introduction()).SerializeToString())
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            meeting.check(await self._reply)
        self._ping()

    @property
    def is_over(self) -> bool:
        return self._stream is None or self._stream.ended

    @property
    def takes_now(self) -> bool:
        return self._stream is not None and self._stream.has_room

    def put(self, frame: PeerFrame) -> None:
        if self._stream is not None:
            self._stream.write(frame.SerializeToString())

    async def write(self, frame: PeerFrame) -> None:
        if self._stream is not None:
            self.put(frame)
            await self._stream.wait_room()

    def close(self) -> None:
        if self._pinging is not None:
            self._pinging.cancel()
        if self._stream is not None:
            self._stream.abort()

    def _ping(self) -> None:
        """A frame without messages is answered at once."""
        if self._pings_missed > PINGS_MISSED_MAX:
            self.close()
            return
        self._pings_missed += 1
        self.put(PeerFrame(sent_wall_at=read_clock().wall))
        self._pinging = asyncio.get_running_loop().call_later(PING_EVERY_S, self._ping)

    def _heard(self, _stream: FrameStream, frame: bytes) -> None:
        if self._reply.done():
            self._pings_missed = 0
            return
        try:
            self._reply.set_result(PeerReply.FromString(frame))
        except DecodeError as error:
            self._reply.set_exception(ConnectionResetError(f"no hello: {error}"))

    def _ended(self) -> None:
        if self._pinging is not None:
            self._pinging.cancel()
        if not self._reply.done():
            self._reply.set_exception(ConnectionResetError("the stream ended before a hello"))
        self._on_end()


async def open_road(
    channel: grpc.aio.Channel, meeting: Meeting, on_end: Callable[[], None], log: Log
) -> Road:
    """The better of the two. Raises Refused, and what `UNREACHABLE` names."""
    call = PeerStub(channel).Exchange()
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            await call.write(PeerFrame(hello=meeting.standing.introduction()))
            reply = await call.read()
        if not isinstance(reply, PeerReply):
            raise TimeoutError("the stream ended before a hello")
        meeting.check(reply)
        stream = await _open_stream(reply.hello.stream, meeting, on_end, log)
    except BaseException:
        call.cancel()
        raise
    if stream is None:
        return CallRoad(call, on_end)
    call.cancel()
    return stream


async def _open_stream(
    address: str, meeting: Meeting, on_end: Callable[[], None], log: Log
) -> StreamRoad | None:
    if not address or not is_loopback(address.rpartition(":")[0].strip("[]")):
        return None
    road = StreamRoad(on_end)
    try:
        await road.open(address, meeting)
    except (Refused, OSError) as error:
        road.close()
        log.warning("no framed stream, gRPC instead", peer=address, error=str(error))
        return None
    except BaseException:
        road.close()
        raise
    return road
