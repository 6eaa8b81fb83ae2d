"""Killing what a worker, or an agent, has left behind."""

from __future__ import annotations

import os
import signal


def kill_group(pid: int) -> bool:
    """SIGKILL to a process group; False if nothing of it is left, or nothing that is ours to kill (`orphans`)."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # only processes of another user are in it, orphans by now (macOS: only dead ones)
    return True


def kill(pid: int) -> None:
    """SIGKILL to one process, if it is there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # gone, or of another user: the caller looks again


def is_dead(pid: int) -> bool:
    """Whether the process is gone, or ended and only waits to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] in (b"Z", b"X")
    except OSError:
        return True
