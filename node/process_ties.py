"""How the processes of a node hang together: who dies with whom, and who inherits orphans. Linux; elsewhere a no-op.

The death signal belongs to the parent *thread*: start children from one that lives as long as the process (N5).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

IS_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class OrphanedError(Exception):
    """The parent was gone before the tie was made."""


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies. Raises OrphanedError if that has happened already."""
    if IS_LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise OrphanedError(f"parent is {os.getppid()}, expected {parent_pid}")


def adopt_orphans() -> None:
    """Have descendants that lose their parent come to this process, instead of leaving the node."""
    if IS_LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def steady_ms() -> int:
    """The clock of the lease: counts while the machine sleeps, never jumps (L1). Int ms."""
    clock = time.CLOCK_BOOTTIME if IS_LINUX else time.CLOCK_MONOTONIC
    return time.clock_gettime_ns(clock) // 1_000_000


def children_of(pid: int) -> tuple[int, ...]:
    """Direct children of a process, zombies included; empty where the kernel does not tell."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found.extend(map(int, file.read().split()))
    except OSError:
        pass  # the process, or a thread of it, ended meanwhile
    return tuple(found)


def descendants_of(pid: int) -> tuple[int, ...]:
    """All descendants, parents before children."""
    found: list[int] = []
    waiting = list(children_of(pid))
    while waiting:
        found.extend(waiting)
        waiting = [each for child in waiting for each in children_of(child)]
    return tuple(found)


def is_stopped(pid: int) -> bool:
    """Whether somebody stopped the process (SIGSTOP); a debugger's stop does not count."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] == b"T"
    except OSError:
        return False
