"""The store as its owner sees it: what is written, what comes back, and how trouble is told.

Two things stand behind this port: `store.Store` (SQLite, one writer thread) and the fake of the tests, which keeps
everything in memory. One suite runs on both. Nothing here touches a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from coordinator.consensus.messages import ConfState, Entry, HardState, Snapshot
from coordinator.model.audit import AuditEvent
from coordinator.replica.effects import AuditWrite, FateWrite, Persist
from coordinator.shell.run_rows import RunRow

ENTRIES_KEPT = (
    5_000  # entries that stay in the log before the snapshot, for followers a little behind
)
CHUNK_BYTES = 256 * 1024
LOW_SPACE_BYTES = 128 * 1024 * 1024  # below this a leader takes no proposals (D9)

FORMAT = 1  # of the data directory
EXIT_BAD_SETTINGS, EXIT_STORAGE, EXIT_DATA_DIR = 2, 74, 78


class Identity(msgspec.Struct, frozen=True):
    """Who keeps promises here. Cluster and member id are unknown until the cluster is founded or joined."""

    member: str
    storage_id: str
    format: int = FORMAT
    cluster_id: str | None = None
    member_id: int | None = None
    removed: bool = False

    @property
    def founded(self) -> bool:
        return self.cluster_id is not None


class HeldDir(Protocol):
    """A data directory under its lock."""

    identity: Identity | None

    def close(self) -> None: ...


class Write(msgspec.Struct, frozen=True, gc=False):
    """One write of the replica; never split (D2). `Persist` has the same fields and is taken as well.

    entries: replace the stored ones from entries[0].index on. snapshot: received or founding; replaces log and
    snapshot, and the entries beside it follow it. forget_runs: (task id, up to and with this allocation id).
    forget_fates: of these tasks all ranges go, before those of `fates` come.
    """

    hard_state: HardState | None = None
    entries: tuple[Entry, ...] = ()
    snapshot: Snapshot | None = None
    runs: tuple[RunRow, ...] = ()
    forget_runs: tuple[tuple[str, int], ...] = ()
    fates: tuple[FateWrite, ...] = ()
    forget_fates: tuple[str, ...] = ()
    audit: tuple[AuditWrite, ...] = ()


AnyWrite = Write | Persist


class Recovered(msgspec.Struct, frozen=True):
    """What the disk held at open, verified. `entries` also has up to 5,000 that the snapshot covers.

    applied_runs_index: the rows of all entries up to this index are in the runs table.
    """

    hard_state: HardState
    snapshot: Snapshot | None
    entries: tuple[Entry, ...]
    applied_runs_index: int


class Trouble(StrEnum):
    """What can befall the store while it works; the first two values end its work for good."""

    IO = "io"  # D8: an fsync or a read failed; the process has to end, nothing was acknowledged
    DAMAGED = "damaged"  # D5: rot was found while working
    DISK_FULL = "disk_full"  # D9: kept and tried again every second
    RECOVERED = "recovered"  # ... and it went through
    BUG = "bug"  # an error of ours in the writer; ends its work, too


class StoreFailure(msgspec.Struct, frozen=True):
    """`detail` is one sentence for people."""

    kind: Trouble
    detail: str


class StoreStats(msgspec.Struct, frozen=True):
    """Milliseconds of the last 1,024 transactions; `waiting` writes are not on disk yet."""

    transactions: int
    fsync_p50_ms: float
    fsync_p99_ms: float
    free_bytes: int
    low_space: bool
    waiting: int


class StoreError(Exception):
    """Root of what opening a store raises. `exit_code` is that of EX-69."""

    exit_code = EXIT_STORAGE


class StorageBroken(StoreError):
    """The disk or the file system failed, or SQLite does not honour what we need of it."""


class DataDirError(StoreError):
    """The directory is not one this member may use. The message names it and says what to do."""

    exit_code = EXIT_DATA_DIR

    def __init__(self, message: str, exit_code: int = EXIT_DATA_DIR) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Damaged(StoreError):
    """Rot (D5). The files were left as they are; `data_dir` stays locked until it is closed."""

    def __init__(self, reason: str, data_dir: HeldDir | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.data_dir = data_dir


class SnapshotGone(StoreError):
    """The snapshot that was being read has been replaced by a newer one; begin anew."""


@dataclass(frozen=True, slots=True)
class SnapshotMark:
    """Which snapshot is on disk. `size` in bytes over all chunks."""

    index: int
    term: int
    conf: ConfState
    size: int
    chunks: int


class CallbackLoop(Protocol):
    """The one thing the store needs of an event loop."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> object: ...


