"""Channels to members: at most 100 unary calls in flight on each, up to four per member, streams apart (EX-53).

A connection carries at most 128 streams (the server's limit); beyond it, and beyond some hundreds without one,
`grpc.aio` ends calls as CANCELLED or UNAVAILABLE that had nothing wrong with them. So calls wait here, in our own
queue, where waiting is all that happens to them. grpc's own retries are off: there is one retry loop, in `calls.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio

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


class MemberChannels:
    """All connections to one member: lanes for calls, one more for streams."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lanes: list[Lane] = []
        self._streams: Lane | None = None
        self._room = asyncio.Semaphore(IN_FLIGHT_MAX * LANES_MAX)

    async def call(
        self, method: Method[Request, Response], request: Request, timeout_s: float
    ) -> Response:
        """One try of a unary call. Raises grpc.aio.AioRpcError."""
        async with self._room:
            lane = self._least_busy()
            lane.in_flight += 1
            try:
                answer: Response = await lane.unary(method)(request, timeout=timeout_s)
                return answer
            finally:
                lane.in_flight -= 1

    def stream(self, method: Method[Request, Response], request: Request) -> Any:
        """Open a stream; iterate over it. Its end is seen by iterating, as grpc.aio.AioRpcError if it was none."""
        if self._streams is None:
            self._streams = Lane(self._address)
        return self._streams.stream(method)(request)

    def _least_busy(self) -> Lane:
        best = min(self._lanes, key=lambda lane: lane.in_flight, default=None)
        if best is not None and (best.in_flight < IN_FLIGHT_MAX or len(self._lanes) == LANES_MAX):
            return best
        lane = Lane(self._address)
        self._lanes.append(lane)
        return lane

    async def close(self) -> None:
        """End all connections; calls in progress end as cancelled."""
        lanes = [*self._lanes, *([self._streams] if self._streams else [])]
        for lane in lanes:
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
