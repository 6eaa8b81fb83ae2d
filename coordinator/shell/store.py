"""One coordinator's disk: log, hard state, snapshot and run history in one SQLite database (design section 6).

`Store.open` believes nothing it has not verified; `start` gives it to its writer thread; from then on `submit` and
`take_snapshot` return at once and the answers come back through the loop. After `on_failed` with `io`, `damaged` or
`bug` nothing more is written: end the process with `os._exit`, so that SQLite does not tidy up what can no longer be
trusted.

Reading order: `store_port` (what is promised), `store_recover` (opening), `store_batch` and `store_commit` (a
transaction), `store_writer` (the thread), `store_snapshots`, `runs_table`, `store_reads`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from coordinator.consensus.messages import ConfState, HardState, Snapshot
from coordinator.model.audit import AuditEvent
from coordinator.replica.effects import AuditWrite
from coordinator.shell.data_dir import DataDir
from coordinator.shell.fates_table import FateRow
from coordinator.shell.run_rows import RunRow
from coordinator.shell.store_batch import Batch, Facts
from coordinator.shell.store_commit import CHECKPOINT_BYTES, Ledger, SnapshotJob
from coordinator.shell.store_mark import SyncedMark
from coordinator.shell.store_port import (
    ENTRIES_KEPT,
    AnyWrite,
    CallbackLoop,
    Damaged,
    Identity,
    Recovered,
    SnapshotReader,
    StorageBroken,
    StoreFailure,
    StoreStats,
    Trouble,
    Write,
)
from coordinator.shell.store_reads import Reads
from coordinator.shell.store_recover import Kept, recover, store_error, write_identity
from coordinator.shell.store_schema import SCHEMA, TABLES, connect_writer, trouble_of
from coordinator.shell.store_snapshots import Pins
from coordinator.shell.store_writer import Callbacks, Job, Writer

_ABANDONED: list[sqlite3.Connection] = []  # never closed: closing would write what failed (D8)


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """`connection` lets tests break calls on purpose."""

    entries_kept: int = ENTRIES_KEPT
    retry_s: float = 1.0
    connection: type[sqlite3.Connection] = sqlite3.Connection


class Store:
    """Made by `open`. Behind `StorePort`."""

    def __init__(self, data_dir: DataDir, kept: Kept, options: StoreOptions) -> None:
        self.data_dir = data_dir
        self.identity: Identity = kept.identity
        self.recovered = Recovered(
            kept.facts.hard_state, kept.snapshot, kept.entries, kept.facts.runs_index
        )
        self._options = options
        self._pins = Pins()
        self._connection = connect_writer(data_dir.database, options.connection)
        try:
            self._mark = SyncedMark(data_dir.mark, kept.identity.storage_id)
            index = kept.snapshot.index if kept.snapshot else 0
            self._ledger = Ledger(self._connection, self._mark, kept.facts, index)
            self._tidy()
        except BaseException:
            _ABANDONED.append(self._connection)
            raise
        self._writer = Writer(self._ledger, self._pins, data_dir.path, options.retry_s)
        self._reads = Reads(data_dir.database, self._pins, self._writer.failed)

    @classmethod
    def open(cls, directory: Path, member: str, options: StoreOptions | None = None) -> Self:
        """Takes the directory, makes it if need be, verifies all it holds.

        Raises DataDirError (78, or 2 for a path that cannot be a directory), StorageBroken (74), Damaged: then the
        directory stays locked and as it is until `damaged.data_dir.close()`.
        """
        options = options or StoreOptions()
        data_dir = DataDir(directory, member)
        try:
            return cls(data_dir, _prepare(data_dir, member, options), options)
        except Damaged as rot:
            rot.data_dir = data_dir
            raise
        except sqlite3.Error as error:
            data_dir.close()
            raise store_error(error, directory) from error
        except OSError as error:
            data_dir.close()
            raise StorageBroken(f"{directory}: {error.strerror}") from error
        except BaseException:
            data_dir.close()
            raise

    def found(self, cluster_id: str, member_id: int, snapshot: Snapshot) -> None:
        """Raises StoreError; ValueError when the directory is bound already."""
        state = HardState(term=snapshot.term, vote=0, commit=snapshot.index)
        self._bind(cluster_id, member_id, Write(hard_state=state, snapshot=snapshot))
        self.recovered = Recovered(state, snapshot, (), 0)

    def keep_runs(self, rows: Iterable[RunRow], forget: Iterable[tuple[str, int]] = ()) -> None:
        """History from elsewhere, and (task id, allocation id) up to which it goes. Before `start`. Raises StoreError."""
        self._keep(Write(runs=tuple(rows), forget_runs=tuple(forget)))

    def keep_fates(self, rows: Iterable[FateRow]) -> None:
        """Fates from elsewhere. Before `start`. Raises StoreError."""
        self._keep(Write(fates=tuple(rows)))

    def keep_audit(self, rows: Iterable[AuditEvent]) -> None:
        """Events of the audit from elsewhere. Before `start`. Raises StoreError."""
        self._keep(Write(audit=tuple(map(AuditWrite, rows))))

    def _keep(self, write: Write) -> None:
        try:
            batch = Batch()
            batch.add(0, write)
            self._ledger.commit(batch)
            if self._ledger.wal_bytes > CHECKPOINT_BYTES:
                self._shorten_wal()
        except sqlite3.Error as error:
            raise store_error(error, self.data_dir.path) from error
        except OSError as error:
            raise StorageBroken(f"{self.data_dir.path}: {error.strerror}") from error

    def adopt(self, cluster_id: str, member_id: int) -> None:
        """Raises StoreError; ValueError when the directory is bound already."""
        self._bind(cluster_id, member_id, Write())

    def mark_removed(self) -> None:
        """The member was removed from its cluster: this directory never starts again (M4). Waits for the disk."""
        self.identity = msgspec.structs.replace(self.identity, removed=True)
        self.data_dir.write_identity(self.identity)

    def start(
        self,
        loop: CallbackLoop,
        on_written: Callable[[list[int]], None],
        on_failed: Callable[[StoreFailure], None],
    ) -> None:
        self._writer.start(Callbacks(loop, on_written, on_failed))

    def submit(self, write_id: int, write: AnyWrite) -> None:
        self._writer.submit(write_id, write)

    def take_snapshot(
        self,
        index: int,
        term: int,
        conf: ConfState,
        chunks: Iterator[bytes],
        on_done: Callable[[bool], None],
    ) -> None:
        work = SnapshotJob((index, term), conf, chunks, self._options.entries_kept)
        self._writer.take(Job(work, on_done))

    async def runs(self, task_id: str, limit: int, before: int | None = None) -> list[RunRow]:
        return await self._reads.runs(task_id, limit, before)

    async def run(self, task_id: str, allocation_id: int) -> RunRow | None:
        return await self._reads.run(task_id, allocation_id)

    async def run_logs(self, task_id: str, allocation_id: int) -> bytes | None:
        return await self._reads.run_logs(task_id, allocation_id)

    async def runs_after(self, allocation_id: int, limit: int) -> list[RunRow]:
        return await self._reads.runs_after(allocation_id, limit)

    async def runs_before(self, allocation_id: int | None, limit: int) -> list[RunRow]:
        return await self._reads.runs_before(allocation_id, limit)

    async def fates(self, task_id: str, limit: int, before: int | None = None) -> list[FateRow]:
        return await self._reads.fates(task_id, limit, before)

    async def fates_after(self, after: tuple[str, int], limit: int) -> list[FateRow]:
        return await self._reads.fates_after(after, limit)

    async def audit(self, limit: int, before: int | None = None) -> list[AuditEvent]:
        return await self._reads.audit(limit, before)

    async def audit_after(self, number: int, limit: int) -> list[AuditEvent]:
        return await self._reads.audit_after(number, limit)

    async def open_snapshot(self) -> SnapshotReader | None:
        return await self._reads.open_snapshot()

    def watch_commits(self, on_commit: Callable[[float], None]) -> None:
        """Have each transaction's seconds told, in the writer's thread. Before `start`."""
        self._writer.on_commit = on_commit

    def stats(self) -> StoreStats:
        return self._writer.stats()

    def close(self) -> None:
        """Writes what waits, ends all threads, lets go of the directory. Not to be called from the loop."""
        self._writer.stop()
        self._reads.close()
        if self._writer.dead:
            _ABANDONED.append(self._connection)
        else:
            self._connection.close()
        self._mark.close()
        self.data_dir.close()

    def _bind(self, cluster_id: str, member_id: int, write: Write) -> None:
        if self.identity.founded:
            raise ValueError(f"bound to cluster {self.identity.cluster_id} already")
        identity = msgspec.structs.replace(
            self.identity, cluster_id=cluster_id, member_id=member_id
        )
        batch = Batch()
        batch.add(0, write)
        try:
            self._ledger.commit(batch, lambda connection: write_identity(connection, identity))
            self._shorten_wal()
        except sqlite3.Error as error:
            raise store_error(error, self.data_dir.path) from error
        except OSError as error:
            raise StorageBroken(f"{self.data_dir.path}: {error.strerror}") from error
        self.data_dir.write_identity(identity)
        self.identity = identity

    def _tidy(self) -> None:
        """Marks of unfinished snapshots go, and the -wal begins anew: no frame of a torn tail stays behind."""
        self._mark.write(self._ledger.facts.transactions)
        self._mark.sync()
        try:
            self._connection.execute("DELETE FROM snapshots WHERE finished = 0")
        except sqlite3.Error as error:
            if trouble_of(error, self.data_dir.path) is not Trouble.DISK_FULL:
                raise
        self._shorten_wal()

    def _shorten_wal(self) -> None:
        try:
            self._ledger.checkpoint(shorten=True)
        except sqlite3.Error as error:
            if trouble_of(error, self.data_dir.path) is not Trouble.DISK_FULL:
                raise


def _prepare(data_dir: DataDir, member: str, options: StoreOptions) -> Kept:
    """What the directory holds; for an empty one, after it was made."""
    present = _size(data_dir.database) > 0 or _size(data_dir.wal) > 0
    if not present and data_dir.identity is not None:
        raise Damaged(f"{data_dir.database} is gone, and {data_dir.path}/identity.json is there")
    kept = recover(data_dir) if present else None
    if kept is None:
        if data_dir.identity is not None:
            raise Damaged(
                f"{data_dir.database} is empty, and {data_dir.path}/identity.json is there"
            )
        return _create(data_dir, member, options)
    _agree(data_dir, kept.identity, member)
    return kept


def _create(data_dir: DataDir, member: str, options: StoreOptions) -> Kept:
    identity = data_dir.new_identity(member)
    facts = Facts()
    marks = ",".join("?" * len(facts.columns()))
    connection = connect_writer(data_dir.database, options.connection)
    try:
        connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {SCHEMA};")
        connection.execute(f"INSERT INTO hard_state VALUES(1, {marks})", facts.columns())
        write_identity(connection, identity)
        connection.execute("COMMIT")
    finally:
        connection.close()
    data_dir.sync()
    data_dir.write_identity(identity)
    return Kept(identity, facts, None, None, ())


def _agree(data_dir: DataDir, stored: Identity, member: str) -> None:
    """The database decides; the file beside it may have been late (a crash while founding), or lost."""
    beside = data_dir.identity
    data_dir.check(stored, member)
    if beside is not None and beside.storage_id != stored.storage_id:
        raise Damaged(
            f"{data_dir.database} has storage id {stored.storage_id}, identity.json has {beside.storage_id}"
        )
    if beside is not None and beside.founded and not stored.founded:
        raise Damaged(
            f"{data_dir.database} has forgotten that it belongs to cluster {beside.cluster_id}"
        )
    if beside is None or (not beside.removed and beside != stored):
        data_dir.write_identity(stored)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
