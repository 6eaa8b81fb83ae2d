"""A control group for an agent and all that it starts, which the kernel kills in one stroke (N5). Linux, cgroup v2.

It adds to death signals and adopted orphans what walking through process ids cannot do: nothing escapes by forking
faster than it is found, and the next supervisor finds what nobody had time to write down. It is made below the group in
which the supervisor was started, where that one is not the machine's root, may be written, and knows `cgroup.kill`
(Linux 5.14): under systemd with `Delegate=yes`, in a container with its own writable hierarchy. Elsewhere there is none.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Self

PREFIX = "ptasks-"
LOOK_S = 0.001


class ControlGroup:
    """One directory of the hierarchy. `make` gives None where there is none to be had."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def make(cls, node_uid: str, above: Path | None) -> Self | None:
        """The group of this node below `above`; one that a killed supervisor left is taken over as it is."""
        if above is None or not (above / "cgroup.kill").exists():
            return None
        directory = above / f"{PREFIX}{node_uid}"
        try:
            directory.mkdir(exist_ok=True)
        except OSError:
            return None
        made = cls(directory)
        if not os.access(directory / "cgroup.procs", os.W_OK):
            made.remove()
            return None
        return made

    def kill(self, patience_s: float) -> bool:
        """SIGKILL to everything in it and below it; True as soon as nothing is left."""
        deadline = time.monotonic() + patience_s
        try:
            (self.directory / "cgroup.kill").write_text("1", encoding="ascii")
            while not self.is_empty:
                if time.monotonic() > deadline:
                    return False
                time.sleep(LOOK_S)
        except FileNotFoundError:
            return True  # the group is gone, and so is what was in it
        except OSError:
            return False
        return True

    @property
    def is_empty(self) -> bool:
        """Whether no process lives in it or below it. Raises OSError."""
        events = (self.directory / "cgroup.events").read_text(encoding="ascii")
        return "populated 0" in events.splitlines()

    def remove(self) -> None:
        """Leave nothing behind, if nothing is in it."""
        try:
            self.directory.rmdir()
        except OSError:
            pass  # in use, or gone already


def join(directory: str) -> None:
    """Move this process into a group; all that it starts from now on is born there. Raises OSError."""
    (Path(directory) / "cgroup.procs").write_text("0", encoding="ascii")


class Enclosure:
    """The group of a supervisor's agents, one after the other, and the one that an earlier supervisor may have left.

    `note` is a file that says where the group is: the next supervisor may be started somewhere else.
    """

    def __init__(self, node_uid: str, note: Path, above: Path | None) -> None:
        self.group = ControlGroup.make(node_uid, above)
        self._note = note
        self._earlier = _noted(note, node_uid)

    @property
    def path(self) -> str | None:
        """Where agents belong; None where there is no group."""
        return None if self.group is None else str(self.group.directory)

    def clear(self, patience_s: float) -> bool:
        """Kill all that is in it, and what an earlier one holds. True when nothing is left, or there is no group."""
        is_clear = self.group is None or self.group.kill(patience_s)
        if self._earlier is None:
            return is_clear
        if not self._earlier.kill(patience_s):
            return False
        if str(self._earlier.directory) != self.path:
            self._earlier.remove()
        self._earlier = None
        return is_clear

    def write_down(self) -> None:
        """Before an agent is started in it. Not synced: after a power cut nothing of it lives."""
        if self._earlier is None:
            self._note.write_text(f"{self.path or ''}\n", encoding="utf-8")

    def remove(self) -> None:
        if self.group is not None:
            self.group.remove()


def _noted(note: Path, node_uid: str) -> ControlGroup | None:
    try:
        directory = Path(note.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return None
    is_ours = directory.is_absolute() and directory.name == f"{PREFIX}{node_uid}"
    return ControlGroup(directory) if is_ours and directory.is_dir() else None


def own_directory(proc: Path = Path("/proc/self")) -> Path | None:
    """Where this process stands in the hierarchy of cgroup v2; None where there is none, or it cannot be seen."""
    try:
        lines = (proc / "cgroup").read_text(encoding="utf-8").splitlines()
        mounts = (proc / "mountinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    place = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "")
    for line in mounts:
        about, _, kind = line.partition(" - ")
        words = about.split()
        if len(words) < 5 or not kind.startswith("cgroup2 "):
            continue
        root, mounted_at = words[3:5]
        if not Path(place).is_relative_to(root):
            continue  # another part of the hierarchy is mounted there
        directory = Path(mounted_at) / Path(place).relative_to(root)
        if _is_in(directory):
            return directory
    return None


def _is_in(directory: Path) -> bool:
    try:
        return str(os.getpid()) in (directory / "cgroup.procs").read_text("ascii").split()
    except OSError:
        return False
