"""The reading side of the store: connections of its own in a few threads, so that no read waits for a write.

Every call is made from the event loop and awaited there. What fails here fails the store: a disk that cannot be read,
or rot, is told to `on_failed` as well (D5, D8).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from coordinator.model.audit import AuditEvent
from coordinator.shell.audit_table import read_audit, read_audit_after
from coordinator.shell.fates_table import FateRow, read_fates, read_fates_after
from coordinator.shell.run_rows import RunRow
from coordinator.shell.runs_table import (
    read_logs,
    read_run,
    read_runs,
    read_runs_after,
    read_runs_before,
)
from coordinator.shell.store_port import Damaged, StorageBroken, StoreError, StoreFailure, Trouble
from coordinator.shell.store_schema import connect_reader, trouble_of
from coordinator.shell.store_snapshots import Finished, Pins, read_chunk, read_finished

_READERS: Final = 2

T = TypeVar("T")


class Reads:
    """`on_failed` may be called from any thread. Raises sqlite3.Error when made."""

    def __init__(
        self, database: Path, pins: Pins, on_failed: Callable[[StoreFailure], None]
    ) -> None:
        self._database = database
        self._pins = pins
        self._on_failed = on_failed
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="ptasks-store-read")
        self._mine = threading.local()
        # with their files already: later there may be no descriptor left, which is no trouble of the disk
        self._open = [connect_reader(database) for _ in range(_READERS)]
        self._free = [*self._open]

    async def runs(self, task_id: str, limit: int, before: int | None) -> list[RunRow]:
        return await self._do(lambda connection: read_runs(connection, task_id, limit, before))

    async def run(self, task_id: str, allocation_id: int) -> RunRow | None:
        return await self._do(lambda connection: read_run(connection, task_id, allocation_id))

    async def run_logs(self, task_id: str, allocation_id: int) -> bytes | None:
        return await self._do(lambda connection: read_logs(connection, task_id, allocation_id))

    async def runs_after(self, allocation_id: int, limit: int) -> list[RunRow]:
        return await self._do(lambda connection: read_runs_after(connection, allocation_id, limit))

    async def runs_before(self, allocation_id: int | None, limit: int) -> list[RunRow]:
        return await self._do(lambda connection: read_runs_before(connection, allocation_id, limit))

    async def fates(self, task_id: str, limit: int, before: int | None) -> list[FateRow]:
        return await self._do(lambda connection: read_fates(connection, task_id, limit, before))

    async def fates_after(self, after: tuple[str, int], limit: int) -> list[FateRow]:
        return await self._do(lambda connection: read_fates_after(connection, after, limit))

    async def audit(self, limit: int, before: int | None) -> list[AuditEvent]:
        return await self._do(lambda connection: read_audit(connection, limit, before))

    async def audit_after(self, number: int, limit: int) -> list[AuditEvent]:
        return await self._do(lambda connection: read_audit_after(connection, number, limit))

    async def open_snapshot(self) -> StoredSnapshot | None:
        """Holds the finished snapshot until the reader is closed."""
        finished = await self._do(self._pin_finished)
        return None if finished is None else StoredSnapshot(self, finished)

    async def chunk(self, snapshot_id: int, number: int) -> bytes:
        return await self._do(lambda connection: read_chunk(connection, snapshot_id, number))

    def release(self, snapshot_id: int) -> None:
        self._pins.release(snapshot_id)

    def close(self) -> None:
        """Waits for reads under way."""
        self._pool.shutdown()
        for connection in self._open:
            connection.close()
        self._open.clear()

    def _pin_finished(self, connection: sqlite3.Connection) -> Finished | None:
        while True:
            finished = read_finished(connection)
            if finished is None:
                return None
            self._pins.hold(finished.id)
            if (again := read_finished(connection)) is not None and again.id == finished.id:
                return finished  # it still counted when it was held, so no sweep began before
            self._pins.release(finished.id)

    async def _do(self, read: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._guarded, read)

    def _guarded(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return read(self._connection())
        except Damaged as rot:
            self._on_failed(StoreFailure(Trouble.DAMAGED, rot.reason))
            raise
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> StoreError:
        kind = trouble_of(error, self._database.parent)
        text = f"{self._database}: {error}"
        self._on_failed(StoreFailure(kind, text))
        return Damaged(text) if kind is Trouble.DAMAGED else StorageBroken(text)

    def _connection(self) -> sqlite3.Connection:
        mine: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if mine is None:
            mine = self._mine.connection = self._free.pop()
        return mine


class StoredSnapshot:
    """A snapshot held for reading; close it."""

    def __init__(self, reads: Reads, finished: Finished) -> None:
        self.mark = finished.mark
        self._reads = reads
        self._id = finished.id
        self._closed = False

    async def chunk(self, number: int) -> bytes:
        return await self._reads.chunk(self._id, number)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._reads.release(self._id)
