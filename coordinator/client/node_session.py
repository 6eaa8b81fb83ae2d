"""A node's session with a coordinator: one two-way stream, spoken in the values of `node_values`.

`NodeStream.open` connects and registers. The first frame read is either a welcome or a close with its reason; after
that both sides send whatever waits, many items to a frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Self

import grpc
import grpc.aio

from coordinator.client.channels import OPTIONS
from coordinator.client.node_values import FromLeader
from coordinator.client.node_wire import Outgoing, RunLogs, leader_frame, node_frames
from coordinator.wire.v1 import internal_pb2 as wire

METHOD = "/ptasks.v1.NodeSession/Connect"


class SessionBroken(Exception):
    """The stream ended without a reason of the leader's: unreachable, reset, or a server going away."""


class NodeStream:
    """One open stream. Read it with `frames`, write with `send`, always `close` it."""

    def __init__(self, channel: grpc.aio.Channel, call: Any) -> None:
        self._channel = channel
        self._call = call

    @classmethod
    async def open(cls, address: str, register: wire.NodeFrame) -> Self:
        """Connect and send the registration. Raises SessionBroken if nobody is there; may be given up at any time."""
        channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        connect: Any = channel.stream_stream(
            METHOD,
            request_serializer=wire.NodeFrame.SerializeToString,
            response_deserializer=wire.LeaderFrame.FromString,
        )
        stream = cls(channel, connect())
        try:
            await stream._write(register)
        except BaseException:
            await stream.close()
            raise
        return stream

    async def frames(self) -> AsyncIterator[FromLeader]:
        """Frames as they come. Ends when the leader ends the stream; raises SessionBroken when it breaks."""
        while True:
            try:
                frame = await self._call.read()
            except grpc.aio.AioRpcError as error:
                raise SessionBroken(f"{error.code().name}: {error.details()}") from error
            if frame is grpc.aio.EOF:
                return
            yield leader_frame(frame)

    async def send(self, outgoing: Outgoing, logs: RunLogs) -> None:
        """Send all of it. `logs` gives the log lines that travel with the end of a run, and how many were dropped."""
        for frame in node_frames(outgoing, logs):
            await self._write(frame)

    async def _write(self, frame: wire.NodeFrame) -> None:
        try:
            await self._call.write(frame)
        except grpc.aio.AioRpcError as error:
            raise SessionBroken(f"{error.code().name}: {error.details()}") from error
        except (grpc.aio.UsageError, asyncio.InvalidStateError) as error:
            raise SessionBroken(str(error)) from error  # the leader had ended it already

    async def done_writing(self) -> None:
        """Say that nothing follows, so that what was sent arrives before the stream ends."""
        try:
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            pass  # already broken: there is nothing left to finish

    async def close(self) -> None:
        """End stream and connection."""
        self._call.cancel()
        await self._channel.close()
