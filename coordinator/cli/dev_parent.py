"""The parent of a dev cluster: starts its processes, keeps cluster.json true, and takes all with it when it goes.

`python -m coordinator.cli.dev_parent DIRECTORY`, started by `dev up`. It does not bring back what was killed, for
killing is what a dev cluster is for. It notices a process that somebody else started from its `command` by the pid
file in the data directory, and stops that one as well in the end. Whoever wants a member started leaves a file of that
name in `start/` and sends SIGUSR1.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from coordinator.cli import dev_processes as processes
from coordinator.cli.dev_layout import Layout, Member, read_layout, write_cluster

LOOK_S = 0.3
STOP_S = 10.0
SECOND_TERM_S = 0.3  # the first asks, the second skips the wait for a drain (EX-68)
LOCK = "dev.lock"
LOCK_PATIENCE_S = 1.0


class Parent:
    """One dev cluster, from its start to its end. Single-threaded: a death of this thread is a death of all."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._members = {m.name: m for m in layout.members}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._pids: dict[str, int | None] = dict.fromkeys(self._members)
        self._stopping = False
        self._bell, ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if processes.IS_LINUX else _pipe()
        signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        for number in (signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, lambda _number, _frame: None)

    def run(self) -> None:
        """Start all, then watch until told to stop."""
        for member in self._members.values():
            self._start(member)
        self._write()
        while not self._stopping:
            self._wait(LOOK_S)
            self._start_requested()
            self._look()
        self._stop_all()

    # -- watching -------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        """Until a signal comes (a child's death is one), or so long."""
        if select.select([self._bell], [], [], seconds)[0]:
            os.read(self._bell, 4096)

    def _look(self) -> None:
        """Reap the dead, adopt the new; write what changed."""
        found = {name: self._pid_now(member) for name, member in self._members.items()}
        if found != self._pids:
            self._pids = found
            self._write()

    def _pid_now(self, member: Member) -> int | None:
        child = self._children.get(member.name)
        if child is not None and child.poll() is None:
            return child.pid
        return processes.noted_pid(member)

    def _start_requested(self) -> None:
        for request in sorted((self._layout.directory / "start").glob("*")):
            request.unlink(missing_ok=True)
            member = self._members.get(request.name)
            if member is not None and self._pid_now(member) is None:
                self._start(member)
                self._write()

    def _start(self, member: Member) -> None:
        pid = processes.noted_pid(member)
        if pid is not None:  # left over from elsewhere, or started by hand
            self._pids[member.name] = pid
            return
        self._children[member.name] = processes.start(member)
        self._pids[member.name] = self._children[member.name].pid

    def _write(self) -> None:
        write_cluster(self._layout, self._pids)

    # -- the end --------------------------------------------------------------------------------

    def _on_stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _stop_all(self) -> None:
        """Adopted ones too. What was paused is woken, or it could not obey."""
        self._look()
        for pid in self._alive():
            processes.resume(pid)
            processes.send(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        self._wait_for_ends(time.monotonic() + SECOND_TERM_S)
        for pid in self._alive():
            processes.send(pid, signal.SIGTERM)
        self._wait_for_ends(deadline)
        for pid in self._alive():
            for one in processes.tree(pid):
                processes.send(one, signal.SIGKILL)
        self._wait_for_ends(time.monotonic() + STOP_S)

    def _wait_for_ends(self, until: float) -> None:
        while self._alive() and time.monotonic() < until:
            self._wait(min(LOOK_S, max(0.0, until - time.monotonic())))
            self._look()

    def _alive(self) -> list[int]:
        return [pid for pid in self._pids.values() if pid is not None]


def take_lock(directory: Path) -> int | None:
    """The lock of a directory, held until this process ends; None when another parent has it."""
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:  # perhaps only somebody who looks who holds it
            if time.monotonic() > deadline:
                os.close(handle)
                return None
            time.sleep(0.01)
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


def parent_pid(directory: Path) -> int | None:
    """Who holds the lock; None when nobody does."""
    try:
        with (directory / LOCK).open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read().strip() or 0) or None
    except (OSError, ValueError):
        return None
    return None


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write


def main() -> int:
    """Exit 0 when all has ended, 3 when the directory has a parent already or none was asked for."""
    directory = Path(sys.argv[1])
    layout = read_layout(directory)
    lock = take_lock(directory)
    if layout is None or lock is None:
        return 3
    Parent(layout).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
