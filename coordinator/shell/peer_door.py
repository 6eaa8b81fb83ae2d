"""Where members open framed streams (`--peer-listen`): the same first words as by gRPC, then frames."""

from __future__ import annotations

import asyncio

from google.protobuf.message import DecodeError

from coordinator.client.start_checks import PortTaken, check_port
from coordinator.shell.frame_stream import FrameStream
from coordinator.shell.logs import Log
from coordinator.shell.peer_server import PeerService
from coordinator.wire.v1.internal_pb2 import PeerFrame, PeerReply

FLAG = "--peer-listen"
HELLO_WITHIN_S = 2.0
ALIVE = PeerReply(received=1).SerializeToString()


class PeerDoor:
    """Listens on one address. Each connection belongs to the member that its first frame names."""

    def __init__(self, address: str, service: PeerService, log: Log) -> None:
        self._address = address
        self._service = service
        self._log = log
        self._callers: dict[FrameStream, int] = {}  # 0: has not said who it is
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises PortTaken."""
        check_port(self._address, FLAG)
        host, _, port = self._address.rpartition(":")
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._met, host.strip("[]"), int(port))
        except OSError as error:
            raise PortTaken(f"{FLAG}: {self._address}: {error.strerror or error}") from error

    def stop(self) -> None:
        """No new streams, and an end to those there are."""
        if self._server is not None:
            self._server.close()
        for stream in tuple(self._callers):
            stream.abort()

    def end_gone(self) -> None:
        """End the streams of those that were removed; greeting us again they are told (M4)."""
        for stream, member in tuple(self._callers.items()):
            if member and self._service.is_gone(member):
                self._forget(stream)
                stream.close()

    def _met(self) -> FrameStream:
        stream = FrameStream(self._heard, lambda: self._forget(stream))
        self._callers[stream] = 0
        asyncio.get_running_loop().call_later(HELLO_WITHIN_S, self._end_if_nameless, stream)
        return stream

    def _forget(self, stream: FrameStream) -> None:
        self._callers.pop(stream, None)

    def _end_if_nameless(self, stream: FrameStream) -> None:
        if self._callers.get(stream) == 0:
            stream.abort()

    def _heard(self, stream: FrameStream, data: bytes) -> None:
        sender = self._callers.get(stream)
        if sender is None:
            return  # it was told to go
        try:
            frame = PeerFrame.FromString(data)
        except DecodeError as error:
            self._log.error("frame not understood", member=sender, error=str(error))
            stream.abort()
            return
        if sender and not frame.messages:
            stream.write(ALIVE)
        elif sender:
            self._service.take(sender, frame)
        else:
            self._welcome(stream, frame)

    def _welcome(self, stream: FrameStream, frame: PeerFrame) -> None:
        reply = self._service.reply_to(frame.hello)
        stream.write(reply.SerializeToString())
        if reply.refused:
            self._forget(stream)
            stream.close()
        else:
            self._callers[stream] = frame.hello.member_id
