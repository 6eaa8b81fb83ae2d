"""Drives a real worker process over its pipe, as an agent would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from node.frame_buffer import agent_side, encode_frames, worker_command
from node.frames import (
    Ended,
    Log,
    Ready,
    Shutdown,
    Start,
    State,
    StateAck,
    ToAgent,
    ToWorker,
)

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = str(Path(__file__).with_name("worker_plugin.py"))
HANG_SECONDS = 30.0

Kind = TypeVar("Kind", bound=ToAgent)


class WorkerProcess:
    """A worker and everything it has said. With `acks`, state writes are acknowledged at once."""

    def __init__(
        self, *specs: str, acks: bool = True, skipped: Mapping[str, str] | None = None
    ) -> None:
        ours, theirs = socket.socketpair()
        self.acks = acks
        self.seen: list[ToAgent] = []
        self._sock = ours
        self._buffer = agent_side()
        self._process = subprocess.Popen(
            worker_command(
                sys.executable, theirs.fileno(), os.getpid(), specs or (PLUGIN,), skipped
            ),
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PTASKS_NODE_MARK": "mark-of-the-test"},
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._sock.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL to all of it."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.kill()
        self._process.wait(HANG_SECONDS)

    def exit_code(self) -> int:
        return self._process.wait(HANG_SECONDS)

    def hang_up(self) -> None:
        """Close our end, as the death of an agent does."""
        self._sock.close()

    def shut_down(self) -> int:
        self.send(Shutdown())
        return self.exit_code()

    def send(self, *messages: ToWorker) -> None:
        self._sock.settimeout(HANG_SECONDS)
        self._sock.sendall(encode_frames(messages))

    def start(self, executor: str, allocation_id: int = 1, **fields: object) -> None:
        params = fields.pop("params", b"{}")
        self.send(Start("t1", allocation_id, executor, params, **fields))  # type: ignore[arg-type]

    def ready(self) -> Ready:
        return self.wait_for(Ready)

    def ended(self, allocation_id: int = 1) -> Ended:
        return self.wait_for(Ended, lambda one: one.allocation_id == allocation_id)

    def run(self, executor: str, allocation_id: int = 1, **fields: object) -> Ended:
        """Start and wait for the end."""
        self.start(executor, allocation_id, **fields)
        return self.ended(allocation_id)

    def wait_for(self, kind: type[Kind], fits: Callable[[Kind], bool] = lambda _one: True) -> Kind:
        """The first message of this kind that fits, seen or yet to come."""
        end = time.monotonic() + HANG_SECONDS
        looked = 0
        while True:
            for message in self.seen[looked:]:
                if isinstance(message, kind) and fits(message):
                    return message
            looked = len(self.seen)
            self.read(end - time.monotonic())

    def wait_for_any(
        self, *kinds: type[Any], fits: Callable[[Any], bool] = lambda _one: True
    ) -> Any:
        """`wait_for` with several kinds."""
        return self.wait_for(kinds, fits)  # type: ignore[arg-type]

    def read(self, seconds: float) -> None:
        """One read. Raises TimeoutError, or EOFError when the worker has gone."""
        self._sock.settimeout(max(seconds, 0.001))
        data = self._sock.recv(1 << 18)
        if not data:
            raise EOFError(f"the worker hung up; it had said {self.seen[-5:]}")
        for message in self._buffer.feed(data):
            self.seen.append(message)
            if self.acks and isinstance(message, State):
                self.send(StateAck(message.allocation_id, message.seq, 100 + message.seq))

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [one for one in self.seen if isinstance(one, kind)]

    def log_lines(self) -> list[tuple[str, str]]:
        return [(one.level, one.event) for one in self.of(Log)]
