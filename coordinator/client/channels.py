"""Channels to members: at most 100 unary calls in flight on each, up to four per member, waits and streams apart (EX-53).

A connection carries at most 128 streams (the server's limit); beyond it, and beyond some hundreds without one,
`grpc.aio` ends calls as CANCELLED or UNAVAILABLE that had nothing wrong with them. So calls queue here, within the
time they were given, where queueing is all that happens to them. Patient calls (waits) have channels and a queue of
their own: each keeps its place for seconds, and a short call never stands behind them. grpc's own retries are off:
there is one retry loop, in `calls.py`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio

from coordinator.client.errors import Unavailable
from coordinator.client.routing import SHORTEST_TRY_S

IN_FLIGHT_MAX = 100
LANES_MAX = 4
RECEIVE_BYTES_MAX = 64 * 1024 * 1024

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # how long one attempt to connect may take
    ("grpc.max_receive_message_length", RECEIVE_BYTES_MAX),
    ("grpc.max_send_message_length", -1),  # the server says better than we what is too large
    ("grpc.enable_retries", 0),
    (
        "grpc.enable_http_proxy",
        0,
    ),  # members are named by address; a proxy for web pages has no part in it
    ("grpc.use_local_subchannel_pool", 1),  # else two channels to one address share a connection
)

Request = TypeVar("Request")
Response = TypeVar("Response")


class Method(Generic[Request, Response]):
    """One gRPC method: its path, how a request becomes bytes, and how bytes become an answer."""

    __slots__ = ("decode", "encode", "path")

    def __init__(
        self, path: str, encode: Callable[[Request], bytes], decode: Callable[[bytes], Response]
    ) -> None:
        self.path, self.encode, self.decode = path, encode, decode

    @property
    def name(self) -> str:
        """`Create` of `/ptasks.v1.Tasks/Create`."""
        return self.path.rpartition("/")[2]


class Lane:
    """One connection with its calls in flight. `calls` caches what grpc makes per method."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        self.in_flight = 0
        self._unary: dict[str, Any] = {}
        self._streams: dict[str, Any] = {}

    def unary(self, method: Method[Request, Response]) -> Any:
        """The grpc callable of a method with one answer."""
        found = self._unary.get(method.path)
        if found is None:
            found = self._unary[method.path] = self.channel.unary_unary(
                method.path, request_serializer=method.encode, response_deserializer=method.decode
            )
        return found

    def stream(self, method: Method[Request, Response]) -> Any:
        """The grpc callable of a method with a stream of answers."""
        found = self._streams.get(method.path)
        if found is None:
            found = self._streams[method.path] = self.channel.unary_stream(
                method.path, request_serializer=method.encode, response_deserializer=method.decode
            )
        return found


class Pool:
    """The lanes for one kind of call. Who finds them full queues for a place."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.lanes: list[Lane] = []
        self._places = IN_FLIGHT_MAX * LANES_MAX
        self._room = asyncio.Semaphore(self._places)

    async def call(
        self, method: Method[Request, Response], request: Request, timeout_s: float, try_s: float
    ) -> Response:
        """As `MemberChannels.call`."""
        clock = asyncio.get_running_loop().time
        ends = clock() + timeout_s
        await self._enter(timeout_s - SHORTEST_TRY_S)
        lane = self._least_busy()
        lane.in_flight += 1
        try:
            left = min(try_s, ends - clock())
            answer: Response = await lane.unary(method)(request, timeout=left)
            return answer
        finally:
            lane.in_flight -= 1
            self._room.release()

    async def _enter(self, longest_s: float) -> None:
        """Take a place. Later than this a try would end in silence, and a change in doubt, so it is not sent at all."""
        if not self._room.locked():
            await self._room.acquire()
            return
        try:
            async with asyncio.timeout(max(0.0, longest_s)):
                await self._room.acquire()
        except TimeoutError:
            full = Unavailable(
                f"not sent: {self._places} calls of this client to {self._address} are in progress",
                metadata={"cause": "queued"},
            )
            full.member = self._address
            raise full from None

    def _least_busy(self) -> Lane:
        best = min(self.lanes, key=lambda lane: lane.in_flight, default=None)
        if best is not None and (best.in_flight < IN_FLIGHT_MAX or len(self.lanes) == LANES_MAX):
            return best
        lane = Lane(self._address)
        self.lanes.append(lane)
        return lane


class MemberChannels:
    """All connections to one member: lanes for calls, lanes for waits, one more for streams."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._calls = Pool(address)
        self._waits = Pool(address)
        self._streams: Lane | None = None

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        timeout_s: float,
        *,
        try_s: float = math.inf,
        patient: bool = False,
    ) -> Response:
        """One try of a unary call: a place within `timeout_s`, then `try_s` at most of what is left of it.

        Raises grpc.aio.AioRpcError; Unavailable of cause `queued` when there was no place, so that nothing was sent.
        """
        pool = self._waits if patient else self._calls
        return await pool.call(method, request, timeout_s, try_s)

    def stream(self, method: Method[Request, Response], request: Request) -> Any:
        """Open a stream; iterate over it. Its end is seen by iterating, as grpc.aio.AioRpcError if it was none."""
        if self._streams is None:
            self._streams = Lane(self._address)
        return self._streams.stream(method)(request)

    async def close(self) -> None:
        """End all connections; calls in progress end as cancelled."""
        streams = [self._streams] if self._streams else []
        for lane in [*self._calls.lanes, *self._waits.lanes, *streams]:
            await lane.channel.close()


class Channels:
    """Connections to every member that was ever asked."""

    def __init__(self) -> None:
        self._members: dict[str, MemberChannels] = {}

    def of(self, address: str) -> MemberChannels:
        """The connections to one member, made on first use."""
        found = self._members.get(address)
        if found is None:
            found = self._members[address] = MemberChannels(address)
        return found

    async def close(self) -> None:
        """End all connections."""
        for member in self._members.values():
            await member.close()
        self._members.clear()
