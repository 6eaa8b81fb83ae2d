"""Chunks of a snapshot as one string of bytes, and back.

Disk and wire cut bytes wherever they like; a chunk is only readable as a whole. So each is
preceded by its length, four bytes, big end first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coordinator.codec.snapshots import MalformedSnapshot

_LENGTH_BYTES = 4


def framed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Each chunk with its length before it. What follows may cut and join these at will."""
    for chunk in chunks:
        yield len(chunk).to_bytes(_LENGTH_BYTES) + chunk


def unframed(data: bytes) -> Iterator[bytes]:
    """The chunks again, for `load`. Raises MalformedSnapshot."""
    at = 0
    while at < len(data):
        begin = at + _LENGTH_BYTES
        end = begin + int.from_bytes(data[at:begin])
        if end > len(data):
            raise MalformedSnapshot(f"a chunk of a snapshot ends {end - len(data)} bytes too early")
        yield data[begin:end]
        at = end
