"""Opening: nothing is believed before it has been verified, and nothing is changed before all of it has been (D2-D6).

Order: the `-wal` is walked, then a connection that cannot write reads and checks every row that counts. Whatever does
not fit is rot and raised as Damaged, with the files as they were.
"""

from __future__ import annotations

import sqlite3
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import msgspec

from coordinator.consensus.messages import Entry, EntryKind, HardState, Snapshot
from coordinator.shell.audit_table import check_audit
from coordinator.shell.data_dir import DataDir
from coordinator.shell.fates_table import check_fates
from coordinator.shell.runs_table import check_heads
from coordinator.shell.store_batch import Facts, entry_crc
from coordinator.shell.store_mark import SyncedMark
from coordinator.shell.store_port import (
    Damaged,
    DataDirError,
    Identity,
    StorageBroken,
    StoreError,
    Trouble,
)
from coordinator.shell.store_schema import SCHEMA, TABLES, connect_reader, trouble_of
from coordinator.shell.store_snapshots import Finished, read_finished, read_snapshot
from coordinator.shell.wal_check import WalReport, WalVerdict, check_wal

_Objects = list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a verified database holds."""

    identity: Identity
    facts: Facts
    finished: Finished | None
    snapshot: Snapshot | None
    entries: tuple[Entry, ...]


def recover(data_dir: DataDir) -> Kept | None:
    """None for a database whose creation was cut short. Raises Damaged, StorageBroken."""
    report = walk(data_dir)
    try:
        connection = connect_reader(data_dir.database)
        try:
            if not _objects(connection) and report.verdict is not WalVerdict.ROT:
                return None
            kept = _read(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise store_error(error, data_dir.path) from error
    except (TypeError, ValueError, struct.error, OverflowError, msgspec.MsgspecError) as error:
        raise Damaged(f"{data_dir.database} holds what nobody writes there: {error}") from error
    _check_mark(data_dir, kept, report)
    return kept


def walk(data_dir: DataDir) -> WalReport:
    """Raises Damaged, StorageBroken."""
    try:
        report = check_wal(data_dir.wal)
    except OSError as error:
        raise StorageBroken(f"{data_dir.wal}: {error.strerror}") from error
    if report.verdict is WalVerdict.ROT:
        raise Damaged(f"{data_dir.wal}: {report.detail}, and later transactions stand behind it")
    return report


def store_error(error: sqlite3.Error, directory: Path) -> StoreError:
    """What an error of SQLite means while nothing has been promised yet."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageBroken(
            f"{directory}: another program keeps the database locked, end it first"
        )
    match trouble_of(error, directory):
        case Trouble.IO:
            return StorageBroken(f"{directory}: {error} (the disk or file system fails)")
        case Trouble.DISK_FULL:
            return StorageBroken(
                f"{directory}: the disk is full, and a new member needs some of it"
            )
        case _:
            return Damaged(f"{directory / 'member.db'}: {error}")


def read_identity(connection: sqlite3.Connection) -> Identity:
    """Raises sqlite3.Error, Damaged."""
    found = connection.execute("SELECT value, crc FROM meta WHERE name = 'identity'").fetchone()
    if found is None or crc32(found[0].encode()) != found[1]:
        raise Damaged("the database does not know its identity, or its checksum fails")
    return msgspec.json.decode(found[0], type=Identity)


def write_identity(connection: sqlite3.Connection, identity: Identity) -> None:
    """Within the caller's transaction. Raises sqlite3.Error."""
    value = msgspec.json.encode(identity)
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES('identity', ?, ?)", (value.decode(), crc32(value))
    )


def _read(connection: sqlite3.Connection) -> Kept:
    _check_file(connection)
    identity = read_identity(connection)
    facts = _read_facts(connection)
    finished = read_finished(connection)
    snapshot = read_snapshot(connection, finished) if finished else None
    entries = tuple(_read_entries(connection))
    _check_log(facts, snapshot, entries)
    check_heads(connection)
    check_fates(connection)
    check_audit(connection)
    return Kept(identity, facts, finished, snapshot, entries)


