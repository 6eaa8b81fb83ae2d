"""A run as a row of history: partial upserts laid over one another, and the bytes they are kept in.

Every stored piece is *sealed*: a crc32 over its place and its content stands in front, so that a flipped bit or a
piece in the wrong row is found when it is read (D3). The three large fields are pieces of their own; a list of runs
does not read them.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final
from zlib import crc32

import msgspec

from coordinator.model.ids import AllocationId, TaskId
from coordinator.replica.effects import RunWrite

RunRow = RunWrite  # the replica says it in the very words the table keeps
RunKey = tuple[str, int]

# What a head holds, in the order of its array. Append only: databases in the field have it in this order.
HEAD: Final = (
    "index",
    "executor",
    "attempt",
    "cause",
    "node",
    "incarnation",
    "due_at",
    "assigned_at",
    "started_at",
    "ended_at",
    "outcome",
    "reported",
    "reason",
    "occurrence_at",
    "state_digest_before",
    "state_digest_after",
    "state_bytes",
    "log_counts",
    "progress",
)
BLOBS: Final = ("error", "result", "logs")
_head_of: Final = attrgetter(*HEAD)
_all_of: Final = attrgetter(*RunRow.__struct_fields__[2:])
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[object]).decode
_CRC_BYTES: Final = 4


class RottenPiece(ValueError):
    """A sealed piece does not fit its place or its content."""


def merged(below: RunRow | None, above: RunRow) -> RunRow:
    """`above` laid over `below`: None leaves what is there."""
    if below is None:
        return above
    values = [
        old if new is None else new for old, new in zip(_all_of(below), _all_of(above), strict=True)
    ]
    values[0] = max(below.index, above.index)
    return RunRow(below.task_id, below.allocation_id, *values)


def without_blobs(row: RunRow) -> RunRow:
    return msgspec.structs.replace(row, result=None, error=None, logs=None, trim=None)


def seal(key: RunKey, piece: str, content: bytes) -> bytes:
    place = f"{key[0]}#{key[1]}/{piece}".encode()
    return crc32(content, crc32(place)).to_bytes(_CRC_BYTES) + content


def unseal(key: RunKey, piece: str, stored: object) -> bytes:
    """The content. Raises RottenPiece."""
    if not isinstance(stored, bytes) or len(stored) < _CRC_BYTES:
        raise RottenPiece(f"run {key[0]}#{key[1]}: {piece} is not what was written")
    content = stored[_CRC_BYTES:]
    if seal(key, piece, content) != stored:
        raise RottenPiece(f"run {key[0]}#{key[1]}: {piece} fails its checksum")
    return content


def encode_head(row: RunRow) -> bytes:
    """Everything but the blobs, and nothing behind the last field that says something."""
    values = _head_of(row)
    end = len(values)
    while values[end - 1] is None:
        end -= 1
    return seal((row.task_id, row.allocation_id), "head", _encode(values[:end]))


def decode_head(key: RunKey, stored: object) -> RunRow:
    """An older head is shorter, one of a later release longer. Raises RottenPiece."""
    values = _decode(unseal(key, "head", stored))
    said: dict[str, Any] = dict(zip(HEAD, values, strict=False))
    if (counts := said.get("log_counts")) is not None:
        said["log_counts"] = tuple(counts)
    return RunRow(TaskId(key[0]), AllocationId(key[1]), **said)


def sealed_blob(row: RunRow, piece: str) -> bytes | None:
    content: bytes | None = getattr(row, piece)
    return None if content is None else seal((row.task_id, row.allocation_id), piece, content)
