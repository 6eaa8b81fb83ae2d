"""Processes that a measurement starts: each leads a group of its own, is known by its pid and surely ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
WAIT_S = 60.0


class TimedOut(Exception):
    """A condition did not come to hold; the message says which."""


class Died(Exception):
    """A process that should run has ended; the message has its last words."""


def note(text: str) -> None:
    """For whoever watches; figures go to stdout, notes do not."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def until(condition: Callable[[], object], what: str, timeout_s: float = WAIT_S) -> None:
    """Wait for a condition; TimedOut says which did not come. The limit guards against a hang only."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimedOut(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.02)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without settings of ptasks or Python that would make the processes other than a user's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PTASKS_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(CHECKOUT), **(more or {})}


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listened a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Process:
    """One program that can be started again with the same command; what it says goes to `log`."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise Died(f"{self.name} was never started")
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """In a session of its own: its group and all below it can be ended without touching ours."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL to the process itself, and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_S)

    def terminate(self) -> None:
        """SIGTERM: it ends when it has tidied up."""
        send(self.pid, signal.SIGTERM)

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        if self._process is None:
            raise Died(f"{self.name} was never started")
        return self._process.wait(WAIT_S)

    def tree(self) -> list[int]:
        """This process and all that hang on it, parents first."""
        return with_children(self.pid) if self.is_alive else []

    def signal_tree(self, number: int) -> list[int]:
        """To the process and everything below it; gives back whom it was sent to."""
        pids = self.tree()
        for pid in pids:
            send(pid, number)
        return pids

    def end(self) -> None:
        """It and all below it are gone when this returns, stopped ones too."""
        if self._process is None:
            return
        below = self.tree()[1:]
        for pid in [self.pid, *below] if self.is_alive else []:
            send(pid, signal.SIGKILL)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nobody of the group is left
        self._process.wait(WAIT_S)
        until(lambda: not any(map(lives, below)), f"the end of what {self.name} started")

    def last_words(self, count: int = 5) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def send(pid: int, number: int) -> None:
    """A signal to one process, which may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # gone already


def with_children(pid: int) -> list[int]:
    """The pid and all below it, parents first."""
    found = [pid]
    for each in found:
        for path in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += [int(word) for word in path.read_text().split()]
            except OSError:
                continue  # the thread is gone
    return found


def lives(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    fields = stat_of(pid)
    return bool(fields) and fields[0] != "Z"


def stat_of(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time of these processes so far."""
    total = 0
    for pid in pids:
        fields = stat_of(pid)
        if fields:
            total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_S


def rss_bytes(pid: int) -> int:
    """Memory of a process that is its own, shared libraries included."""
    return int(stat_of(pid)[21]) * os.sysconf("SC_PAGE_SIZE")


def command_of(pid: int) -> str:
    """Its command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
