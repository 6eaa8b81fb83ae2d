"""A run as a row of history: partial upserts laid over one another, and the bytes they are kept in.

Every stored piece is *sealed*: a crc32 over its place and its content stands in front, so that a flipped bit or a
piece in the wrong row is found when it is read (D3). The three large fields are pieces of their own; a list of runs
does not read them.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

import msgspec

from coordinator.model.ids import AllocationId, TaskId
from coordinator.replica.effects import RunWrite

RunRow = RunWrite  # the replica says it in the very words the table keeps
RunKey = tuple[str, int]

BLOBS: Final = ("result", "error", "logs")
_HEAD: Final = tuple(
    name
    for name in RunRow.__struct_fields__
    if name not in (*BLOBS, "task_id", "allocation_id", "index")
)
_CRC_BYTES: Final = 4


class RottenPiece(ValueError):
    """A sealed piece does not fit its place or its content."""


def merged(below: RunRow | None, above: RunRow) -> RunRow:
    """`above` laid over `below`: None leaves what is there."""
    if below is None:
        return above
    said = {name: value for name in _HEAD if (value := getattr(above, name)) is not None}
    said.update({name: value for name in BLOBS if (value := getattr(above, name)) is not None})
    return msgspec.structs.replace(below, index=max(below.index, above.index), **said)


def without_blobs(row: RunRow) -> RunRow:
    return msgspec.structs.replace(row, result=None, error=None, logs=None)


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
    """Everything but the blobs, as a map without the absent fields: new fields may be added at any time."""
    head = {name: value for name in _HEAD if (value := getattr(row, name)) is not None}
    head["index"] = row.index
    return seal((row.task_id, row.allocation_id), "head", msgspec.msgpack.encode(head))


def decode_head(key: RunKey, stored: object) -> RunRow:
    """Raises RottenPiece."""
    head = msgspec.msgpack.decode(unseal(key, "head", stored))
    known = {name: value for name, value in head.items() if name in _HEAD}
    return RunRow(
        task_id=TaskId(key[0]), allocation_id=AllocationId(key[1]), index=head["index"], **known
    )


def sealed_blob(row: RunRow, piece: str) -> bytes | None:
    content: bytes | None = getattr(row, piece)
    return None if content is None else seal((row.task_id, row.allocation_id), piece, content)
