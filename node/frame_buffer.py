"""Frames to bytes and back, and the command that starts the process at the other end. No input or output here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Generic, TypeVar

import msgspec

from node.frames import ToAgent, ToWorker

LOOP_WARN_MS = 5_000  # an event loop that is blocked for longer is told of anew
FRAME_BYTES_MAX = 8 * 1024 * 1024

_LENGTH = Struct(">I")


class FrameError(Exception):
    """The other side sent what is no frame. The pipe cannot be trusted any more: close it."""


_encoder = msgspec.msgpack.Encoder()

Message = TypeVar("Message")


def encode_frame(message: ToWorker | ToAgent) -> bytes:
    """One message as it goes over the pipe."""
    body = _encoder.encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise FrameError(
            f"{type(message).__name__} of {len(body)} bytes, at most {FRAME_BYTES_MAX}"
        )
    return _LENGTH.pack(len(body)) + body


def encode_frames(messages: Iterable[ToWorker | ToAgent]) -> bytes:
    """Many messages for one write."""
    return b"".join(map(encode_frame, messages))


class FrameBuffer(Generic[Message]):
    """Takes bytes as they come off a pipe and gives back whole messages, in order. No input or output of its own.

    Made by `agent_side()` or `worker_side()`.
    """

    def __init__(self, decoder: msgspec.msgpack.Decoder[Message]) -> None:
        self._decode = decoder.decode
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """All messages completed by `data`. Raises FrameError; the buffer is of no use afterwards."""
        buffer = self._pending
        buffer += data
        messages: list[Message] = []
        offset, end = 0, len(buffer)
        try:
            with memoryview(buffer) as view:
                while end - offset >= 4:
                    (size,) = _LENGTH.unpack_from(view, offset)
                    if size > FRAME_BYTES_MAX:
                        raise FrameError(f"a frame of {size} bytes, at most {FRAME_BYTES_MAX}")
                    if end - offset - 4 < size:
                        break
                    with view[offset + 4 : offset + 4 + size] as body:
                        messages.append(self._decode(body))
                    offset += 4 + size
        except msgspec.MsgspecError as error:
            raise FrameError(f"a frame that is no message: {error}") from error
        del buffer[:offset]
        return messages


_to_agent = msgspec.msgpack.Decoder(ToAgent)
_to_worker = msgspec.msgpack.Decoder(ToWorker)


def agent_side() -> FrameBuffer[ToAgent]:
    """The buffer with which an agent reads what its worker says."""
    return FrameBuffer(_to_agent)


def worker_side() -> FrameBuffer[ToWorker]:
    """The buffer with which a worker reads what its agent says."""
    return FrameBuffer(_to_worker)


def worker_command(
    python: str,
    fd: int,
    parent_pid: int,
    executors: Sequence[str],
    skipped: Mapping[str, str] | None = None,
    loop_warn_ms: int = LOOP_WARN_MS,
) -> list[str]:
    """The argument list that starts a worker.

    `fd` is its end of a socket pair, inherited (`pass_fds`); `executors` are the values of `--executors`; `skipped`
    says what not to import, and which load error to tell of it; `loop_warn_ms`: TM-65. The worker makes itself leader of a process group and
    asks to die with the thread that started it.
    """
    command = [python, "-m", "node.worker", "--fd", str(fd), "--parent", str(parent_pid)]
    command += ["--loop-warn", str(loop_warn_ms)]
    for spec in executors:
        command += ["--executors", spec]
    for source, message in (skipped or {}).items():
        command += ["--skip", source, "--because", message]
    return command
