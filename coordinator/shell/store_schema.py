"""The database of one member: its tables, its connections, and what SQLite's errors mean to us.

All that one transaction writes goes through the view `inbox` as one multi-row INSERT, whose triggers put each row
where it belongs. SQLite then runs the whole transaction, fsync included, in one call that holds the GIL neither
between the rows nor around them: a busy event loop delays the writer once per transaction, not once per statement.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Final
from urllib.parse import quote

from coordinator.shell.store_port import StorageBroken, Trouble

SCHEMA: Final = 4
_TINY_BYTES: Final = 1024 * 1024

Connect = Callable[[Path], sqlite3.Connection]


class Inbox(IntEnum):
    """The first column of `inbox`: what a row is."""

    CUT = 0  # drop entries from index a on
    DROP = 1  # drop entries up to index a
    ENTRY = 2
    STATE = 3
    FORGET = 4  # drop runs of task a up to allocation b
    RUN = 5
    TRIM = 6  # of the runs of task a before allocation b: the newest c stay, unless they ended before d
    FORGET_FATES = 7  # drop all fates of task a
    FATE = 8  # those of task a up to number e, or of before f, go with it; of one range its latest form stays
    AUDIT = 9  # those up to number d, or of before e, go with it


TABLES: Final = f"""
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entries(idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, kind INTEGER NOT NULL,
                     data BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE hard_state(one INTEGER PRIMARY KEY CHECK (one = 1), term INTEGER NOT NULL, vote INTEGER NOT NULL,
                        commit_index INTEGER NOT NULL, last_index INTEGER NOT NULL, last_term INTEGER NOT NULL,
                        runs_index INTEGER NOT NULL, transactions INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE snapshots(id INTEGER PRIMARY KEY, head BLOB NOT NULL, finished INTEGER NOT NULL);
CREATE TABLE chunks(place INTEGER PRIMARY KEY, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE runs(allocation_id INTEGER PRIMARY KEY, task_id TEXT NOT NULL, head BLOB NOT NULL,
                  error BLOB, result BLOB, logs BLOB, ended_at INTEGER);
CREATE TABLE fates(task_id TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, content BLOB NOT NULL,
                   PRIMARY KEY(task_id, number)) WITHOUT ROWID;
CREATE TABLE audit(number INTEGER PRIMARY KEY, at INTEGER NOT NULL, content BLOB NOT NULL);
CREATE UNIQUE INDEX runs_of_task ON runs(task_id, allocation_id);
CREATE VIEW inbox AS SELECT 0 AS what, 0 AS a, 0 AS b, 0 AS c, 0 AS d, 0 AS e, 0 AS f, 0 AS g, 0 AS h;
CREATE TRIGGER inbox_cut INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.CUT}
BEGIN DELETE FROM entries WHERE idx >= new.a; END;
CREATE TRIGGER inbox_drop INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.DROP}
BEGIN DELETE FROM entries WHERE idx <= new.a; END;
CREATE TRIGGER inbox_entry INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.ENTRY}
BEGIN INSERT INTO entries VALUES(new.a, new.b, new.c, new.d, new.e); END;
CREATE TRIGGER inbox_state INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.STATE}
BEGIN INSERT OR REPLACE INTO hard_state VALUES(1, new.a, new.b, new.c, new.d, new.e, new.f, new.g, new.h); END;
CREATE TRIGGER inbox_forget INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.FORGET}
BEGIN DELETE FROM runs WHERE task_id = new.a AND allocation_id <= new.b; END;
CREATE TRIGGER inbox_run INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.RUN}
BEGIN
  INSERT INTO runs VALUES(new.a, new.b, new.c, new.d, new.e, new.f, new.g)
  ON CONFLICT(allocation_id) DO UPDATE SET task_id = excluded.task_id, head = excluded.head,
    error = coalesce(excluded.error, error), result = coalesce(excluded.result, result),
    logs = coalesce(excluded.logs, logs), ended_at = coalesce(excluded.ended_at, ended_at);
