"""The runs table: history beside the state, written in the transaction of the entries it comes from (TM-69).

Rows come as partial upserts. What belongs together is merged before it is written, heads of runs under way are kept in
memory so that a row is read back only after a restart, and the three large fields are laid over by SQL.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from coordinator.shell.run_rows import (
    BLOBS,
    RottenPiece,
    RunKey,
    RunRow,
    decode_head,
    encode_head,
    merged,
    sealed_blob,
    unseal,
    without_blobs,
)
from coordinator.shell.store_port import Damaged

_OPEN_HEADS_MAX: Final = 10_000
_ASKED_AT_ONCE: Final = 500

RunParams = tuple[int, str, bytes, bytes | None, bytes | None, bytes | None, int | None]


class RunsWriter:
    """Used by the writer thread alone. Raises sqlite3.Error, and Damaged for a row that fails its checksum."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._heads: OrderedDict[RunKey, RunRow] = OrderedDict()
        newest = connection.execute("SELECT max(allocation_id) FROM runs").fetchone()[0]
        self._newest: int = newest or 0

    def prepare(self, rows: Sequence[RunRow]) -> list[RunRow]:
        """The rows with heads complete; each key stands once in `rows`."""
        below = self._below(rows)
        return [merged(below.get((row.task_id, row.allocation_id)), row) for row in rows]

    def written(self, rows: Iterable[RunRow]) -> None:
        """These prepared rows are on disk."""
        for row in rows:
            key = (row.task_id, row.allocation_id)
            self._newest = max(self._newest, row.allocation_id)
            if row.ended_at is not None:
                self._heads.pop(key, None)
            else:
                self._heads[key] = without_blobs(row)
                self._heads.move_to_end(key)
        while len(self._heads) > _OPEN_HEADS_MAX:
            self._heads.popitem(last=False)

    def _below(self, rows: Sequence[RunRow]) -> dict[RunKey, RunRow]:
        known = {key: head for row in rows if (head := self._heads.get(key := _key(row)))}
        unknown = [
            row.allocation_id
            for row in rows
            if row.allocation_id <= self._newest and _key(row) not in known
        ]
        for begin in range(0, len(unknown), _ASKED_AT_ONCE):
            known.update(self._stored(unknown[begin : begin + _ASKED_AT_ONCE]))
        return known

    def _stored(self, allocations: Sequence[int]) -> dict[RunKey, RunRow]:
        marks = ",".join("?" * len(allocations))
        found = self._connection.execute(
            f"SELECT task_id, allocation_id, head FROM runs WHERE allocation_id IN ({marks})",  # noqa: S608 - only marks
            allocations,
        )
        return {(task, number): _head(task, number, head) for task, number, head in found}


def run_params(row: RunRow) -> RunParams:
    error, result, logs = (sealed_blob(row, piece) for piece in ("error", "result", "logs"))
    return (row.allocation_id, row.task_id, encode_head(row), error, result, logs, row.ended_at)


def read_runs(
    connection: sqlite3.Connection, task_id: str, limit: int, before: int | None
) -> list[RunRow]:
    """Newest first, heads only. Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT allocation_id, head FROM runs WHERE task_id = ? AND allocation_id < ? "
        "ORDER BY allocation_id DESC LIMIT ?",
        (task_id, before if before is not None else 2**63 - 1, limit),
    )
    return [_head(task_id, number, head) for number, head in found]


def read_runs_before(
    connection: sqlite3.Connection, allocation_id: int | None, limit: int
) -> list[RunRow]:
    """Of all tasks, newest first, heads only; at most `limit` rows are read. Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT task_id, allocation_id, head FROM runs WHERE allocation_id < ? "
        "ORDER BY allocation_id DESC LIMIT ?",
        (allocation_id if allocation_id is not None else 2**63 - 1, limit),
    )
    return [_head(task_id, number, head) for task_id, number, head in found]


def read_run(connection: sqlite3.Connection, task_id: str, allocation_id: int) -> RunRow | None:
    """With result and error, without logs. Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT head, error, result FROM runs WHERE task_id = ? AND allocation_id = ?",
        (task_id, allocation_id),
    ).fetchone()
    if found is None:
        return None
    row = _head(task_id, allocation_id, found[0])
    error = _blob((task_id, allocation_id), "error", found[1])
    result = _blob((task_id, allocation_id), "result", found[2])
    return merged(
        row, RunRow(row.task_id, row.allocation_id, row.index, error=error, result=result)
    )


def read_logs(connection: sqlite3.Connection, task_id: str, allocation_id: int) -> bytes | None:
    """Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT logs FROM runs WHERE task_id = ? AND allocation_id = ?", (task_id, allocation_id)
    ).fetchone()
    return None if found is None else _blob((task_id, allocation_id), "logs", found[0])


def read_runs_after(connection: sqlite3.Connection, allocation_id: int, limit: int) -> list[RunRow]:
    """Rows of all tasks by allocation id, blobs included. Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT task_id, allocation_id, head, error, result, logs FROM runs "
        "WHERE allocation_id > ? ORDER BY allocation_id LIMIT ?",
        (allocation_id, limit),
    )
    return [_whole(task_id, number, head, blobs) for task_id, number, head, *blobs in found]


def check_heads(connection: sqlite3.Connection) -> None:
    """Reads every head once. Raises sqlite3.Error, Damaged."""
    heads = connection.execute("SELECT task_id, allocation_id, head FROM runs")
    try:
        for task_id, allocation_id, head in heads:
            unseal((task_id, allocation_id), "head", head)
    except RottenPiece as rot:
        raise Damaged(str(rot)) from rot


def _key(row: RunRow) -> RunKey:
    return (row.task_id, row.allocation_id)


def _head(task_id: str, allocation_id: int, stored: object) -> RunRow:
    try:
        return decode_head((task_id, allocation_id), stored)
    except RottenPiece as rot:
        raise Damaged(str(rot)) from rot


def _whole(task_id: str, number: int, head: object, blobs: Sequence[object]) -> RunRow:
    key = (task_id, number)
    error, result, logs = (
        _blob(key, piece, blob) for piece, blob in zip(BLOBS, blobs, strict=True)
    )
    row = _head(task_id, number, head)
    return msgspec.structs.replace(row, error=error, result=result, logs=logs)


def _blob(key: RunKey, piece: str, stored: object) -> bytes | None:
    if stored is None:
        return None
    try:
        return unseal(key, piece, stored)
    except RottenPiece as rot:
        raise Damaged(str(rot)) from rot
