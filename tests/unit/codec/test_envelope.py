from __future__ import annotations

import msgspec
import pytest

from coordinator.codec.envelope import (
    HEADER_BYTES,
    KIND_BATCH,
    VERSION,
    MalformedEntry,
    UnknownCommand,
    decode_batch,
    encode_batch,
)
from coordinator.machine.commands import Batch, CancelTask, Request
from coordinator.machine.failures import UpgradeNeeded
from coordinator.model.ids import TaskId
from tests.unit.machine.kit import create, join

BATCH = Batch(7, (Request(join()), Request(create(), "r", 2**64 - 1)), nonce=5)


def test_a_batch_comes_back_as_it_was() -> None:
    assert decode_batch(encode_batch(BATCH)) == BATCH
    assert encode_batch(BATCH)[:HEADER_BYTES] == bytes((KIND_BATCH, VERSION))


@pytest.mark.parametrize(
    "head", [bytes((KIND_BATCH, VERSION + 1)), bytes((KIND_BATCH + 1, VERSION))]
)
def test_an_envelope_of_another_build_asks_for_an_upgrade(head: bytes) -> None:
    with pytest.raises(UnknownCommand, match="upgrade me"):
        decode_batch(head + encode_batch(BATCH)[HEADER_BYTES:])
    assert issubclass(UnknownCommand, UpgradeNeeded)


def test_a_command_of_another_build_asks_for_an_upgrade() -> None:
    body = msgspec.msgpack.encode([7, [[[999, "t"], "", 0]], 0])
    with pytest.raises(UnknownCommand, match="upgrade me"):
        decode_batch(bytes((KIND_BATCH, VERSION)) + body)


def test_fields_appended_later_may_be_missing() -> None:
    body = msgspec.msgpack.encode([7, [[[6, "t"]]]])
    batch = decode_batch(bytes((KIND_BATCH, VERSION)) + body)
    assert batch == Batch(7, (Request(CancelTask(TaskId("t"))),))


@pytest.mark.parametrize("payload", [b"", b"\x01", encode_batch(BATCH)[:-3]])
def test_bytes_nobody_wrote_are_no_batch(payload: bytes) -> None:
    with pytest.raises(MalformedEntry):
        decode_batch(payload)
