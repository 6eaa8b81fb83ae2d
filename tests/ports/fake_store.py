"""The store's port in memory: deterministic, without threads, and with every kind of trouble on request.

`FakeDisk` is what survives; a `FakeStore` is one life on it. Nothing is on the disk before `commit` ran a transaction,
so `lose_unsynced` (the next life, after a power cut) has exactly what returned transactions hold. Writes are applied
one after the other, in the plainest way, so that the real store's merging has something to be compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Self

import msgspec

from coordinator.consensus.messages import ConfState, Entry, HardState, Snapshot
from coordinator.model.audit import AuditEvent
from coordinator.replica.effects import AuditWrite, FateWrite
from coordinator.shell.run_rows import RunKey, RunRow, merged, without_blobs
from coordinator.shell.store_port import (
    CHUNK_BYTES,
    ENTRIES_KEPT,
    AnyWrite,
    CallbackLoop,
    DataDirError,
    Identity,
    Recovered,
    SnapshotGone,
    SnapshotMark,
    StoreFailure,
    StoreStats,
    Trouble,
)


@dataclass
class Durable:
    """All that one transaction changes at once."""

    hard_state: HardState = field(default_factory=HardState)
    snapshot: Snapshot | None = None
    entries: dict[int, Entry] = field(default_factory=dict)
    runs: dict[RunKey, RunRow] = field(default_factory=dict)
    fates: dict[tuple[str, int], FateWrite] = field(default_factory=dict)
    audit: dict[int, AuditEvent] = field(default_factory=dict)
    runs_index: int = 0
    transactions: int = 0

    @property
    def last_index(self) -> int:
        return max(self.entries, default=self.snapshot.index if self.snapshot else 0)

    def apply(self, write: AnyWrite) -> None:
        if write.snapshot is not None:
            self.snapshot, self.entries = write.snapshot, {}
        for entry in write.entries[:1]:
            if entry.index > self.last_index + 1:
                raise ValueError(f"entry {entry.index} does not follow {self.last_index}")
            self.entries = {i: kept for i, kept in self.entries.items() if i < entry.index}
        self.entries.update({entry.index: entry for entry in write.entries})
        self.hard_state = write.hard_state or self.hard_state
        if self.hard_state.commit > self.last_index:
            raise ValueError(f"commit {self.hard_state.commit} lies beyond {self.last_index}")
        self._apply_history(write)

    def _apply_history(self, write: AnyWrite) -> None:
        for task_id, up_to in write.forget_runs:
            for key in [key for key in self.runs if key[0] == task_id and key[1] <= up_to]:
                del self.runs[key]
        for row in write.runs:
            key = (row.task_id, row.allocation_id)
            self.runs[key] = merged(self.runs.get(key), row)
            self.runs_index = max(self.runs_index, row.index)
            if row.trim is not None:
                self._trim(row, *row.trim)
        for gone in write.forget_fates:
            self._drop_fates(gone, lambda _: True)
        for fate in write.fates:
            self._drop_fates(fate.task_id, lambda old, new=fate: is_gone_with(old, new))  # type: ignore[misc]
            kept = msgspec.structs.replace(fate, gone_upto=0, gone_before=0)
            stored = self.fates.setdefault((fate.task_id, fate.number), kept)
            if fate.at >= stored.at:
                self.fates[fate.task_id, fate.number] = kept

        self._apply_audit(write)

    def _apply_audit(self, write: AnyWrite) -> None:
        for row in write.audit:
            old = [n for n, e in self.audit.items() if n < row.event.number and is_old(e, row)]
            for number in old:
                del self.audit[number]
            self.audit[row.event.number] = row.event

    def _trim(self, row: RunRow, kept: int, ended_since: int) -> None:
        """In the plainest way: the runs before this one, without those beyond the number and the old ones in front."""
        key = (row.task_id, row.allocation_id)
        self.runs[key] = msgspec.structs.replace(self.runs[key], trim=None)
        before = sorted(k for k in self.runs if k[0] == row.task_id and k[1] < row.allocation_id)
        surplus = len(before) - max(1, kept) + 1
        for place, old in enumerate(before):
            ended_at = self.runs[old].ended_at
            if place >= surplus and (ended_at is None or ended_at >= ended_since):
                return
            del self.runs[old]

    def _drop_fates(self, task_id: str, test: Callable[[FateWrite], bool]) -> None:
        for key in [k for k, old in self.fates.items() if k[0] == task_id and test(old)]:
            del self.fates[key]


def is_old(event: AuditEvent, later: AuditWrite) -> bool:
    return event.number <= later.gone_upto or event.at < later.gone_before


def is_gone_with(old: FateWrite, new: FateWrite) -> bool:
    is_old = old.number < new.number and old.at < new.gone_before
    return old.number <= new.gone_upto or is_old


@dataclass
class FakeDisk:
    """`faults`: number of the commit (counted from 1, over all lives) -> what it meets."""

    durable: Durable = field(default_factory=Durable)
    identity: Identity | None = None
    faults: dict[int, Trouble] = field(default_factory=dict)
    commits: int = 0


@dataclass
class _Job:
    place: tuple[int, int]
    conf: ConfState
    chunks: Iterator[bytes]
    on_done: Callable[[bool], None]


class FakeStore:
    """`commit` does what the writer thread does, when the test says so."""

    def __init__(self, disk: FakeDisk, identity: Identity) -> None:
        self.disk = disk
        self.identity = identity
        self.entries_kept = ENTRIES_KEPT
        self.recovered = self._recover()
        self._waiting: list[tuple[int, AnyWrite]] = []
        self._jobs: list[_Job] = []
        self._loop: CallbackLoop | None = None
        self._on_written: Callable[[list[int]], None] = lambda _: None
        self._on_failed: Callable[[StoreFailure], None] = lambda _: None
        self._full = False
        self.dead = False

    @classmethod
    def open(cls, disk: FakeDisk, member: str) -> Self:
        if disk.identity is None:
            disk.identity = Identity(member=member, storage_id=f"storage-of-{member}")
        if disk.identity.member != member:
            raise DataDirError(f"the disk belongs to member {disk.identity.member!r}")
        if disk.identity.removed:
            raise DataDirError(f"the disk belongs to member {member!r} that was removed")
        return cls(disk, disk.identity)

    def lose_unsynced(self) -> FakeStore:
        """Power cut and restart: all that no returned transaction holds is gone."""
        self.dead = True
        return FakeStore.open(self.disk, self.identity.member)

    def found(self, cluster_id: str, member_id: int, snapshot: Snapshot) -> None:
        state = HardState(term=snapshot.term, vote=0, commit=snapshot.index)
        self._bind(cluster_id, member_id)
        self.disk.durable = Durable(state, snapshot, transactions=1)
        self.recovered = self._recover()

    def adopt(self, cluster_id: str, member_id: int) -> None:
        self._bind(cluster_id, member_id)

    def mark_removed(self) -> None:
        self.disk.identity = msgspec.structs.replace(self.identity, removed=True)

    def start(
        self,
        loop: CallbackLoop,
        on_written: Callable[[list[int]], None],
        on_failed: Callable[[StoreFailure], None],
    ) -> None:
        self._loop, self._on_written, self._on_failed = loop, on_written, on_failed

    def submit(self, write_id: int, write: AnyWrite) -> None:
        self._waiting.append((write_id, write))

    def take_snapshot(
        self,
        index: int,
        term: int,
        conf: ConfState,
        chunks: Iterator[bytes],
        on_done: Callable[[bool], None],
    ) -> None:
        self._jobs.append(_Job((index, term), conf, chunks, on_done))

    def commit(self) -> bool:
        """One transaction with all that waits, and one snapshot taken. False when there was nothing to do."""
        if self.dead or not (self._waiting or self._jobs):
            return False
        self.disk.commits += 1
        fault = self.disk.faults.get(self.disk.commits)
        if fault is not None:
            self._fail(fault)
            return fault is Trouble.DISK_FULL
        if self._waiting:
            self._commit_waiting()
        if self._jobs:
            self._take(self._jobs.pop(0))
        return True

    async def runs(self, task_id: str, limit: int, before: int | None = None) -> list[RunRow]:
        rows = [
            row
            for key, row in sorted(self.disk.durable.runs.items(), reverse=True)
            if key[0] == task_id and (before is None or key[1] < before)
        ]
        return [without_blobs(row) for row in rows[:limit]]

    async def run(self, task_id: str, allocation_id: int) -> RunRow | None:
        row = self.disk.durable.runs.get((task_id, allocation_id))
        return None if row is None else msgspec.structs.replace(row, logs=None)

    async def run_logs(self, task_id: str, allocation_id: int) -> bytes | None:
        row = self.disk.durable.runs.get((task_id, allocation_id))
        return None if row is None else row.logs

    async def runs_after(self, allocation_id: int, limit: int) -> list[RunRow]:
        rows = sorted(self.disk.durable.runs.values(), key=lambda row: row.allocation_id)
        return [row for row in rows if row.allocation_id > allocation_id][:limit]

    async def runs_before(self, allocation_id: int | None, limit: int) -> list[RunRow]:
        rows = sorted(self.disk.durable.runs.values(), key=lambda row: -row.allocation_id)
        older = [r for r in rows if allocation_id is None or r.allocation_id < allocation_id]
        return [without_blobs(row) for row in older[:limit]]

    async def fates(self, task_id: str, limit: int, before: int | None = None) -> list[FateWrite]:
        rows = [
            row
            for key, row in sorted(self.disk.durable.fates.items(), reverse=True)
            if key[0] == task_id and (before is None or key[1] < before)
        ]
        return rows[:limit]

    async def fates_after(self, after: tuple[str, int], limit: int) -> list[FateWrite]:
        rows = sorted(self.disk.durable.fates.items())
        return [row for key, row in rows if key > after][:limit]

    async def audit(self, limit: int, before: int | None = None) -> list[AuditEvent]:
        rows = sorted(self.disk.durable.audit.items(), reverse=True)
        return [row for number, row in rows if before is None or number < before][:limit]

    async def audit_after(self, number: int, limit: int) -> list[AuditEvent]:
        rows = sorted(self.disk.durable.audit.items())
        return [row for key, row in rows if key > number][:limit]

    async def open_snapshot(self) -> FakeSnapshotReader | None:
        snapshot = self.disk.durable.snapshot
        return None if snapshot is None else FakeSnapshotReader(snapshot)

    def stats(self) -> StoreStats:
        return StoreStats(
            self.disk.durable.transactions, 0.0, 0.0, 1 << 40, self._full, len(self._waiting)
        )

    def close(self) -> None:
        while not self.dead and self.commit():
            pass
        self.dead = True

    def _bind(self, cluster_id: str, member_id: int) -> None:
        if self.identity.founded:
            raise ValueError(f"bound to cluster {self.identity.cluster_id} already")
        self.identity = msgspec.structs.replace(
            self.identity, cluster_id=cluster_id, member_id=member_id
        )
        self.disk.identity = self.identity

    def _recover(self) -> Recovered:
        durable = self.disk.durable
        entries = tuple(durable.entries[index] for index in sorted(durable.entries))
        return Recovered(durable.hard_state, durable.snapshot, entries, durable.runs_index)

    def _commit_waiting(self) -> None:
        after = deepcopy(self.disk.durable)
        for _, write in self._waiting:
            after.apply(write)
        after.transactions += 1
        self.disk.durable = after
        ids = [write_id for write_id, _ in self._waiting]
        self._waiting.clear()
        self._tell(self._on_written, ids)
        if self._full:
            self._full = False
            self._tell(self._on_failed, StoreFailure(Trouble.RECOVERED, "the fake has space again"))

    def _take(self, job: _Job) -> None:
        index, term = job.place
        durable = deepcopy(self.disk.durable)
        if durable.snapshot is not None and durable.snapshot.index >= index:
            self._tell(job.on_done, False)
            return
        durable.snapshot = Snapshot(index, term, job.conf, b"".join(job.chunks))
        kept = index - self.entries_kept
        durable.entries = {i: entry for i, entry in durable.entries.items() if i > kept}
        durable.transactions += 1
        self.disk.durable = durable
        self._tell(job.on_done, True)

    def _fail(self, fault: Trouble) -> None:
        if fault is not Trouble.DISK_FULL:
            self.dead = True
        elif self._full:
            return
        self._full = fault is Trouble.DISK_FULL
        self._tell(self._on_failed, StoreFailure(fault, f"the fake was told to fail: {fault}"))

    def _tell(self, callback: Callable[..., None], argument: object) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(callback, argument)


class FakeSnapshotReader:
    def __init__(self, snapshot: Snapshot) -> None:
        chunks = -(-len(snapshot.data) // CHUNK_BYTES)
        self.mark = SnapshotMark(
            snapshot.index, snapshot.term, snapshot.conf, len(snapshot.data), chunks
        )
        self._data = snapshot.data

    async def chunk(self, number: int) -> bytes:
        if not 0 <= number < self.mark.chunks:
            raise SnapshotGone(f"there is no chunk {number}")
        return self._data[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]

    def close(self) -> None:
        pass
