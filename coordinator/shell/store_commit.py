"""One connection that writes, and what it knows without asking: batches in, transactions out.

Nothing here retries or interprets errors; that is the writer's part. A failed transaction changes nothing, neither on
disk nor in `facts`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Final

from coordinator.consensus.messages import ConfState, Snapshot
from coordinator.shell.run_rows import RunRow
from coordinator.shell.runs_table import RunsWriter
from coordinator.shell.store_batch import Batch, Facts, Row, calls_of, rows_of
from coordinator.shell.store_mark import SyncedMark
from coordinator.shell.store_port import CHUNK_BYTES
from coordinator.shell.store_schema import Inbox
from coordinator.shell.store_snapshots import ChunkWriter, Pins, in_chunks, sweep

CHECKPOINT_BYTES: Final = (
    12 * 1024 * 1024
)  # the walk of the -wal at the next start takes half a second at most
_FRAME_BYTES: Final = 4096
_PAGES_TOUCHED: Final = (
    4  # of a small transaction: about so many pages go to the -wal beside the payload
)


class Ledger:
    """Used by one thread at a time. Everything raises sqlite3.Error, and OSError from the mark."""

    def __init__(
        self, connection: sqlite3.Connection, mark: SyncedMark, facts: Facts, snapshot_index: int
    ) -> None:
        self.connection = connection
        self.facts = facts
        self.snapshot_index = snapshot_index
        self.wal_bytes = 0  # since the last complete checkpoint, roughly
        self.commit_s = 0.0  # how long the last transaction took
        self._mark = mark
        self._runs = RunsWriter(connection)
        self._received: tuple[Snapshot, ChunkWriter] | None = None

    def commit(
        self, batch: Batch, also: Callable[[sqlite3.Connection], None] | None = None
    ) -> None:
        """All of the batch, or nothing. A snapshot's chunks are written before, under an unfinished mark.

        Raises ValueError for entries that do not follow the log.
        """
        after = self.facts.after(batch)
        runs = self._runs.prepare(list(batch.runs.values()))
        rows = rows_of(batch, self.facts, after, runs)
        chunks = self._store_chunks(batch.snapshot) if batch.snapshot is not None else None

        def finish() -> None:
            if chunks is not None and batch.snapshot is not None:
                chunks.finish(batch.snapshot.index, batch.snapshot.term, batch.snapshot.conf)
                self.connection.execute("DELETE FROM entries")
            if also is not None:
                also(self.connection)

        self._transact(rows, finish if chunks is not None or also is not None else None)
        self._became(after, batch, runs)

    def finish_snapshot(
        self, chunks: ChunkWriter, place: tuple[int, int], conf: ConfState, keep: int
    ) -> None:
        """Makes a snapshot of our own count, and drops the entries more than `keep` before it."""
        index, term = place
        facts = self.facts.after(Batch())
        rows: list[Row] = [(Inbox.STATE, facts.columns()), (Inbox.DROP, (index - keep,))]
        self._transact(rows, lambda: chunks.finish(index, term, conf))
        self.facts = facts
        self.snapshot_index = index
        self._mark.write(facts.transactions)

    def sweep(self, pins: Pins) -> bool:
        self.wal_bytes += _PAGES_TOUCHED * _FRAME_BYTES
        return sweep(self.connection, pins.held())

    def checkpoint(self, *, shorten: bool = False) -> None:
        """Moves the -wal into the database, as far as readers allow."""
        mode = "TRUNCATE" if shorten else "PASSIVE"
        _, found, moved = self.connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        if moved >= found:
            self.wal_bytes = 0

    def rollback(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _store_chunks(self, snapshot: Snapshot) -> ChunkWriter:
        """Goes on where it was when a full disk stopped it."""
        if self._received is None or self._received[0] is not snapshot:
            self._received = (snapshot, ChunkWriter(self.connection))
        chunks = self._received[1]
        for begin in range(chunks.count * CHUNK_BYTES, len(snapshot.data), CHUNK_BYTES):
            chunks.put(snapshot.data[begin : begin + CHUNK_BYTES])
            self.wal_bytes += CHUNK_BYTES
            if self.wal_bytes > CHECKPOINT_BYTES:
                self.checkpoint()
        return chunks

    def _transact(self, rows: list[Row], also: Callable[[], None] | None) -> None:
        calls = calls_of(rows)
        begun = perf_counter()
        if also is None and len(calls) == 1:
            self.connection.execute(*calls[0])
        else:
            self.connection.execute("BEGIN IMMEDIATE")
            if also is not None:
                also()
            for call in calls:
                self.connection.execute(*call)
            self.connection.execute("COMMIT")
        self.commit_s = perf_counter() - begun

    def _became(self, after: Facts, batch: Batch, runs: list[RunRow]) -> None:
        self.facts = after
        self._mark.write(after.transactions)
        self._runs.written(runs)
        self.wal_bytes += batch.size + _PAGES_TOUCHED * _FRAME_BYTES
        if batch.snapshot is not None:
            self.snapshot_index = batch.snapshot.index
            self._received = None


class SnapshotJob:
    """One snapshot of our own on its way to disk, a chunk per step (D12)."""

    def __init__(
        self, place: tuple[int, int], conf: ConfState, chunks: Iterator[bytes], keep: int
    ) -> None:
        self.place = place
        self.conf = conf
        self._parts = in_chunks(chunks)
        self._keep = keep
        self._writer: ChunkWriter | None = None

    def step(self, ledger: Ledger) -> bool:
        """True when the snapshot counts. Raises what `chunks` raises."""
        if self._writer is None:
            self._writer = ChunkWriter(ledger.connection)
        part = next(self._parts, None)
        if part is None:
            ledger.finish_snapshot(self._writer, self.place, self.conf, self._keep)
            return True
        self._writer.put(part)
        ledger.wal_bytes += len(part)
        return False

    def give_up(self) -> None:
        if self._writer is not None:
            self._writer.drop()
