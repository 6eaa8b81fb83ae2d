"""Rows of history as bytes: nothing flipped or misplaced is believed."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.model.ids import AllocationId, TaskId
from coordinator.shell.run_rows import (
    BLOBS,
    HEAD,
    RottenPiece,
    RunRow,
    decode_head,
    encode_head,
    merged,
    seal,
    unseal,
)

KEY = (TaskId("ingest"), AllocationId(40))
FULL = RunRow(
    task_id=KEY[0],
    allocation_id=KEY[1],
    index=9,
    executor="shop.ingest",
    attempt=2,
    cause="retry",
    node="n3",
    incarnation="4-77ab",
    due_at=1,
    assigned_at=2,
    started_at=3,
    ended_at=4,
    outcome="lost",
    reported="succeeded",
    reason="node_lost",
)


def test_the_order_of_a_head_is_for_ever() -> None:
    """Databases in the field hold heads in this order: a new field goes to the end."""
    stored = encode_head(FULL)[4:]
    assert stored == (
        b"\x9d\x09\xabshop.ingest\x02\xa5retry\xa2n3\xa64-77ab\x01\x02\x03\x04"
        b"\xa4lost\xa9succeeded\xa9node_lost"
    )


def test_every_field_of_a_row_is_kept() -> None:
    assert {*HEAD, *BLOBS, "task_id", "allocation_id", "trim"} == set(RunRow.__struct_fields__)
    assert decode_head(KEY, encode_head(FULL)) == FULL
    more = msgspec.structs.replace(
        FULL,
        occurrence_at=5,
        state_digest_before="ab",
        state_digest_after="cd",
        state_bytes=6,
        log_counts=(0, 7, 8, 9),
        progress=b'{"done":1}',
    )
    assert decode_head(KEY, encode_head(more)) == more


def test_a_head_ends_with_the_last_field_that_says_something() -> None:
    begun = RunRow(KEY[0], KEY[1], 9, executor="x", attempt=1)
    assert encode_head(begun)[4:] == b"\x93\x09\xa1x\x01"
    assert decode_head(KEY, encode_head(begun)) == begun


def test_a_head_of_another_release_is_read_as_far_as_it_is_known() -> None:
    older, later = b"\x92\x05\xa1x", b"\xdc\x00\x19\x05\xa1x" + b"\xc0" * 23
    for content in (older, later):
        row = decode_head(KEY, seal(KEY, "head", content))
        assert (row.index, row.executor, row.node) == (5, "x", None)


def test_a_piece_counts_only_in_its_place() -> None:
    sealed = seal(KEY, "result", b"content")
    assert unseal(KEY, "result", sealed) == b"content"
    for key, piece in ((("ingest", 41), "result"), (("ingest4", 0), "result"), (KEY, "error")):
        with pytest.raises(RottenPiece):
            unseal(key, piece, sealed)
    for stored in (None, 7, b"", b"abc", "text"):
        with pytest.raises(RottenPiece):
            unseal(KEY, "result", stored)


def test_every_flipped_bit_is_seen() -> None:
    sealed = seal(KEY, "result", b"content")
    for place in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[place // 8] ^= 1 << (place % 8)
        with pytest.raises(RottenPiece):
            unseal(KEY, "result", bytes(flipped))


def test_what_is_not_said_leaves_what_is_there() -> None:
    below = RunRow(KEY[0], KEY[1], 9, node="n1", attempt=1, logs=b"old")
    above = RunRow(KEY[0], KEY[1], 7, attempt=2, result=b"r")
    laid = RunRow(KEY[0], KEY[1], 9, node="n1", attempt=2, logs=b"old", result=b"r")
    assert merged(None, above) is above
    assert merged(below, above) == laid
