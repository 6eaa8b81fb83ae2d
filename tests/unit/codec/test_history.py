"""Runs in a backup: each row comes back as it was, and a piece stays small."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.codec.history import (
    PIECE_BYTES,
    RunRecord,
    decode_audit,
    decode_fates,
    decode_runs,
    encode_audit,
    encode_fates,
    encode_runs,
)
from coordinator.codec.snapshots import MalformedSnapshot
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.schedules import Fate, FateWord
from coordinator.replica.effects import FateWrite, RunWrite
from tests.ports.store_kit import event


def row(number: int, **said: object) -> RunWrite:
    return RunWrite(TaskId("t"), AllocationId(number), 7, **said)  # type: ignore[arg-type]


_WORDS = (
    "executor", "cause", "node", "incarnation", "outcome", "reported", "reason",
    "state_digest_before", "state_digest_after",
)  # fmt: skip


def test_every_field_of_a_row_but_its_index_travels() -> None:
    blobs, words = ("error", "result", "logs", "progress"), _WORDS
    said: dict[str, object] = {
        field: f"{number}".encode() if field in blobs else number
        for number, field in enumerate(RunRecord.__struct_fields__[2:])
    }
    said |= dict.fromkeys(words, "word") | {"log_counts": (0, 1, 2, 3)}
    (piece,) = encode_runs([row(1, **said), row(2)])
    full, bare = decode_runs(piece)
    assert msgspec.structs.asdict(full) == {"task_id": "t", "allocation_id": 1, **said}
    assert bare == RunRecord(TaskId("t"), AllocationId(2))
    assert set(RunRecord.__struct_fields__) == set(RunWrite.__struct_fields__) - {"index", "trim"}


def test_pieces_are_bounded_and_a_large_row_is_one_of_its_own() -> None:
    rows = [row(number, logs=b"l" * (PIECE_BYTES // 4)) for number in range(1, 9)]
    rows.insert(4, row(99, logs=b"L" * PIECE_BYTES))
    pieces = list(encode_runs(rows))
    assert [len(decode_runs(piece)) for piece in pieces] == [3, 1, 1, 3, 1]
    assert [r.allocation_id for piece in pieces for r in decode_runs(piece)] == [
        1, 2, 3, 4, 99, 5, 6, 7, 8,
    ]  # fmt: skip
    assert list(encode_runs([])) == []


def test_what_is_no_piece_is_refused() -> None:
    with pytest.raises(MalformedSnapshot, match="a piece of history"):
        decode_runs(b"\x93\x01")


def test_fates_travel_as_they_are() -> None:
    fates = [
        FateWrite(TaskId("t"), n, 9, n * 10, Fate(FateWord.SKIPPED, "overlap", n, n + 5, 6))
        for n in (1, 2)
    ]
    records = decode_fates(encode_fates(fates))
    assert [(r.task_id, r.number, r.at, r.fate) for r in records] == [
        (f.task_id, f.number, f.at, f.fate) for f in fates
    ]
    with pytest.raises(MalformedSnapshot, match="a piece of the fates"):
        decode_fates(b"\x93\x01")


def test_tm_75_events_travel_as_they_are() -> None:
    events = [event(1), event(2, reason="é" * 300)]
    assert decode_audit(encode_audit(events)) == events
    with pytest.raises(MalformedSnapshot, match="a piece of the audit"):
        decode_audit(b"\x93\x01")
