"""Worker processes as the agent sees them: started, spoken to, killed and buried.

All of it happens on the main thread, because the death signal of a worker belongs to the thread that started it. A
worker counts as dead only when its process group is gone and nothing that it left is alive.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from node.burial import kill_group
from node.child_ends import ChildEnds
from node.frame_buffer import LOOP_WARN_MS, FrameError, agent_side, encode_frames, worker_command
from node.frames import ToAgent, ToWorker
from node.orphans import LEFTOVERS_S, WHAT_TO_DO, Orphans
from node.process_ties import is_stopped

READ_BYTES = 512 * 1024
BURY_PAUSE_S, BURY_PAUSE_MAX_S = 0.002, 0.1
STOPPED_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """`orphans_go_to`: the supervisor that adopts orphans; None where nobody does."""

    executors: Sequence[str]
    environment: Mapping[str, str]
    orphans_go_to: int | None = None
    loop_warn_ms: int = LOOP_WARN_MS


class WorkerPool:
    """Workers by the numbers that NodeCore gave them."""

    def __init__(
        self,
        config: PoolConfig,
        loop: asyncio.AbstractEventLoop,
        said: Callable[[int, Sequence[ToAgent]], None],
        died: Callable[[int, str], None],
    ) -> None:
        self.skipped: Mapping[str, str] = {}  # plugins not to import, and the load error to tell
        self._config = config
        self._loop = loop
        self._said = said
        self._died = died
        self._workers: dict[int, _Process] = {}
        self._told: dict[int, _Process] = {}
        self._ends = ChildEnds(loop, self._reap)
        adopts = config.orphans_go_to
        self._orphans = None if adopts is None else Orphans(adopts, LEFTOVERS_S)

    def open(self, stopped_ms: Callable[[], int]) -> None:
        """Begin to notice deaths, and workers that somebody stopped for longer than `stopped_ms()`."""
        self._ends.open()
        self._loop.call_later(STOPPED_LOOK_S, self._look_for_stopped, stopped_ms)

    def start(self, number: int) -> None:
        """Start a worker. One that cannot be started dies at once."""
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(
                self._command(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=(theirs.fileno(),),
                env=self._config.environment,
                process_group=0,
            )
            self._watch(process)
        except OSError as error:
            ours.close()
            self._loop.call_soon(self._died, number, f"cannot be started: {error}")
            return
        finally:
            theirs.close()
        self._workers[number] = _Process(number, process, ours, self)

    def _command(self, fd: int) -> list[str]:
        executors = self._config.executors
        warn_ms = self._config.loop_warn_ms
        return worker_command(sys.executable, fd, os.getpid(), executors, self.skipped, warn_ms)

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Raises OSError, with the process gone, when its end could not be noticed."""
        try:
            self._ends.add(process.pid)
        except OSError:
            kill_group(process.pid)
            process.wait()
            raise

    def tell(self, number: int, message: ToWorker) -> None:
        """Queue a frame until `flush`."""
        worker = self._workers.get(number)
        if worker is not None:
            worker.queue.append(message)
            self._told[number] = worker

    def flush(self) -> None:
        """Everything queued for a worker is one write."""
        for worker in self._told.values():
            worker.flush()
        self._told.clear()

    def kill(self, number: int) -> None:
        """SIGKILL to the process group; `died` follows."""
        worker = self._workers.get(number)
        if worker is not None:
            kill_group(worker.pid)

    def kill_all(self) -> None:
        """For the very end of the agent."""
        for worker in self._workers.values():
            kill_group(worker.pid)

    @property
    def pids(self) -> dict[int, int]:
        """Process ids by worker number."""
        return {number: worker.pid for number, worker in self._workers.items()}

    def heard(self, number: int, messages: Sequence[ToAgent]) -> None:
        self._said(number, messages)

    def _reap(self) -> None:
        for worker in list(self._workers.values()):
            if not worker.is_buried and worker.has_exited():
                worker.is_buried = True
                self._ends.remove(worker.pid)
                worker.hear_last_words()
                detail = worker.reap()
                self._bury(worker, detail, self._loop.time() + LEFTOVERS_S, BURY_PAUSE_S)

    def _bury(self, worker: _Process, detail: str, until: float, pause_s: float) -> None:
        """Report the death as soon as nothing of it is left, or what is left will not die."""
        left = kill_group(worker.pid)
        if self._orphans is not None:
            left = self._orphans.kill() or left
        if left and self._loop.time() < until:
            later = min(2 * pause_s, BURY_PAUSE_MAX_S)
            self._loop.call_later(pause_s, self._bury, worker, detail, until, later)
            return
        del self._workers[worker.number]
        self._died(worker.number, detail + self._not_buried())

    def _not_buried(self) -> str:
        """What the line that tells of a death says of processes that outlived their SIGKILL."""
        pids = () if self._orphans is None else self._orphans.stubborn
        told = ", ".join(map(str, pids))
        return f"; processes that cannot be killed: {told} ({WHAT_TO_DO})" if pids else ""

    def _look_for_stopped(self, stopped_ms: Callable[[], int]) -> None:
        now = self._loop.time()
        for worker in list(self._workers.values()):
            if not is_stopped(worker.pid):
                worker.stopped_since = None
            elif worker.stopped_since is None:
                worker.stopped_since = now
            elif (now - worker.stopped_since) * 1_000 >= stopped_ms():
                kill_group(worker.pid)
        self._loop.call_later(STOPPED_LOOK_S, self._look_for_stopped, stopped_ms)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop


