"""Group commit, decided: the writes that wait become one batch (D2), and a batch becomes rows of `inbox`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from zlib import crc32

from coordinator.consensus.messages import Entry, HardState, Snapshot
from coordinator.replica.effects import AuditWrite
from coordinator.shell.audit_table import audit_params
from coordinator.shell.fates_table import FateRow, fate_params
from coordinator.shell.run_rows import RunKey, RunRow, merged
from coordinator.shell.runs_table import run_params
from coordinator.shell.store_port import AnyWrite
from coordinator.shell.store_schema import Inbox

_ROWS_PER_CALL: Final = 128
_WIDTHS: Final = {
    Inbox.CUT: 1,
    Inbox.DROP: 1,
    Inbox.ENTRY: 5,
    Inbox.STATE: 8,
    Inbox.FORGET: 2,
    Inbox.RUN: 7,
    Inbox.TRIM: 4,
    Inbox.FORGET_FATES: 1,
    Inbox.FATE: 6,
    Inbox.AUDIT: 5,
}
_PLACE: Final = struct.Struct(">QQB")
_STATE: Final = struct.Struct(">7q")

Row = tuple[Inbox, tuple[object, ...]]
Call = tuple[str, list[object]]


@dataclass(slots=True)
class Batch:
    """Writes merged in their order. A snapshot stands only in the first of them."""

    ids: list[int] = field(default_factory=list)
    hard_state: HardState | None = None
    entries: list[Entry] = field(default_factory=list)
    snapshot: Snapshot | None = None
    runs: dict[RunKey, RunRow] = field(default_factory=dict)
    forget: dict[str, int] = field(default_factory=dict)
    fates: list[FateRow] = field(default_factory=list)
    forget_fates: dict[str, None] = field(default_factory=dict)
    audit: list[AuditWrite] = field(default_factory=list)
    runs_index: int = 0  # also of rows that were forgotten in the same batch
    size: int = 0  # bytes, roughly

    def add(self, write_id: int, write: AnyWrite) -> None:
        """Raises ValueError for entries that leave a gap."""
        self.ids.append(write_id)
        self.hard_state = write.hard_state or self.hard_state
        if write.snapshot is not None:
            self.snapshot = write.snapshot
            self.entries = []
        if write.entries:
            self._append(write.entries)
        for task_id, up_to in write.forget_runs:
            self._forget(task_id, up_to)
        for row in write.runs:
            self._upsert(row)
        for gone in write.forget_fates:
            self.forget_fates[gone] = None
            self.fates = [fate for fate in self.fates if fate.task_id != gone]
        self.fates.extend(write.fates)
        self.audit.extend(write.audit)
        self.size += 128 * len(write.fates) + 512 * len(write.audit)

    def _append(self, entries: Sequence[Entry]) -> None:
        first = entries[0].index
        if entries[-1].index - first != len(entries) - 1:
            raise ValueError(f"entries {first} to {entries[-1].index} leave a gap")
        if self.entries:
            kept = first - self.entries[0].index
            if kept > len(self.entries):
                raise ValueError(f"entry {first} does not follow {self.entries[-1].index}")
            del self.entries[max(kept, 0) :]
        self.entries.extend(entries)
        self.size += sum(len(entry.data) for entry in entries) + 64 * len(entries)

    def _upsert(self, row: RunRow) -> None:
        key = (row.task_id, row.allocation_id)
        self.runs[key] = merged(self.runs.get(key), row)
        self.runs_index = max(self.runs_index, row.index)
        self.size += 512 + len(row.result or b"") + len(row.error or b"") + len(row.logs or b"")

    def _forget(self, task_id: str, up_to: int) -> None:
        self.forget[task_id] = max(up_to, self.forget.get(task_id, 0))
        for key in [key for key in self.runs if key[0] == task_id and key[1] <= up_to]:
            del self.runs[key]


@dataclass(frozen=True, slots=True)
class Facts:
    """The hard-state row: what no member may forget, and what the log must agree with (D2)."""

    hard_state: HardState = field(default_factory=HardState)
    last_index: int = 0
    last_term: int = 0
    runs_index: int = 0
    transactions: int = 0

    def after(self, batch: Batch) -> Facts:
        """Raises ValueError for entries that do not follow the log, or a commit index beyond it."""
        last_index, last_term = self.last_index, self.last_term
        if batch.snapshot is not None:
            last_index, last_term = batch.snapshot.index, batch.snapshot.term
        if batch.entries:
            if batch.entries[0].index > last_index + 1:
                raise ValueError(f"entry {batch.entries[0].index} does not follow {last_index}")
            last_index, last_term = batch.entries[-1].index, batch.entries[-1].term
        hard_state = batch.hard_state or self.hard_state
        if hard_state.commit > last_index:
            raise ValueError(f"commit {hard_state.commit} lies beyond the log's end {last_index}")
        return Facts(
            hard_state,
            last_index,
            last_term,
            max(self.runs_index, batch.runs_index),
            self.transactions + 1,
        )

    def columns(self) -> tuple[int, ...]:
        """As the row has them, checksum last."""
        state = self.hard_state
        numbers = (
            state.term,
            state.vote,
            state.commit,
            self.last_index,
            self.last_term,
            self.runs_index,
            self.transactions,
        )
        return (*numbers, crc32(_STATE.pack(*numbers)))


def entry_crc(index: int, term: int, kind: int, data: bytes) -> int:
    """Over place and payload, so that a row in the wrong place is found as well (D3)."""
    return crc32(data, crc32(_PLACE.pack(index, term, kind)))


def rows_of(batch: Batch, before: Facts, after: Facts, runs: Sequence[RunRow]) -> list[Row]:
    """In the order in which they must take effect. `runs` are the batch's, with their heads complete."""
    rows: list[Row] = []
    if batch.entries and batch.snapshot is None and batch.entries[0].index <= before.last_index:
        rows.append((Inbox.CUT, (batch.entries[0].index,)))
    rows.extend((Inbox.ENTRY, _entry_columns(entry)) for entry in batch.entries)
    rows.append((Inbox.STATE, after.columns()))
    rows.extend((Inbox.FORGET, forget) for forget in batch.forget.items())
    rows.extend((Inbox.RUN, run_params(row)) for row in runs)
    rows.extend((Inbox.TRIM, _trim_columns(row, row.trim)) for row in runs if row.trim is not None)
    rows.extend((Inbox.FORGET_FATES, (gone,)) for gone in batch.forget_fates)
    rows.extend((Inbox.FATE, fate_params(row)) for row in batch.fates)
    rows.extend((Inbox.AUDIT, audit_params(row)) for row in batch.audit)
    return rows


