from __future__ import annotations

import msgspec
import pytest

from coordinator.consensus import messages
from coordinator.consensus.messages import (
    Append,
    AppendAccepted,
    AppendRejected,
    ConfState,
    Entry,
    EntryKind,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Message,
    Propose,
    ReadIndexReply,
    ReadIndexRequest,
    RequestVote,
    Snapshot,
    StorageAppendReply,
    StorageApplyReply,
    TimeoutNow,
    TransferLeader,
    VoteReply,
    decode_message,
    encode_message,
)

ENTRIES = (Entry(3, 11, EntryKind.NORMAL, b"\x00\xff"), Entry(3, 12, EntryKind.CONF_CHANGE_V2, b""))
CONF = ConfState((1, 2), (1,), (3,), (2,), True)
SPOKEN: list[Message] = [
    Propose(2, 1, 0, ENTRIES),
    Append(1, 2, 3, 2, 10, 9, ENTRIES),
    AppendAccepted(2, 1, 3, 12),
    AppendRejected(2, 1, 3, 10, 2, 7),
    RequestVote(1, 2, 4, 3, 12, True, False),
    VoteReply(2, 1, 4, True, True),
    InstallSnapshot(1, 2, 3, Snapshot(12, 3, CONF, b"state")),
    Heartbeat(1, 2, 3, 12, 5),
    HeartbeatReply(2, 1, 3, 5),
    TransferLeader(2, 1, 3, 3),
    TimeoutNow(1, 3, 3),
    ReadIndexRequest(2, 1, 0, b"read"),
    ReadIndexReply(1, 2, 3, b"read", 12),
]


@pytest.mark.parametrize("message", SPOKEN, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert decode_message(encode_message(message)) == message


def test_every_message_between_members_is_tried_above() -> None:
    tried = {type(message) for message in SPOKEN}
    assert tried == set(messages.WireMessage.__args__)


def test_a_tag_is_the_type_of_its_message() -> None:
    for kind in Message.__subclasses__():
        assert kind.__struct_config__.tag == kind.type


@pytest.mark.parametrize(
    "message", [StorageAppendReply(-1, 1, 3, 3, 12), StorageApplyReply(-2, 1, 0, ENTRIES)]
)
def test_nobody_speaks_for_our_storage_over_the_wire(message: Message) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_message(encode_message(message))


def test_garbage_is_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_message(b"\xc1")
