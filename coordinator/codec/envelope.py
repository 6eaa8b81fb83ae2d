"""The payload of a log entry: a kind byte, a version byte, then MessagePack.

What a command means depends on the feature level alone (design section 12). The receiver trusts
the log: whatever this build cannot read was written by a newer one, and the member must halt.
"""

from __future__ import annotations

import msgspec

from coordinator.machine.commands import Batch
from coordinator.machine.failures import UpgradeNeeded

KIND_BATCH = 1
VERSION = 1
HEADER_BYTES = 2
_HEADER = bytes((KIND_BATCH, VERSION))

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


class UnknownCommand(UpgradeNeeded):
    """An entry of a kind, version or command that this build does not know: upgrade me."""


class MalformedEntry(Exception):
    """Bytes that no build ever wrote. Their checksum held, so this is a bug, not rot."""


def encode_batch(batch: Batch) -> bytes:
    """The payload of one entry. Equal batches give equal bytes."""
    buffer = bytearray(_HEADER)
    _encoder.encode_into(batch, buffer, HEADER_BYTES)
    return bytes(buffer)


def decode_batch(payload: bytes) -> Batch:
    """The batch of one entry. Raises UnknownCommand or MalformedEntry; both stop the member."""
    if payload[:HEADER_BYTES] != _HEADER:
        raise _unreadable(payload)
    try:
        return _decoder.decode(memoryview(payload)[HEADER_BYTES:])
    except msgspec.ValidationError as error:
        raise UnknownCommand(f"a command of a newer build, {error}: upgrade me") from error
    except msgspec.DecodeError as error:
        raise MalformedEntry(f"an entry of {len(payload)} bytes is malformed: {error}") from error


def _unreadable(payload: bytes) -> Exception:
    if len(payload) < HEADER_BYTES:
        return MalformedEntry(f"an entry of {len(payload)} bytes is too short for its header")
    kind, version = payload[0], payload[1]
    return UnknownCommand(
        f"an entry of kind {kind}, version {version}; this build reads kind {KIND_BATCH}, "
        f"version {VERSION}: upgrade me"
    )
