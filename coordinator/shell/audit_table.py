"""The audit table: what operators and code changed, beside runs and fates (TM-75).

A row is written in the transaction of the entries it comes from, sealed as the pieces of a run are. How old or how many
may stay is decided where rows are made: a row says which earlier ones go with it.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import msgspec

from coordinator.model.audit import AuditEvent
from coordinator.replica.effects import AuditWrite
from coordinator.shell.run_rows import RottenPiece, seal, unseal
from coordinator.shell.store_port import Damaged

_PIECE: Final = "event"
_OF: Final = "audit"  # takes the place of a task id in the seal
_NEWEST: Final = 2**63 - 1
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(AuditEvent).decode


def audit_params(row: AuditWrite) -> tuple[int, int, bytes, int, int]:
    """The columns of `Inbox.AUDIT`."""
    event = row.event
    content = seal((_OF, event.number), _PIECE, _encode(event))
    return (event.number, event.at, content, row.gone_upto, row.gone_before)


def read_audit(connection: sqlite3.Connection, limit: int, before: int | None) -> list[AuditEvent]:
    """Newest first. Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT number, at, content FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?",
        (before if before is not None else _NEWEST, limit),
    )
    return [_event(*row) for row in found]


def read_audit_after(connection: sqlite3.Connection, after: int, limit: int) -> list[AuditEvent]:
    """By number. Raises sqlite3.Error, Damaged."""
    found = connection.execute(
        "SELECT number, at, content FROM audit WHERE number > ? ORDER BY number LIMIT ?",
        (after, limit),
    )
    return [_event(*row) for row in found]


def check_audit(connection: sqlite3.Connection) -> None:
    """Reads every row once. Raises sqlite3.Error, Damaged."""
    for row in connection.execute("SELECT number, at, content FROM audit"):
        _event(*row)


def _event(number: int, at: Any, stored: object) -> AuditEvent:
    try:
        event = _decode(unseal((_OF, number), _PIECE, stored))
    except RottenPiece as rot:
        raise Damaged(str(rot)) from rot
    if event.at != at:
        raise Damaged(f"event {number} of the audit is of another time than the table says")
    return event
