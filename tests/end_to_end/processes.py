"""Real processes for tests: each in a process group of its own, ended by pid, never by name."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
WAIT_S = 30.0
_ports = random.SystemRandom()  # a seed that a test sets must not give two processes the same ones


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listened a moment ago.

    Drawn from below those that systems hand out by themselves: a member that is down for a moment must find its port
    free again, whatever connections others open meanwhile.
    """
    probes: list[socket.socket] = []
    try:
        while len(probes) < count:
            probe = socket.socket()
            probes.append(probe)
            try:
                probe.bind(("127.0.0.1", _ports.randrange(12_000, 32_000)))
            except OSError:
                probes.pop().close()
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def until(condition: Callable[[], object], what: str, timeout_s: float = WAIT_S) -> None:
    """Wait for a condition; TimeoutError says which. The limit guards against a hang only."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.02)


class Process:
    """One program that can be started again. `log` receives what it writes."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environ = dict(environ or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        environ = {**os.environ, "PYTHONPATH": str(CHECKOUT), **self.environ}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environ,
                process_group=0,
            )

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to the process itself; what hangs on it has to see to that."""
        self.signal(signal.SIGKILL)
        self.wait()

    def terminate(self) -> int:
        """SIGTERM, and its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self, timeout_s: float = WAIT_S) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.wait(timeout_s)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def tree(self) -> list[int]:
        """This process and all that it started, as far as they still hang together."""
        found = [self.pid]
        for pid in found:
            found += children_of(pid)
        return found

    def end(self) -> None:
        """At the end of a test: whatever state it is in, it and its group go."""
        if self._process is None:
            return
        for pid in [*self.tree()[1:], self.pid] if self.is_alive else []:
            _send(pid, signal.SIGKILL)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(WAIT_S)

    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []


def children_of(pid: int) -> list[int]:
    """Direct children, of all threads."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
