"""Changes of the configuration as bytes of a log entry.

The layout is the protobuf one of the published implementation (varint fields, written in the order of their
numbers), so an entry has the length that its stories count on. There are two forms: the one-operation form
(`CONF_CHANGE`: 2 operation, 3 member, 4 context) and the general one (`CONF_CHANGE_V2`: 1 transition, 2 operations,
each 1 operation and 2 member, 3 context). Empty bytes are the change that leaves the joint configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.consensus.errors import ConsensusBroken
from coordinator.consensus.messages import (
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    Entry,
    EntryKind,
    MemberId,
    Transition,
)

Field = tuple[int, int | bytes]


def conf_change_entry(change: ConfChange, *, one_step: bool = False) -> Entry:
    """A proposal of `change`; `one_step` writes the one-operation form, which must have exactly one."""
    if not one_step:
        return Entry(0, 0, EntryKind.CONF_CHANGE_V2, _encode_general(change))
    if len(change.changes) != 1 or change.transition is not Transition.AUTO:
        raise ValueError("the one-operation form has one operation and no transition")
    return Entry(0, 0, EntryKind.CONF_CHANGE, _encode_one_step(change))


def decode_conf_change(entry: Entry) -> ConfChange:
    """The change that an entry carries. Raises `ConsensusBroken` if it carries none."""
    try:
        match entry.kind:
            case EntryKind.CONF_CHANGE:
                return _decode_one_step(entry.data)
            case EntryKind.CONF_CHANGE_V2:
                return _decode_general(entry.data)
            case EntryKind.NORMAL:
                raise ValueError("a normal entry")
    except (ValueError, IndexError, TypeError) as error:
        raise ConsensusBroken(f"entry {entry.index} is no conf change: {error}") from error


def _encode_general(change: ConfChange) -> bytes:
    out = bytearray()
    _put_number(out, 1, change.transition)
    for single in change.changes:
        body = bytearray()
        _put_number(body, 1, single.op)
        _put_number(body, 2, single.member)
        _put_bytes(out, 2, body)
    if change.context:
        _put_bytes(out, 3, change.context)
    return bytes(out)


def _encode_one_step(change: ConfChange) -> bytes:
    out = bytearray()
    single = change.changes[0]
    _put_number(out, 2, single.op)
    _put_number(out, 3, single.member)
    if change.context:
        _put_bytes(out, 4, change.context)
    return bytes(out)


def _decode_general(data: bytes) -> ConfChange:
    transition, context = Transition.AUTO, b""
    changes: list[ConfChangeSingle] = []
    for number, value in _fields(data):
        if number == 1:
            transition = Transition(_number(value))
        elif number == 2:
            changes.append(_decode_single(_bytes(value)))
        elif number == 3:
            context = _bytes(value)
    return ConfChange(tuple(changes), transition, context)


def _decode_single(data: bytes) -> ConfChangeSingle:
    fields = dict(_fields(data))
    return _single(fields.get(1, 0), fields.get(2, 0))


def _decode_one_step(data: bytes) -> ConfChange:
    fields = dict(_fields(data))
    single = _single(fields.get(2, 0), fields.get(3, 0))
    return ConfChange((single,), Transition.AUTO, _bytes(fields.get(4, b"")))


def _single(op: int | bytes, member: int | bytes) -> ConfChangeSingle:
    return ConfChangeSingle(ConfChangeOp(_number(op)), MemberId(_number(member)))


def _put_number(out: bytearray, number: int, value: int) -> None:
    out.append(number << 3)
    _put_varint(out, value)


def _put_bytes(out: bytearray, number: int, value: bytes | bytearray) -> None:
    out.append(number << 3 | 2)
    _put_varint(out, len(value))
    out += value


def _put_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        key, at = _get_varint(data, at)
        value, at = _get_varint(data, at)
        if key & 7 == 0:
            yield key >> 3, value
        elif key & 7 == 2 and at + value <= len(data):
            yield key >> 3, data[at : at + value]
            at += value
        else:
            raise ValueError(f"field {key} at byte {at} cannot be read")


def _get_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | data[at] << shift, at + 1


def _number(value: int | bytes) -> int:
    if isinstance(value, int):
        return value
    raise ValueError("bytes instead of a number")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError("a number instead of bytes")
