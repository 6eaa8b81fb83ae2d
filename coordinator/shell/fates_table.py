"""The fates table: what became of the fire times of each series, range by range, beside the runs (TM-9, TM-74).

A row is written in the transaction of the entries it comes from, sealed as the pieces of a run are. How old or how many
may stay is decided where rows are made: a row says which earlier ones of its series go with it.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import msgspec

from coordinator.model.ids import TaskId
from coordinator.model.schedules import Fate
from coordinator.replica.effects import FateWrite
from coordinator.shell.run_rows import RottenPiece, RunKey, seal, unseal
from coordinator.shell.store_port import Damaged

FateRow = FateWrite  # the replica says it in the very words the table keeps
FateParams = tuple[str, int, int, bytes, int, int]

_PIECE: Final = "fate"
_NEWEST: Final = 2**63 - 1
_encode: Final = msgspec.msgpack.Encoder().encode


class _Content(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Append only: databases in the field have it in this order."""

    index: int
    at: int
    fate: Fate


_decode: Final = msgspec.msgpack.Decoder(_Content).decode


def fate_params(row: FateRow) -> FateParams:
    content = seal(_key(row), _PIECE, _encode(_Content(row.index, row.at, row.fate)))
    return (row.task_id, row.number, row.at, content, row.gone_upto, row.gone_before)


def read_fates(
    connection: sqlite3.Connection, task_id: str, limit: int, before: int | None
) -> list[FateRow]:
    """Of one series, the range that was begun last first. Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT number, at, content FROM fates WHERE task_id = ? AND number < ? "
        "ORDER BY number DESC LIMIT ?",
        (task_id, before if before is not None else _NEWEST, limit),
    )
    return [_row((task_id, number), at, content) for number, at, content in found]


def read_fates_after(
    connection: sqlite3.Connection, after: tuple[str, int], limit: int
) -> list[FateRow]:
    """Of all series, by task id and number. Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT task_id, number, at, content FROM fates WHERE (task_id, number) > (?, ?) "
        "ORDER BY task_id, number LIMIT ?",
        (*after, limit),
    )
    return [_row((task_id, number), at, content) for task_id, number, at, content in found]


def check_fates(connection: sqlite3.Connection) -> None:
    """Reads every row once. Raises sqlite3.Error, Damaged."""
    for task_id, number, at, content in connection.execute(
        "SELECT task_id, number, at, content FROM fates"
    ):
        _row((task_id, number), at, content)


def _key(row: FateRow) -> RunKey:
    return (row.task_id, row.number)


def _row(key: RunKey, at: Any, stored: object) -> FateRow:
    try:
        content = _decode(unseal(key, _PIECE, stored))
    except RottenPiece as rot:
        raise Damaged(str(rot)) from rot
    if content.at != at:
        raise Damaged(f"fates {key[1]} of {key[0]} are of another time than the table says")
    return FateRow(TaskId(key[0]), key[1], content.index, content.at, content.fate)
