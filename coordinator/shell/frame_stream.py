"""Frames between two members on a TCP connection of their own: four bytes of length, then that many bytes.

gRPC carries the same frames wherever no such connection can be made. Here a frame is one write and one read on the
event loop's own thread, without a hop through a thread of gRPC's: a lone commit crosses four of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

from typing_extensions import override

from coordinator.shell.peer_channel import MESSAGE_BYTES_MAX

HEAD = struct.Struct(">I")
SILENT_PEER_MS = 4_000  # bytes that nobody acknowledges for so long end the connection
KEEPALIVE_IDLE_S, KEEPALIVE_EVERY_S, KEEPALIVE_TRIES = 2, 1, 2
UNSENT_BYTES_MAX = 1024 * 1024  # a writer pauses above it


class BadFrame(Exception):
    """A length that no frame of ours has: whoever speaks here does not speak our language."""


class FrameBuffer:
    """Bytes in, whole frames out."""

    def __init__(self, bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are complete now, in order. Raises BadFrame."""
        rest = self._rest
        rest += data
        frames: list[bytes] = []
        begin = 0
        while len(rest) - begin >= HEAD.size:
            (size,) = HEAD.unpack_from(rest, begin)
            if not 0 < size <= self._bytes_max:
                raise BadFrame(f"a frame of {size} bytes; at most {self._bytes_max}")
            end = begin + HEAD.size + size
            if len(rest) < end:
                break
            frames.append(bytes(memoryview(rest)[begin + HEAD.size : end]))
            begin = end
        if begin:
            del rest[:begin]
        return frames


class FrameStream(asyncio.Protocol):
    """One end of a connection. `on_frame` is called for each frame in order, `on_end` once it is over."""

    def __init__(
        self, on_frame: Callable[[FrameStream, bytes], None], on_end: Callable[[], None]
    ) -> None:
        self._on_frame = on_frame
        self._on_end = on_end
        self._buffer = FrameBuffer()
        self._transport: asyncio.Transport | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.ended = False

    @property
    def has_room(self) -> bool:
        """Whether a frame written now would not pile up."""
        return self._room.is_set() and not self.ended

    def write(self, frame: bytes) -> None:
        """Never waits; see `has_room`. What is written after the end is lost, as it is on any connection."""
        if self._transport is not None and not self.ended:
            self._transport.write(HEAD.pack(len(frame)) + frame)

    async def wait_room(self) -> None:
        """Until there is room again, or the stream has ended."""
        await self._room.wait()

    def close(self) -> None:
        """Write what waits, then end it."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End it now; what waits is lost."""
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=UNSENT_BYTES_MAX)
        _notice_silence(transport.get_extra_info("socket"))

    @override
    def data_received(self, data: bytes) -> None:
        try:
            frames = self._buffer.feed(data)
        except BadFrame:
            self.abort()
            return
        for frame in frames:
            self._on_frame(self, frame)

    @override
    def pause_writing(self) -> None:
        self._room.clear()

    @override
    def resume_writing(self) -> None:
        self._room.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._room.set()
        self._on_end()


async def open_frames(
    address: str,
    on_frame: Callable[[FrameStream, bytes], None],
    on_end: Callable[[], None],
    timeout_s: float,
) -> FrameStream:
    """A connection to `host:port`. Raises OSError, TimeoutError among them."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        _, stream = await loop.create_connection(
            lambda: FrameStream(on_frame, on_end), host.strip("[]"), int(port)
        )
    return stream


def _notice_silence(sock: socket.socket) -> None:
    """A peer whose machine is gone says nothing, not even that it is gone."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wanted = (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
        ("TCP_KEEPALIVE", KEEPALIVE_IDLE_S),  # what macOS calls it
        ("TCP_KEEPINTVL", KEEPALIVE_EVERY_S),
        ("TCP_KEEPCNT", KEEPALIVE_TRIES),
        ("TCP_USER_TIMEOUT", SILENT_PEER_MS),  # Linux
    )
    for name, value in wanted:
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
