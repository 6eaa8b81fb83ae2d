"""Reading the runs table so that what a caller has seen applied is in it.

Rows of the history travel with other writes, or wait for a tick; whoever is about to read asks for them first and
waits until they are on disk. A list of runs tells type and message of their errors; tracebacks are asked for one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from coordinator.model.audit import AuditEvent
from coordinator.model.tasks import RunOutcome
from coordinator.replica.inputs import FlushRuns, KeepHistory
from coordinator.shell.fates_table import FateRow
from coordinator.shell.pump import Pump
from coordinator.shell.run_rows import RunRow
from coordinator.shell.store_port import StorePort

WRITTEN_TIMEOUT_S = 5.0  # a full disk holds writes back; then the history is as it was
FATES_PAGE = 1_000
AUDIT_PAGE = 100  # with up to 8 KiB of words each
PAGE = 64  # rows at once, each with up to 150 KiB of error, result and logs
MESSAGE_CHARS_MAX = 1_024  # in a list, of which a whole page has to fit into one answer
WITHOUT_ERROR = (None, RunOutcome.SUCCEEDED.value)


class ErrorInBrief(msgspec.Struct):
    """What a list tells of an error; the rest stays in the table."""

    type: str | None = None
    message: str | None = None


class Writes:
    """How far the disk is behind what was asked of it. Write ids only grow."""

    def __init__(self) -> None:
        self._submitted = 0
        self._written = 0
        self._waiting: dict[asyncio.Future[None], int] = {}

    def submitted(self, write: int) -> None:
        self._submitted = write

    def written(self, write: int) -> None:
        self._written = max(self._written, write)
        if self._waiting:
            for future, upto in list(self._waiting.items()):
                if upto <= self._written and not future.done():
                    future.set_result(None)

    async def wait(self) -> None:
        """Until all that has been submitted by now is on disk."""
        if self._submitted <= self._written:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = self._submitted
        try:
            await future
        finally:
            del self._waiting[future]


class History:
    """Runs and fates of a task, events of the audit, those of a moment ago included."""

    def __init__(self, store: StorePort, pump: Pump, writes: Writes) -> None:
        self._store = store
        self._pump = pump
        self._writes = writes

    async def runs_of(self, task_id: str, limit: int, before: int) -> Sequence[RunRow]:
        """Newest first, without logs and results, errors in brief; `before` is an allocation id, 0 for none."""
        await self._flush()
        rows = await self._store.runs(task_id, limit, before or None)
        return [await self._with_error(row) for row in rows]

    async def runs_before(self, before: int, limit: int, *, fresh: bool) -> Sequence[RunRow]:
        """Of all tasks, newest first, bare heads; `before` is an allocation id, 0 for none.

        `fresh`: with all that has been applied by now. Of several looks for one answer, the first one.
        """
        if fresh:
            await self._flush()
        return await self._store.runs_before(before or None, limit)

    async def error_of(self, task_id: str, allocation_id: int) -> bytes | None:
        """In brief; None where the run left none, or is not there any more."""
        full = await self._store.run(task_id, allocation_id)
        return None if full is None or full.error is None else in_brief(full.error)

    async def run_of(self, task_id: str, allocation_id: int) -> RunRow | None:
        """One run with all it left behind."""
        await self._flush()
        run = await self._store.run(task_id, allocation_id)
        if run is None:
            return None
        return msgspec.structs.replace(run, logs=await self._store.run_logs(task_id, allocation_id))

    async def pages(self, upto: int) -> AsyncIterator[Sequence[RunRow]]:
        """All rows by allocation id, blobs included, but for those that changed after revision `upto`."""
        await self._flush()
        after = 0
        while rows := await self._store.runs_after(after, PAGE):
            after = rows[-1].allocation_id
            yield [row for row in rows if row.index <= upto]

    async def fates_of(self, task_id: str, limit: int, before: int) -> Sequence[FateRow]:
        """Ranges of one series, the one begun last first; `before` is the number of one, 0 for none."""
        await self._flush()
        return await self._store.fates(task_id, limit, before or None)

    async def fate_pages(self, upto: int) -> AsyncIterator[Sequence[FateRow]]:
        """All ranges, by task id and number, but for those that changed after revision `upto`."""
        await self._flush()
        after = ("", 0)
        while rows := await self._store.fates_after(after, FATES_PAGE):
            after = (rows[-1].task_id, rows[-1].number)
            yield [row for row in rows if row.index <= upto]

    async def audit_of(self, limit: int, before: int) -> Sequence[AuditEvent]:
        """Newest first; `before` is the number of one, 0 for none."""
        await self._flush()
        return await self._store.audit(limit, before or None)

    async def audit_pages(self, upto: int) -> AsyncIterator[Sequence[AuditEvent]]:
        """All events by number, but for those of entries after revision `upto`."""
        await self._flush()
        after = 0
        while rows := await self._store.audit_after(after, AUDIT_PAGE):
            after = rows[-1].number
            yield [row for row in rows if row.index <= upto]

    async def keep(self, told: KeepHistory) -> None:
        """Rows that another member told; returns when they are on disk, however long a full one keeps them waiting."""
        await self._pump.fed(told)
        await self._pump.fed(FlushRuns())
        await self._writes.wait()

    async def _with_error(self, row: RunRow) -> RunRow:
        if row.outcome in WITHOUT_ERROR:
            return row
        error = await self.error_of(row.task_id, row.allocation_id)
        return row if error is None else msgspec.structs.replace(row, error=error)

    async def _flush(self) -> None:
        await self._pump.fed(FlushRuns())
        try:
            async with asyncio.timeout(WRITTEN_TIMEOUT_S):
                await self._writes.wait()
        except TimeoutError:
            return


def in_brief(error: bytes) -> bytes:
    """Type and message of an error as JSON; what is no such thing is left out."""
    try:
        found = msgspec.json.decode(error, type=ErrorInBrief)
    except msgspec.DecodeError:
        return b""
    message = found.message and found.message[:MESSAGE_CHARS_MAX]
    return msgspec.json.encode({"type": found.type, "message": message, "traceback": None})
