"""The cluster that is hurt: every process carries our mark, and one coordinator may have a small disk of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from typing_extensions import override

from scripts.chaos_rounds.checks import CHAOS_MARK
from scripts.chaos_rounds.plan import Scope
from tests.end_to_end.proxy import CutUpCluster

PLUGIN = str(Path(__file__).parent / "plugin.py")
LEASE_S, REASSIGN_S = 3.0, 4.0
SETTINGS = {
    "nodes.heartbeat": "250ms",
    "nodes.lease": f"{LEASE_S:.0f}s",
    "nodes.reassign_after": f"{REASSIGN_S:.0f}s",
}
SMALL_DISK = "c1"
DISK_SIZE = "512m"
SNAPSHOT_EVERY, ENTRIES_KEPT = "2000", "1000"  # so that snapshots are made, sent and rotten, too


class Arena(CutUpCluster):
    """Three coordinators, three nodes. A context manager like every cluster."""

    def __init__(self, root: Path, *, nodes: int = 3, small_disk: bool = True) -> None:
        rule = ("--snapshot-every", SNAPSHOT_EVERY, "--keep-entries", ENTRIES_KEPT)
        super().__init__(
            root,
            coordinators=3,
            nodes=nodes,
            executors=[PLUGIN],
            settings=SETTINGS,
            flags={"coordinators": rule},
        )
        for process in self.processes.values():
            process.environ[CHAOS_MARK] = str(root)
        self._disk = Disk(root / SMALL_DISK)
        self.has_small_disk = small_disk and self._disk.mount()

    @property
    def scope(self) -> Scope:
        """What there is to be hurt."""
        disk = SMALL_DISK if self.has_small_disk else ""
        return Scope(tuple(self.coordinators), tuple(self.nodes), LEASE_S, REASSIGN_S, disk)

    @override
    def end(self) -> None:
        super().end()
        self._disk.unmount()


class Disk:
    """A small file system in memory at a directory, where this user may mount one."""

    def __init__(self, directory: Path, size: str = DISK_SIZE) -> None:
        self.directory, self._size = directory, size
        self._is_mounted = False

    def mount(self) -> bool:
        """Whether it could be."""
        self.directory.mkdir(exist_ok=True, mode=0o700)
        options = f"size={self._size},mode=0700"
        done = _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.directory))
        self._is_mounted = done
        return done

    def unmount(self) -> None:
        """Once nobody uses it; what was on it is gone."""
        if self._is_mounted:
            self._is_mounted = not _run("umount", "--lazy", str(self.directory))


def _run(*command: str) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    except OSError:
        return False
    return done.returncode == 0
