"""The worker's end of the socket pair: many frames per write, many per read, and a way around a blocked event loop.

Ordinarily the event loop reads and writes. When user code blocks the loop, the watch (`worker_watch`) calls `rescue`
from its own thread: pings are answered there and then, lines already written get out, and everything else waits for
the loop in the order in which it came.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Never, Protocol

from node.frame_buffer import FrameError, encode_frame, worker_side
from node.frames import Ping, Pong, ToAgent, ToWorker

READ_BYTES = 256 * 1024
BACKLOG_BYTES_MAX = 4 * 1024 * 1024

Handler = Callable[[Sequence[ToWorker]], None]


class Outward(Protocol):
    """What a run needs of a pipe. `send_droppable`: only if the agent keeps up."""

    def send(self, message: ToAgent, /) -> None: ...

    def send_at_once(self, message: ToAgent, /) -> None: ...

    def send_droppable(self, message: ToAgent, /) -> None: ...


class WorkerPipe:
    """Sends from any thread; hands what arrives to `handle`, in the event loop's thread."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        sock.setblocking(False)
        os.register_at_fork(
            after_in_child=sock.close
        )  # or a forked child would hide our death from the agent
        self._sock = sock
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._handle: Handler = lambda _messages: None
        self._count_runs: Callable[[], int] = lambda: 0
        self._buffer = worker_side()
        self._held: list[ToWorker] = []
        self._reading = threading.Lock()
        self._outlet = _Outlet(sock)
        self._flush_is_due = False

    def open(self, handle: Handler, count_runs: Callable[[], int]) -> None:
        """Begin to read. `count_runs` is what a Pong tells; it is called from any thread."""
        self._handle = handle
        self._count_runs = count_runs
        self._loop.add_reader(self._sock.fileno(), self._on_readable)

    def send(self, message: ToAgent) -> None:
        """To be written with whatever else is sent in this turn of the loop. From any thread."""
        self._outlet.put(encode_frame(message))
        if self._flush_is_due:
            return
        self._flush_is_due = True
        if threading.get_ident() == self._loop_thread:
            self._loop.call_soon(self._flush)
        else:
            self._loop.call_soon_threadsafe(self._flush)

    def send_at_once(self, message: ToAgent) -> None:
        """`send`, but written before this returns, if the agent keeps up. From the event loop's thread."""
        self._outlet.put(encode_frame(message))
        self._flush()

    def send_droppable(self, message: ToAgent) -> None:
        """`send`, unless the agent has fallen far behind."""
        if self._outlet.backlog < BACKLOG_BYTES_MAX:
            self.send(message)

    def pong(self, ping: Ping) -> None:
        """Answer a ping. From any thread."""
        self.send(Pong(ping.token, self._count_runs()))

    def rescue(self) -> None:
        """For the watch, while the loop is blocked: read, answer pings, write what waits; keep the rest in order."""
        with self._reading:
            messages = self._read()
            self._held += [one for one in messages if not isinstance(one, Ping)]
        for one in messages:
            if isinstance(one, Ping):
                self._outlet.put(encode_frame(Pong(one.token, self._count_runs())))
        if messages:
            self._loop.call_soon_threadsafe(self._on_readable)
        self._outlet.flush()

    def drain(self, seconds_max: float) -> None:
        """Write everything that waits, blocking. The last thing a worker does."""
        self._sock.settimeout(seconds_max)
        self._outlet.flush_blocking()

    def _on_readable(self) -> None:
        with self._reading:
            messages = self._held + self._read()
            self._held = []
        if messages:
            self._handle(messages)

    def _read(self) -> list[ToWorker]:
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            die_with_group()
        if not data:
            die_with_group()
        try:
            return self._buffer.feed(data)
        except FrameError:
            die_with_group()

    def _flush(self) -> None:
        self._flush_is_due = False
        if not self._outlet.flush():
            self._loop.add_writer(self._sock.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        if self._outlet.flush():
            self._loop.remove_writer(self._sock.fileno())


class _Outlet:
    """Bytes that wait to be written. All methods from any thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._frames: list[bytes] = []
        self._rest = b""
        self.backlog = 0

    def put(self, frame: bytes) -> None:
        with self._lock:
            self._frames.append(frame)
            self.backlog += len(frame)

    def flush(self) -> bool:
        """Write what the socket takes; whether that was all."""
        with self._lock:
            data = self._take()
            if not data:
                return True
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                die_with_group()
            self._rest = data[sent:]
            self.backlog -= sent
            return not self._rest

    def flush_blocking(self) -> None:
        with self._lock:
            try:
                self._sock.sendall(self._take())
            except OSError:
                return

    def _take(self) -> bytes:
        data = self._rest + b"".join(self._frames) if self._rest else b"".join(self._frames)
        self._frames.clear()
        return data


def die_with_group() -> Never:
    """The agent is gone: so is this process, and what it started in its group."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
