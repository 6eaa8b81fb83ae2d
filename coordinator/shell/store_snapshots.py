"""Snapshots on disk: chunk rows under an unfinished mark, then one transaction that makes them count (D12).

At any time at most one snapshot is finished: the transaction that finishes one takes the mark of the one before.
Chunks that belong to none are garbage and are swept in small steps, unless somebody still reads them.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final
from zlib import crc32

import msgspec

from coordinator.consensus.messages import ConfState, Snapshot
from coordinator.shell.store_port import CHUNK_BYTES, Damaged, SnapshotGone, SnapshotMark

_CHUNK_BITS: Final = 24
_SWEPT_AT_ONCE: Final = 8


class _Head(msgspec.Struct, frozen=True, array_like=True):
    index: int
    term: int
    conf: ConfState
    size: int
    chunks: int
    digest: bytes


class Finished(msgspec.Struct, frozen=True):
    """The snapshot that counts."""

    id: int
    mark: SnapshotMark
    digest: bytes


class Pins:
    """Which snapshots are being read. Shared by the writer and the readers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[int] = Counter()

    def hold(self, snapshot_id: int) -> None:
        with self._lock:
            self._held[snapshot_id] += 1

    def release(self, snapshot_id: int) -> None:
        with self._lock:
            self._held[snapshot_id] -= 1

    def held(self) -> frozenset[int]:
        with self._lock:
            return frozenset(number for number, count in self._held.items() if count > 0)


class ChunkWriter:
    """Writes one snapshot, a chunk at a time, each in a transaction of its own. Raises sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._digest = hashlib.blake2b(digest_size=32)
        self._size = 0
        self.count = 0  # chunks written
        newest = connection.execute(
            "SELECT max((SELECT coalesce(max(id), 0) FROM snapshots), "
            "(SELECT coalesce(max(place), 0) >> ? FROM chunks))",
            (_CHUNK_BITS,),
        ).fetchone()[0]
        self.id: int = newest + 1
        connection.execute("INSERT INTO snapshots VALUES(?, x'', 0)", (self.id,))

    def put(self, data: bytes) -> None:
        place = _place(self.id, self.count)
        crc = crc32(data, crc32(place.to_bytes(8)))
        self._connection.execute("INSERT INTO chunks VALUES(?, ?, ?)", (place, crc, data))
        self._digest.update(data)
        self._size += len(data)
        self.count += 1

    def finish(self, index: int, term: int, conf: ConfState) -> None:
        """Part of the transaction that makes it count; the caller begins and commits it."""
        head = _Head(index, term, conf, self._size, self.count, self._digest.digest())
        packed = msgspec.msgpack.encode(head)
        sealed = crc32(packed, self.id).to_bytes(4) + packed
        self._connection.execute("DELETE FROM snapshots WHERE id != ?", (self.id,))
        self._connection.execute(
            "UPDATE snapshots SET head = ?, finished = 1 WHERE id = ?", (sealed, self.id)
        )

    def drop(self) -> None:
        """Given up: its chunks become garbage."""
        self._connection.execute("DELETE FROM snapshots WHERE id = ? AND finished = 0", (self.id,))


def in_chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of CHUNK_BYTES; the last one is shorter."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        begin = 0
        while len(waiting) - begin >= CHUNK_BYTES:
            yield bytes(waiting[begin : begin + CHUNK_BYTES])
            begin += CHUNK_BYTES
        del waiting[:begin]
    if waiting:
        yield bytes(waiting)


def read_finished(connection: sqlite3.Connection) -> Finished | None:
    """Raises sqlite3.Error, Damaged."""
    found = connection.execute("SELECT id, head FROM snapshots WHERE finished = 1").fetchall()
    if not found:
        return None
    if len(found) > 1:
        raise Damaged(f"{len(found)} snapshots are marked as finished, there is only one at a time")
    number, sealed = found[0]
    if not isinstance(sealed, bytes) or sealed[:4] != crc32(sealed[4:], number).to_bytes(4):
        raise Damaged("the head of the snapshot fails its checksum")
    head = msgspec.msgpack.decode(sealed[4:], type=_Head)
    mark = SnapshotMark(head.index, head.term, head.conf, head.size, head.chunks)
    return Finished(number, mark, head.digest)


def read_chunk(connection: sqlite3.Connection, snapshot_id: int, number: int) -> bytes:
    """Raises sqlite3.Error, Damaged; SnapshotGone when it was swept."""
    place = _place(snapshot_id, number)
    found = connection.execute("SELECT crc, data FROM chunks WHERE place = ?", (place,)).fetchone()
    if found is None:
        raise SnapshotGone(f"chunk {number} of snapshot {snapshot_id} is gone")
    crc, data = found
    if not isinstance(data, bytes) or crc32(data, crc32(place.to_bytes(8))) != crc:
        raise Damaged(f"chunk {number} of the snapshot fails its checksum")
    return data


def read_snapshot(connection: sqlite3.Connection, finished: Finished) -> Snapshot:
    """All of it, verified. Raises sqlite3.Error, Damaged."""
    data = bytearray()
    try:
        for number in range(finished.mark.chunks):
            data += read_chunk(connection, finished.id, number)
    except SnapshotGone as error:
        raise Damaged(f"a chunk of the snapshot is missing: {error}") from error
    digest = hashlib.blake2b(data, digest_size=32).digest()
    if len(data) != finished.mark.size or digest != finished.digest:
        raise Damaged("the snapshot fails its digest")
    return Snapshot(finished.mark.index, finished.mark.term, finished.mark.conf, bytes(data))


def sweep(connection: sqlite3.Connection, kept: frozenset[int]) -> bool:
    """Deletes a few chunks that belong to no snapshot; False when there are none. Raises sqlite3.Error."""
    known = {number for (number,) in connection.execute("SELECT id FROM snapshots")} | kept
    present = [number for number in _chunk_owners(connection) if number not in known]
    if not present:
        return False
    connection.execute(
        "DELETE FROM chunks WHERE place IN (SELECT place FROM chunks WHERE place >= ? AND place < ? LIMIT ?)",
        (_place(present[0], 0), _place(present[0] + 1, 0), _SWEPT_AT_ONCE),
    )
    return True


def _chunk_owners(connection: sqlite3.Connection) -> Iterator[int]:
    """Ids that have chunks, ascending, by skipping from one to the next."""
    after = 0
    while True:
        place = connection.execute(
            "SELECT min(place) FROM chunks WHERE place >= ?", (_place(after, 0),)
        ).fetchone()[0]
        if place is None:
            return
        yield place >> _CHUNK_BITS
        after = (place >> _CHUNK_BITS) + 1


def _place(snapshot_id: int, number: int) -> int:
    return (snapshot_id << _CHUNK_BITS) | number
