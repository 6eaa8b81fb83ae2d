"""Killing what a worker, or an agent, has left behind."""

from __future__ import annotations

import os
import signal

from node.process_ties import children_of, descendants_of


def kill_group(pid: int) -> bool:
    """SIGKILL to a process group; False if nothing of it is left."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # only processes of another user are left in it (macOS: only dead ones)
    return True


def kill_orphans(supervisor: int) -> bool:
    """SIGKILL to all that the supervisor has adopted: they lost their worker. False if there is none.

    The supervisor's only child of its own is the agent, which is the process that calls this.
    """
    found = False
    for child in children_of(supervisor):
        if child != os.getpid() and not is_dead(child):
            found = True
            for each in (child, *descendants_of(child)):
                kill(each)
    return found


def kill(pid: int) -> None:
    """SIGKILL to one process, if it is there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # gone


def is_dead(pid: int) -> bool:
    """Whether the process is gone, or ended and only waits to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] in (b"Z", b"X")
    except OSError:
        return True