class _Process:
    """One worker process and our end of its socket pair."""

    def __init__(
        self, number: int, process: subprocess.Popen[bytes], sock: socket.socket, pool: WorkerPool
    ) -> None:
        self.number = number
        self.is_buried = False
        self.stopped_since: float | None = None
        self._process = process
        self._sock = sock
        self._pool = pool
        self._buffer = agent_side()
        self.queue: list[ToWorker] = []
        self._unsent = b""
        self._fault = ""  # why we killed it, for the line that tells of its death
        sock.setblocking(False)
        pool.loop.add_reader(sock.fileno(), self._readable)

    @property
    def pid(self) -> int:
        return self._process.pid

    # --- writing -----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        had_unsent = bool(self._unsent)
        self._unsent += encode_frames(self.queue)
        self.queue.clear()
        if not had_unsent:
            self._write()

    def _write(self) -> None:
        if self.is_buried:
            return
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._unsent = b""  # it is dead; its exit tells so
            self._pool.loop.remove_writer(self._sock.fileno())
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._pool.loop.add_writer(self._sock.fileno(), self._write)
        else:
            self._pool.loop.remove_writer(self._sock.fileno())

    # --- reading -----------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        """One read; False at the end of what there is."""
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._pool.loop.remove_reader(self._sock.fileno())
            kill_group(self.pid)  # a worker without its pipe is of no use
            return
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        try:
            messages = self._buffer.feed(data)
        except FrameError as error:
            self._fault = f", killed for {error}"
            self._pool.loop.remove_reader(self._sock.fileno())
            kill_group(self.pid)
            return
        if messages:
            self._pool.heard(self.number, messages)

    # --- dying -------------------------------------------------------------------------------------------------------

    def has_exited(self) -> bool:
        """Whether the process has ended; it stays a zombie, so that its number cannot be reused yet."""
        if not hasattr(os, "waitid"):
            return self._process.poll() is not None  # macOS: reaped a moment early
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def hear_last_words(self) -> None:
        """Read all it had written, then close the pipe."""
        loop, fd = self._pool.loop, self._sock.fileno()
        loop.remove_reader(fd)
        loop.remove_writer(fd)
        try:
            while data := self._sock.recv(READ_BYTES):
                self._hear(data)
        except OSError:
            pass  # nothing more, or something it left still holds the other end
        self._sock.close()

    def reap(self) -> str:
        """Kill what is left of its group while its number is still its own, then let go of it."""
        kill_group(self.pid)
        code = self._process.wait()
        return (f"signal {-code}" if code < 0 else f"exit code {code}") + self._fault