class SnapshotReader(Protocol):
    """One snapshot, held until `close`, so that a newer one does not pull it away."""

    mark: SnapshotMark

    async def chunk(self, number: int) -> bytes:
        """Chunk `number` of `mark.chunks`, verified. Raises Damaged or StorageBroken."""
        ...

    def close(self) -> None: ...


class StorePort(Protocol):
    """`found`, `adopt`, `mark_removed` and `close` wait for the disk; all other calls return at once."""

    identity: Identity
    recovered: Recovered

    def found(self, cluster_id: str, member_id: int, snapshot: Snapshot) -> None:
        """The first snapshot, with the names it binds this directory to. Before `start`."""
        ...

    def adopt(self, cluster_id: str, member_id: int) -> None:
        """Bind an empty directory to a cluster that will send its snapshot. Before `start`."""
        ...

    def mark_removed(self) -> None:
        """The member left its cluster for good: this directory never opens again (M4)."""
        ...

    def start(
        self,
        loop: CallbackLoop,
        on_written: Callable[[list[int]], None],
        on_failed: Callable[[StoreFailure], None],
    ) -> None:
        """From here on callbacks are posted to the loop: `on_written` once per transaction."""
        ...

    def submit(self, write_id: int, write: AnyWrite) -> None: ...

    def take_snapshot(
        self,
        index: int,
        term: int,
        conf: ConfState,
        chunks: Iterator[bytes],
        on_done: Callable[[bool], None],
    ) -> None:
        """Store the applied state while writes go on, then drop the log before it (D12).

        `chunks` is drawn from the writer thread, one at a time between other writes. `on_done` is posted to the
        loop: False when the snapshot was given up (disk full, overtaken by a newer one, or chunks raised).
        """
        ...

    async def runs(self, task_id: str, limit: int, before: int | None = None) -> list[RunRow]:
        """Newest first, without results, errors and logs; those under allocation ids below `before`."""
        ...

    async def run(self, task_id: str, allocation_id: int) -> RunRow | None:
        """One run with its result and error, without its logs."""
        ...

    async def run_logs(self, task_id: str, allocation_id: int) -> bytes | None: ...

    async def runs_after(self, allocation_id: int, limit: int) -> list[RunRow]:
        """Of all tasks, by allocation id, those above this one, with all their blobs."""
        ...

    async def runs_before(self, allocation_id: int | None, limit: int) -> list[RunRow]:
        """Of all tasks, newest first, those below this allocation id, without results, errors and logs."""
        ...

    async def fates(self, task_id: str, limit: int, before: int | None = None) -> list[FateWrite]:
        """The range begun last first; those with numbers below `before`."""
        ...

    async def fates_after(self, after: tuple[str, int], limit: int) -> list[FateWrite]:
        """Of all series, by task id and number, those after this one."""
        ...

    async def audit(self, limit: int, before: int | None = None) -> list[AuditEvent]:
        """Newest first; those with numbers below `before`."""
        ...

    async def audit_after(self, number: int, limit: int) -> list[AuditEvent]:
        """By number, those above this one."""
        ...

    async def open_snapshot(self) -> SnapshotReader | None: ...

    def stats(self) -> StoreStats: ...

    def close(self) -> None: ...
