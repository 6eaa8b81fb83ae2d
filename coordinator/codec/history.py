"""The history in a backup: rows of the runs, fates and audit tables, as many to a piece as fit.

Rows lie outside the replicated state, so they have a layout of their own here. Fields are only appended: a file of an
older release is shorter, and what it does not say is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

import msgspec

from coordinator.codec.snapshots import MalformedSnapshot
from coordinator.model.audit import AuditEvent
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate

PIECE_BYTES = 256 * 1024
ROW_BYTES = 256  # of a row beside its error, result and logs; a guess


class RunRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One run. Meanings as in `replica.effects.RunWrite`."""

    task_id: TaskId
    allocation_id: AllocationId
    executor: str | None = None
    attempt: int | None = None
    cause: str | None = None
    node: str | None = None
    incarnation: str | None = None
    due_at: Instant | None = None
    assigned_at: Instant | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    outcome: str | None = None
    reported: str | None = None
    reason: str | None = None
    error: bytes | None = None
    result: bytes | None = None
    logs: bytes | None = None
    occurrence_at: Instant | None = None
    state_digest_before: str | None = None
    state_digest_after: str | None = None
    state_bytes: int | None = None
    log_counts: tuple[int, ...] | None = None
    progress: bytes | None = None


class FateRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One range of fates. Meanings as in `replica.effects.FateWrite`."""

    task_id: TaskId
    number: int
    at: Instant
    fate: Fate


_said = attrgetter(*RunRecord.__struct_fields__)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[RunRecord])
_fates_decoder = msgspec.msgpack.Decoder(list[FateRecord])
_audit_decoder = msgspec.msgpack.Decoder(list[AuditEvent])


def encode_runs(rows: Iterable[Any]) -> Iterator[bytes]:
    """Pieces of rows; each row has the fields of `RunRecord`. A large row is a piece of its own."""
    records: list[RunRecord] = []
    total = 0
    for row in rows:
        record = RunRecord(*_said(row))
        size = ROW_BYTES + sum(len(x or b"") for x in (record.error, record.result, record.logs))
        if records and total + size > PIECE_BYTES:
            yield _encoder.encode(records)
            records, total = [], 0
        records.append(record)
        total += size
    if records:
        yield _encoder.encode(records)


def encode_fates(rows: Iterable[Any]) -> bytes:
    """One piece, of as many ranges as fit; each has the fields of `FateRecord`."""
    return _encoder.encode([FateRecord(row.task_id, row.number, row.at, row.fate) for row in rows])


def decode_fates(piece: bytes) -> list[FateRecord]:
    """The ranges of one piece. Raises MalformedSnapshot."""
    try:
        return _fates_decoder.decode(piece)
    except msgspec.DecodeError as error:
        raise MalformedSnapshot(f"a piece of the fates is malformed: {error}") from error


def encode_audit(events: Iterable[AuditEvent]) -> bytes:
    """One piece, of as many events as fit."""
    return _encoder.encode(list(events))


def decode_audit(piece: bytes) -> list[AuditEvent]:
    """The events of one piece. Raises MalformedSnapshot."""
    try:
        return _audit_decoder.decode(piece)
    except msgspec.DecodeError as error:
        raise MalformedSnapshot(f"a piece of the audit is malformed: {error}") from error


def decode_runs(piece: bytes) -> list[RunRecord]:
    """The rows of one piece. Raises MalformedSnapshot."""
    try:
        return _decoder.decode(piece)
    except msgspec.DecodeError as error:
        raise MalformedSnapshot(f"a piece of history is malformed: {error}") from error
