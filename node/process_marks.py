"""Finds and kills what an earlier incarnation left on this machine (N6).

Agent and workers carry the node's uid in their environment, and hand it to all they start. What threw its environment
away is found by process id and start time, which a supervisor writes down of all its descendants. A process is killed
through a descriptor that is bound to it before it is looked at, so that a reused process id cannot be hit.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from node.burial import is_dead, kill

UID_MARK = "PTASKS_NODE_UID"
INCARNATION_MARK = "PTASKS_NODE_INCARNATION"
PAUSE_S = 0.005


def kill_leftovers(node_uid: str, known: Mapping[int, int], patience_s: float) -> tuple[int, ...]:
    """SIGKILL every other process with the mark of this node, and every known one, until none is left.

    `known` are process ids with their start times. Gives those that would not die.
    """
    deadline = time.monotonic() + patience_s
    while True:
        found = (*marked_processes(node_uid), *same_processes(known))
        for pid in found:
            kill_if(pid, lambda each: has_mark(each, node_uid) or is_same(each, known))
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


def same_processes(known: Mapping[int, int]) -> Iterator[int]:
    """Those of the known processes that still live."""
    return (pid for pid in known if is_same(pid, known) and not is_dead(pid))


def is_same(pid: int, known: Mapping[int, int]) -> bool:
    """Whether the process with this number is the known one, and not a later one."""
    began = known.get(pid)
    return began is not None and pid != os.getpid() and began == start_time(pid)


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


def kill_if(pid: int, is_ours: Callable[[int], bool]) -> None:
    """SIGKILL to that process if it is ours, and never to one that got its number meanwhile."""
    if not hasattr(os, "pidfd_open") or not hasattr(signal, "pidfd_send_signal"):
        began = start_time(pid)
        if is_ours(pid) and began is not None and began == start_time(pid):
            kill(pid)
        return
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return  # gone
    try:
        if is_ours(pid):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        pass  # gone between the two, or not ours to kill; the caller looks again
    finally:
        os.close(handle)


class Register:
    """The file in which a supervisor writes down its descendants, for the one that comes after it."""

    def __init__(self, file: Path, boot_id: str) -> None:
        self._file = file
        self._boot_id = boot_id
        self._written: dict[int, int] = {}

    def read(self) -> dict[int, int]:
        """Process ids and start times of the last supervisor, if it ran in this boot."""
        try:
            boot_id, *lines = self._file.read_text(encoding="ascii").splitlines()
            pairs = [line.split() for line in lines]
            return (
                {int(pid): int(began) for pid, began in pairs} if boot_id == self._boot_id else {}
            )
        except (OSError, ValueError):
            return {}  # none, or cut off in the middle of writing

    def note(self, pids: Iterable[int]) -> None:
        """Write them down if anything changed. Not synced: after a power cut nothing of it lives.

        Raises OSError, and the next call tries again.
        """
        now = {pid: began for pid in pids if (began := start_time(pid)) is not None}
        if now == self._written:
            return
        lines = [self._boot_id, *(f"{pid} {began}" for pid, began in sorted(now.items()))]
        draft = self._file.with_name(self._file.name + ".new")
        draft.write_text("\n".join(lines) + "\n", encoding="ascii")
        draft.replace(self._file)
        self._written = now
