"""How large entries are, and how many of them fit under a limit of bytes.

The measure is the length of an entry as a protobuf message of the published implementation, so that limits cut
where its stories say. Empty data counts as absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from coordinator.consensus.messages import Entry, EntryKind

NO_LIMIT: Final = 2**63 - 1
_NORMAL: Final = EntryKind.NORMAL
_FRAME_MAX: Final = 36  # no entry is larger than its data and this


def _varint_size(number: int) -> int:
    return (number.bit_length() + 6) // 7 or 1


def entry_size(entry: Entry) -> int:
    """Length of one entry in bytes."""
    size = 2 + _varint_size(entry.term) + _varint_size(entry.index)
    if entry.kind is not _NORMAL:
        size += 2
    if length := len(entry.data):
        size += 1 + _varint_size(length) + length
    return size


def entries_size(entries: Sequence[Entry]) -> int:
    """Length of all of them, which follow one another in a log, in bytes."""
    if not entries:
        return 0
    first, last = entries[0], entries[-1]
    frame = _varint_size(first.index)
    if first.term != last.term or frame != _varint_size(last.index):
        return sum([entry_size(entry) for entry in entries])
    # Terms never fall along a log, so all between have this term: what frames the data is the same for each.
    total = len(entries) * (2 + _varint_size(first.term) + frame)
    for entry in entries:
        if length := len(entry.data):
            total += length + 1 + (length.bit_length() + 6) // 7
        if entry.kind is not _NORMAL:
            total += 2
    return total


def payload_size(entries: Sequence[Entry]) -> int:
    """Bytes of data alone: what a proposer is charged for."""
    return sum([len(entry.data) for entry in entries])


def limit_size(entries: Sequence[Entry], max_bytes: int) -> Sequence[Entry]:
    """As many of the first entries as fit into `max_bytes`; at least one, if there is one."""
    if max_bytes >= NO_LIMIT or payload_size(entries) + _FRAME_MAX * len(entries) <= max_bytes:
        return entries
    total = 0
    for count, entry in enumerate(entries):
        total += entry_size(entry)
        if total > max_bytes and count > 0:
            return entries[:count]
    return entries
