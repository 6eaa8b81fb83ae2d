"""Processes of a dev cluster: starting, finding, signalling. By pid, never by name."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from coordinator.cli.dev_layout import Member

_PR_SET_PDEATHSIG = 1
IS_LINUX = sys.platform == "linux"


def start(member: Member) -> subprocess.Popen[bytes]:
    """In a process group of its own, tied to us: on Linux the kernel kills it when we die, however we die.

    The tie is made between fork and exec, so nothing of it is in the command line: whoever starts the same command
    gets a process that stands alone.
    """
    member.log.parent.mkdir(parents=True, exist_ok=True)
    with member.log.open("ab") as log:
        return subprocess.Popen(
            member.command,
            cwd=member.log.parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
            preexec_fn=tie_to_parent() if IS_LINUX else None,
        )


def tie_to_parent() -> Callable[[], None]:
    """What a child does before it becomes another program. Made before the fork, for the child should do little."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def noted_pid(member: Member) -> int | None:
    """The pid in the member's own pid file, if a process of that member has it now."""
    try:
        pid = int((member.directory / "pid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if is_member(pid, member) else None


def is_member(pid: int, member: Member) -> bool:
    """Whether this pid is alive and runs on the member's directory. Pids are used again by others."""
    if not is_alive(pid):
        return False
    if not IS_LINUX:
        return True
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(member.directory) in words


def is_alive(pid: int) -> bool:
    """Exists, and is no zombie."""
    if IS_LINUX:
        return _state(pid) not in ("", "Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_paused(pid: int) -> bool:
    """Stopped by a signal."""
    return _state(pid) == "T"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def tree(pid: int) -> list[int]:
    """The process and all that hangs on it, from the root downwards."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def children(pid: int) -> list[int]:
    """Direct children, of all threads. Linux only; elsewhere none are seen."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def send(pid: int, number: int) -> bool:
    """False when it is gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def pause(pid: int) -> None:
    """The process and all it started, from the root, so that nobody is started again meanwhile."""
    for one in tree(pid):
        send(one, signal.SIGSTOP)


def resume(pid: int) -> None:
    """The reverse, leaves first: who watches others wakes last."""
    for one in reversed(tree(pid)):
        send(one, signal.SIGCONT)