END;
CREATE TRIGGER inbox_trim INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.TRIM}
BEGIN
  DELETE FROM runs WHERE task_id = new.a AND allocation_id <= (
    SELECT allocation_id FROM runs WHERE task_id = new.a AND allocation_id < new.b
    ORDER BY allocation_id DESC LIMIT 1 OFFSET new.c);
  DELETE FROM runs WHERE task_id = new.a AND allocation_id < coalesce(
    (SELECT allocation_id FROM runs WHERE task_id = new.a AND allocation_id < new.b
     AND (ended_at IS NULL OR ended_at >= new.d) ORDER BY allocation_id LIMIT 1), new.b);
END;
CREATE TRIGGER inbox_forget_fates INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.FORGET_FATES}
BEGIN DELETE FROM fates WHERE task_id = new.a; END;
CREATE TRIGGER inbox_fate INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.FATE}
BEGIN
  DELETE FROM fates WHERE task_id = new.a AND number <= new.e;
  DELETE FROM fates WHERE task_id = new.a AND number < coalesce(
    (SELECT number FROM fates WHERE task_id = new.a AND number < new.b AND at >= new.f
     ORDER BY number LIMIT 1), new.b);
  INSERT INTO fates VALUES(new.a, new.b, new.c, new.d)
  ON CONFLICT(task_id, number) DO UPDATE SET at = excluded.at, content = excluded.content
    WHERE excluded.at >= at;
END;
CREATE TRIGGER inbox_audit INSTEAD OF INSERT ON inbox WHEN new.what = {Inbox.AUDIT}
BEGIN
  DELETE FROM audit WHERE number <= new.d;
  DELETE FROM audit WHERE number < coalesce(
    (SELECT number FROM audit WHERE number < new.a AND at >= new.e ORDER BY number LIMIT 1), new.a);
  INSERT OR REPLACE INTO audit VALUES(new.a, new.b, new.c);
END;
"""  # noqa: S608 - the numbers are ours


def connect_writer(
    path: Path, kind: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    """The one connection that writes, with the promises of D1 read back. Raises sqlite3.Error, StorageBroken."""
    connection = sqlite3.connect(
        path,
        timeout=10,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        factory=kind,
    )
    try:
        for pragma in ("page_size=4096", "journal_mode=WAL", *_settings()):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _read_back(connection, "journal_mode", "wal")
        _read_back(connection, "synchronous", 2)
        if sys.platform == "darwin":
            _read_back(connection, "fullfsync", 1)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Cannot write, and leaves the `-wal` as it is when it closes; all its files are open. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro",
        uri=True,
        timeout=10,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA cell_size_check=ON").fetchall()
    connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()  # opens -wal and -shm
    return connection


def _settings() -> tuple[str, ...]:
    common = (
        "synchronous=FULL",
        "wal_autocheckpoint=0",  # the writer chooses the moment
        "cache_size=-16000",
        "cache_spill=OFF",  # half a transaction never reaches the -wal, so it never confuses the walk
        "temp_store=MEMORY",
        "cell_size_check=ON",
        "journal_size_limit=67108864",
    )
    if sys.platform == "darwin":
        return (*common, "fullfsync=ON", "checkpoint_fullfsync=ON")
    return common


def _read_back(connection: sqlite3.Connection, pragma: str, wanted: object) -> None:
    found = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    if found != wanted:
        raise StorageBroken(
            f"SQLite keeps {pragma} at {found!r} where {wanted!r} is needed: "
            "put the data directory on a local file system"
        )


def trouble_of(error: sqlite3.Error, directory: Path) -> Trouble:
    """What an error means (D5, D8, D9). Anything unknown counts as a failing disk."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return Trouble.BUG
    if code == sqlite3.SQLITE_FULL:
        return Trouble.DISK_FULL
    if code == sqlite3.SQLITE_IOERR_SHMSIZE and free_bytes(directory) < _TINY_BYTES:
        return (
            Trouble.DISK_FULL
        )  # the index of the -wal could not grow: nothing durable is involved
    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Trouble.DAMAGED
    if code & 0xFF in (sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_RANGE):
        return Trouble.BUG
    return Trouble.IO


def free_bytes(directory: Path) -> int:
    """What this user may still write; 0 when the system does not say."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize
