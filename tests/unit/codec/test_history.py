"""Runs in a backup: each row comes back as it was, and a piece stays small."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.codec.history import PIECE_BYTES, RunRecord, decode_runs, encode_runs
from coordinator.codec.snapshots import MalformedSnapshot
from coordinator.model.ids import AllocationId, TaskId
from coordinator.replica.effects import RunWrite


def row(number: int, **said: object) -> RunWrite:
    return RunWrite(TaskId("t"), AllocationId(number), 7, **said)  # type: ignore[arg-type]


def test_every_field_of_a_row_but_its_index_travels() -> None:
    said = {
        field: f"{number}".encode() if field in ("error", "result", "logs") else number
        for number, field in enumerate(RunRecord.__struct_fields__[2:])
        if field
        not in ("executor", "cause", "node", "incarnation", "outcome", "reported", "reason")
    }
    words = dict.fromkeys(
        ("executor", "cause", "node", "incarnation", "outcome", "reported", "reason"), "word"
    )
    (piece,) = encode_runs([row(1, **said, **words), row(2)])
    full, bare = decode_runs(piece)
    assert msgspec.structs.asdict(full) == {"task_id": "t", "allocation_id": 1, **said, **words}
    assert bare == RunRecord(TaskId("t"), AllocationId(2))
    assert set(RunRecord.__struct_fields__) == set(RunWrite.__struct_fields__) - {"index"}


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
