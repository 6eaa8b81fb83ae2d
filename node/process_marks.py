"""Finds and kills what an earlier incarnation left on this machine (N6).

Agent and workers carry the node's uid in their environment, and hand it to all they start. A process is killed through
a descriptor that is bound to it before its mark is read, so that a reused process id cannot be hit; where the kernel
has none, its start time is compared.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

UID_MARK = "PTASKS_NODE_UID"
INCARNATION_MARK = "PTASKS_NODE_INCARNATION"
PAUSE_S = 0.005


def kill_leftovers(node_uid: str, patience_s: float) -> tuple[int, ...]:
    """SIGKILL every other process with the mark of this node, until none is left. Gives those that would not die."""
    deadline = time.monotonic() + patience_s
    while True:
        found = tuple(marked_processes(node_uid))
        for pid in found:
            kill_marked(pid, node_uid)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(PAUSE_S)


def marked_processes(node_uid: str) -> Iterator[int]:
    """Other processes that carry the mark. Dead ones that nobody has reaped have no environment any more."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return  # no /proc: nothing can be found here
    own = os.getpid()
    for name in names:
        if name.isdigit() and int(name) != own and has_mark(int(name), node_uid):
            yield int(name)


def has_mark(pid: int, node_uid: str) -> bool:
    mark = f"{UID_MARK}={node_uid}".encode()
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False  # gone, or of another user


def start_time(pid: int) -> int | None:
    """Clock ticks after boot at which the process began; None if there is none. With the pid it names one for ever."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b") ")[2].split()[19])
    except (OSError, IndexError):
        return None


def kill_marked(pid: int, node_uid: str) -> None:
    """SIGKILL to that process, if it carries the mark, and never to one that got its number meanwhile."""
    if not hasattr(os, "pidfd_open") or not hasattr(signal, "pidfd_send_signal"):
        began = start_time(pid)
        if has_mark(pid, node_uid) and began is not None and began == start_time(pid):
            _kill(pid)
        return
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return  # gone
    try:
        if has_mark(pid, node_uid):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        pass  # gone between the two, or not ours to kill; the caller looks again
    finally:
        os.close(handle)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # gone, or not ours to kill; the caller looks again