def _check_file(connection: sqlite3.Connection) -> None:
    """The structure of the file, and that tables and triggers are those of this release."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        raise Damaged("the database has forgotten that it has a -wal file")
    schema = connection.execute("PRAGMA user_version").fetchone()[0]
    if 0 < schema < SCHEMA:
        raise DataDirError(
            f"the database has schema {schema}, this release reads schema {SCHEMA}: it was written by a build before "
            "the first release; replace this member (taskctl cluster replace) with an empty directory, or start the build that wrote it"
        )
    if schema != SCHEMA:
        raise Damaged("the database has forgotten which schema it has")
    if _objects(connection) != _expected_objects():
        raise Damaged("tables or triggers of the database are not what this release made")
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise Damaged(f"the database is malformed: {verdict}")


def _read_facts(connection: sqlite3.Connection) -> Facts:
    rows = connection.execute(
        "SELECT term, vote, commit_index, last_index, last_term, runs_index, transactions, crc "
        "FROM hard_state"
    ).fetchall()
    if len(rows) != 1:
        raise Damaged(f"the hard state has {len(rows)} rows instead of one")
    term, vote, commit, last_index, last_term, runs_index, transactions, _ = rows[0]
    state = HardState(term=term, vote=vote, commit=commit)
    facts = Facts(state, last_index, last_term, runs_index, transactions)
    if facts.columns() != rows[0]:
        raise Damaged("the hard state fails its checksum")
    return facts


def _read_entries(connection: sqlite3.Connection) -> list[Entry]:
    entries: list[Entry] = []
    rows = connection.execute("SELECT idx, term, kind, data, crc FROM entries ORDER BY idx")
    for index, term, kind, data, crc in rows:
        if entry_crc(index, term, kind, data) != crc:
            raise Damaged(f"entry {index} fails its checksum")
        if entries and index != entries[-1].index + 1:
            raise Damaged(f"the log has a gap: entry {index} follows {entries[-1].index}")
        entries.append(Entry(term=term, index=index, kind=EntryKind(kind), data=data))
    return entries


def _check_log(facts: Facts, snapshot: Snapshot | None, entries: tuple[Entry, ...]) -> None:
    """Hard state, snapshot and entries have to agree (D2)."""
    base = snapshot or Snapshot(index=0, term=0)
    last = (entries[-1].index, entries[-1].term) if entries else (base.index, base.term)
    if last != (facts.last_index, facts.last_term):
        raise Damaged(
            f"the log ends at {last[0]} of term {last[1]}, but {facts.last_index} of term {facts.last_term} was written"
        )
    if entries and not entries[0].index - 1 <= base.index <= last[0]:
        raise Damaged(
            f"the log runs from {entries[0].index} to {last[0]}, the snapshot stands at {base.index}"
        )
    if entries and entries[0].index <= base.index:
        covered = entries[base.index - entries[0].index]
        if covered.term != base.term:
            raise Damaged(f"entry {base.index} has term {covered.term}, the snapshot {base.term}")
    if facts.hard_state.commit > last[0]:
        raise Damaged(f"commit {facts.hard_state.commit} lies beyond the log's end {last[0]}")


def _check_mark(data_dir: DataDir, kept: Kept, report: WalReport) -> None:
    """A `-wal` that ends early is a torn tail by D4; any other loss of what had returned is rot."""
    if report.ends_there:
        return
    try:
        mark = SyncedMark(data_dir.mark, kept.identity.storage_id)
        try:
            acknowledged = mark.read()
        finally:
            mark.close()
    except OSError as error:
        raise StorageBroken(f"{data_dir.mark}: {error.strerror}") from error
    if acknowledged > kept.facts.transactions:
        raise Damaged(
            f"{data_dir.database} knows {kept.facts.transactions} transactions, {acknowledged} had been synced"
        )


def _objects(connection: sqlite3.Connection) -> _Objects:
    return connection.execute(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY name"
    ).fetchall()


@cache
def _expected_objects() -> _Objects:
    model = sqlite3.connect(":memory:")
    try:
        model.executescript(TABLES)
        return _objects(model)
    finally:
        model.close()
