"""The directory of a member whose cluster is gone, read without changing it: what it holds, and as what state.

Its whole log counts, also what it does not know to be committed: a follower learns of a commit after the caller did, so
the last entries may have been acknowledged; and whoever was not told "done" was told "outcome unknown".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from coordinator.codec.envelope import decode_batch
from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import load
from coordinator.consensus.messages import Entry, EntryKind
from coordinator.machine.apply import apply_batch
from coordinator.model.audit import AuditEvent
from coordinator.model.state import ClusterState
from coordinator.replica.run_rows import Rows, rows_of
from coordinator.shell.audit_table import read_audit_after
from coordinator.shell.data_dir import DataDir
from coordinator.shell.fates_table import FateRow, read_fates_after
from coordinator.shell.offline import NotDone
from coordinator.shell.run_rows import RunRow, merged
from coordinator.shell.runs_table import read_runs_after
from coordinator.shell.store_batch import Batch
from coordinator.shell.store_port import EXIT_DATA_DIR, Damaged, Identity, Write
from coordinator.shell.store_recover import Kept, recover, store_error
from coordinator.shell.store_schema import connect_reader

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Survivor:
    """One member's disk. `fresh` is history that the tables may not have yet, and what goes from them."""

    directory: Path
    identity: Identity
    kept: Kept
    state: ClusterState
    fresh: Batch

    @property
    def last(self) -> tuple[int, int]:
        """Index and term of its last entry."""
        return self.kept.facts.last_index, self.kept.facts.last_term

    @property
    def committed(self) -> int:
        """What it knows to be committed; the snapshot is, whatever the hard state says."""
        snapshot = self.kept.snapshot.index if self.kept.snapshot else 0
        return max(self.kept.facts.hard_state.commit, snapshot)


@contextmanager
def survivor_in(directory: Path) -> Iterator[Survivor]:
    """Held under its lock. Raises NotDone, StoreError, and what a log raises that this release cannot read."""
    data_dir = DataDir(directory, _member_of(directory))
    try:
        kept = _kept(data_dir)
        state, fresh = _replayed(kept)
        yield Survivor(directory, kept.identity, kept, state, fresh)
    finally:
        data_dir.close()


def history_of(survivor: Survivor) -> Iterator[RunRow]:
    """All rows by allocation id, with what the log adds to them. Raises StoreError."""
    fresh = dict(survivor.fresh.runs)
    for row in _stored(survivor.directory / "member.db"):
        if row.allocation_id > survivor.fresh.forget.get(row.task_id, 0):
            yield merged(row, fresh.pop((row.task_id, row.allocation_id), row))
    yield from fresh.values()


def fates_of(survivor: Survivor) -> Iterator[FateRow]:
    """All rows, those of a series by number, what the log adds to them last. Raises StoreError."""
    for row in _stored_fates(survivor.directory / "member.db"):
        if row.task_id not in survivor.fresh.forget_fates:
            yield row
    yield from survivor.fresh.fates


def audit_of(survivor: Survivor) -> Iterator[AuditEvent]:
    """All events by number. Raises StoreError."""
    fresh = {row.event.number: row.event for row in survivor.fresh.audit}
    for event in _stored_audit(survivor.directory / "member.db"):
        yield fresh.pop(event.number, event)
    yield from fresh.values()


def _member_of(directory: Path) -> str:
    """The name in the directory: whoever recovers need not know it. Raises NotDone, OSError."""
    path = directory / "identity.json"
    if not directory.is_dir():
        raise NotDone(f"--data-dir: {directory}: no such directory")
    if not path.exists():
        raise NotDone(
            f"--data-dir: {directory} is no data directory of a coordinator", EXIT_DATA_DIR
        )
    try:
        found = msgspec.json.decode(path.read_bytes())
        return str(found["identity"]["member"])
    except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError):
        return ""  # the check of the directory says what is wrong with it


def _kept(data_dir: DataDir) -> Kept:
    kept = recover(data_dir) if data_dir.database.exists() else None
    if kept is None or not kept.identity.founded:
        raise NotDone(f"{data_dir.path} belongs to no cluster yet: there is nothing to recover")
    data_dir.check(kept.identity, kept.identity.member)
    if kept.snapshot is None:
        raise Damaged(
            f"{data_dir.path}: this member never got its first snapshot, it knows nothing"
        )
    return kept


def _replayed(kept: Kept) -> tuple[ClusterState, Batch]:
    """State after the whole log, and what that adds to the history."""
    state = load(unframed(kept.snapshot.data if kept.snapshot else b""))
    rows = Rows()
    for entry in kept.entries:
        if entry.index <= state.revision:
            continue
        _apply(state, entry)
        rows.follow(rows_of(state.take_events(), state))
    history = Batch()
    history.add(0, Write(None, (), None, *rows.columns()))
    return state, history


def _apply(state: ClusterState, entry: Entry) -> None:
    """As a member does, but for changes of a configuration that is of no use any more."""
    if entry.kind is EntryKind.NORMAL and entry.data:
        apply_batch(state, entry.index, decode_batch(entry.data))
    else:
        state.begin_entry(entry.index, state.at)


def _stored(database: Path) -> Iterator[RunRow]:
    with _reading(database) as connection:
        after = 0
        while rows := read_runs_after(connection, after, _ROWS_AT_ONCE):
            after = rows[-1].allocation_id
            yield from rows


def _stored_fates(database: Path) -> Iterator[FateRow]:
    with _reading(database) as connection:
        after = ("", 0)
        while rows := read_fates_after(connection, after, _ROWS_AT_ONCE):
            after = (rows[-1].task_id, rows[-1].number)
            yield from rows


def _stored_audit(database: Path) -> Iterator[AuditEvent]:
    with _reading(database) as connection:
        after = 0
        while events := read_audit_after(connection, after, _ROWS_AT_ONCE):
            after = events[-1].number
            yield from events


@contextmanager
def _reading(database: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = connect_reader(database)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise store_error(error, database.parent) from error