def calls_of(rows: Sequence[Row]) -> list[Call]:
    """As few statements as possible; one of them needs no BEGIN and COMMIT around it."""
    calls: list[Call] = []
    for begin in range(0, len(rows), _ROWS_PER_CALL):
        part = rows[begin : begin + _ROWS_PER_CALL]
        values: list[object] = [value for _, columns in part for value in columns]
        calls.append((_insert(_shape(part)), values))
    return calls


def _trim_columns(row: RunRow, trim: tuple[int, int]) -> tuple[object, ...]:
    """This run is one of those that stay, so of those before it one less."""
    kept, ended_since = trim
    return (row.task_id, row.allocation_id, max(0, kept - 1), ended_since)


def _entry_columns(entry: Entry) -> tuple[object, ...]:
    kind = int(entry.kind)
    crc = entry_crc(entry.index, entry.term, kind, entry.data)
    return (entry.index, entry.term, kind, entry.data, crc)


def _shape(rows: Sequence[Row]) -> tuple[tuple[Inbox, int], ...]:
    """Runs of equal kinds with their lengths: the statement depends on nothing else."""
    shape: list[tuple[Inbox, int]] = []
    for kind, _ in rows:
        if shape and shape[-1][0] is kind:
            shape[-1] = (kind, shape[-1][1] + 1)
        else:
            shape.append((kind, 1))
    return tuple(shape)


@lru_cache(maxsize=1024)
def _insert(shape: tuple[tuple[Inbox, int], ...]) -> str:
    rows: list[str] = []
    for kind, count in shape:
        width = _WIDTHS[kind]
        row = f"({int(kind)}{',?' * width}{',NULL' * (8 - width)})"
        rows.extend([row] * count)
    return "INSERT INTO inbox VALUES " + ",".join(rows)  # noqa: S608 - numbers and marks of our own
