"""The values that consensus speaks in: entries, snapshots, states, and one struct for each kind of message.

A field means one thing. All structs are immutable MessagePack arrays (`msgspec`), so a transport ships them as
they stand: `encode_message` and `decode_message`. Member ids are positive integers; 0 (`NO_MEMBER`) is nobody.
Reading order: entries and states, changes of the configuration, messages between members, messages of storage.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Final

import msgspec

MemberId = int
NO_MEMBER: Final = 0
APPEND_THREAD: Final = -1  # senders of what local storage has to say
APPLY_THREAD: Final = -2


class EntryKind(IntEnum):
    """Append only: these numbers are written in every log."""

    NORMAL = 0
    CONF_CHANGE = 1  # the one-operation form
    CONF_CHANGE_V2 = 2


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A place in the log. A proposal that has no place yet carries term 0 and index 0."""

    term: int
    index: int
    kind: EntryKind
    data: bytes  # empty: the leader's first entry, a refused or an automatic change


class ConfState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A configuration as it is stored: ascending ids; `voters_outgoing` only while joint."""

    voters: tuple[MemberId, ...] = ()
    voters_outgoing: tuple[MemberId, ...] = ()
    learners: tuple[MemberId, ...] = ()
    learners_next: tuple[MemberId, ...] = ()
    auto_leave: bool = False


class Snapshot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The applied state at an index, replacing the log up to it. `data` is the owner's business and may be empty."""

    index: int
    term: int
    conf: ConfState = ConfState()
    data: bytes = b""


class HardState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a member may never forget."""

    term: int = 0
    vote: MemberId = NO_MEMBER
    commit: int = 0


class ConfChangeOp(IntEnum):
    """Append only: these numbers are written in logs."""

    ADD_VOTER = 0
    REMOVE = 1
    UPDATE = 2  # changes nothing here; tells the owner that something about the member changed
    ADD_LEARNER = 3


class Transition(IntEnum):
    """How a change goes through the joint configuration."""

    AUTO = 0  # one operation: one step; more: joint, left automatically
    IMPLICIT = 1  # joint, left automatically
    EXPLICIT = 2  # joint, left by a further, empty change


class ConfChangeSingle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One operation on one member. Member 0 is ignored."""

    op: ConfChangeOp
    member: MemberId


class ConfChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change of the configuration; without operations and with `AUTO` it leaves the joint configuration."""

    changes: tuple[ConfChangeSingle, ...] = ()
    transition: Transition = Transition.AUTO
    context: bytes = b""  # the owner's own bytes, carried along

    @property
    def leaves_joint(self) -> bool:
        return self.transition is Transition.AUTO and not self.changes

    @property
    def enters_joint(self) -> bool:
        return self.transition is not Transition.AUTO or len(self.changes) > 1


class MessageType(IntEnum):
    """Tags of the messages on the wire. Append only."""

    PROPOSE = 2
    APPEND = 3
    APPEND_ACCEPTED = 4
    REQUEST_VOTE = 5
    VOTE_REPLY = 6
    INSTALL_SNAPSHOT = 7
    HEARTBEAT = 8
    HEARTBEAT_REPLY = 9
    TRANSFER_LEADER = 13
    TIMEOUT_NOW = 14
    READ_INDEX_REQUEST = 15
    READ_INDEX_REPLY = 16
    STORAGE_APPEND_REPLY = 20
    STORAGE_APPLY_REPLY = 22
    APPEND_REJECTED = 24


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What all messages have. `term` is 0 in the two requests that bind nobody: proposals and reads."""

    type: ClassVar[MessageType]

    sender: MemberId
    to: MemberId
    term: int


class Propose(Message, tag=2, frozen=True, array_like=True, gc=False):
    """A follower hands proposals to its leader."""

    type: ClassVar[MessageType] = MessageType.PROPOSE
    entries: tuple[Entry, ...]


class Append(Message, tag=3, frozen=True, array_like=True, gc=False):
    """Entries that follow upon the place (prev_term, prev_index), and how far all is committed."""

    type: ClassVar[MessageType] = MessageType.APPEND
    prev_term: int
    prev_index: int
    commit: int
    entries: tuple[Entry, ...] = ()


class AppendAccepted(Message, tag=4, frozen=True, array_like=True, gc=False):
    """The sender's log is that of the term's leader up to `match_index`; on its disk."""

    type: ClassVar[MessageType] = MessageType.APPEND_ACCEPTED
    match_index: int


class AppendRejected(Message, tag=24, frozen=True, array_like=True, gc=False):
    """The logs differ at `asked_index`; they may agree at (hint_term, hint_index)."""

    type: ClassVar[MessageType] = MessageType.APPEND_REJECTED
    asked_index: int
    hint_term: int  # 0: unknown
    hint_index: int


class RequestVote(Message, tag=5, frozen=True, array_like=True, gc=False):
    """A candidate whose log ends at (last_term, last_index) asks for a vote in `term`."""

    type: ClassVar[MessageType] = MessageType.REQUEST_VOTE
    last_term: int
    last_index: int
    pre_vote: bool = False  # would you, if I asked? Binds nobody.
    transfer: bool = False  # the leader wished it: its lease does not protect it


class VoteReply(Message, tag=6, frozen=True, array_like=True, gc=False):
    """A grant carries the term of the request, a rejection the sender's own."""

    type: ClassVar[MessageType] = MessageType.VOTE_REPLY
    granted: bool
    pre_vote: bool = False


class InstallSnapshot(Message, tag=7, frozen=True, array_like=True, gc=False):
    """The entries that the receiver needs are gone: here is the state instead."""

    type: ClassVar[MessageType] = MessageType.INSTALL_SNAPSHOT
    snapshot: Snapshot


class Heartbeat(Message, tag=8, frozen=True, array_like=True, gc=False):
    """The leader lives. `read_round` is the newest round of reads it wants confirmed, 0 for none."""

    type: ClassVar[MessageType] = MessageType.HEARTBEAT
    commit: int
    read_round: int = 0


class HeartbeatReply(Message, tag=9, frozen=True, array_like=True, gc=False):
    """Says back the round of the heartbeat it answers."""

    type: ClassVar[MessageType] = MessageType.HEARTBEAT_REPLY
    read_round: int = 0


class TransferLeader(Message, tag=13, frozen=True, array_like=True, gc=False):
    """A follower asks its leader to hand leadership to `transferee`."""

    type: ClassVar[MessageType] = MessageType.TRANSFER_LEADER
    transferee: MemberId


class TimeoutNow(Message, tag=14, frozen=True, array_like=True, gc=False):
    """The leader asks its successor to start an election at once."""

    type: ClassVar[MessageType] = MessageType.TIMEOUT_NOW


class ReadIndexRequest(Message, tag=15, frozen=True, array_like=True, gc=False):
    """A follower asks its leader for an index from which a read is linearizable."""

    type: ClassVar[MessageType] = MessageType.READ_INDEX_REQUEST
    context: bytes


class ReadIndexReply(Message, tag=16, frozen=True, array_like=True, gc=False):
    """Reads known as `context` may be answered once `read_index` is applied."""

    type: ClassVar[MessageType] = MessageType.READ_INDEX_REPLY
    context: bytes
    read_index: int


class StorageAppendReply(Message, tag=20, frozen=True, array_like=True, gc=False):
    """Local storage: all up to (stored_term, stored_index) is on disk, and so is `snapshot`, if there."""

    type: ClassVar[MessageType] = MessageType.STORAGE_APPEND_REPLY
    stored_term: int = 0
    stored_index: int = 0  # 0: no entries were waited for
    snapshot: Snapshot | None = None


class StorageApplyReply(Message, tag=22, frozen=True, array_like=True, gc=False):
    """Local storage: these entries are applied."""

    type: ClassVar[MessageType] = MessageType.STORAGE_APPLY_REPLY
    entries: tuple[Entry, ...]


WireMessage = (
    Propose
    | Append
    | AppendAccepted
    | AppendRejected
    | RequestVote
    | VoteReply
    | InstallSnapshot
    | Heartbeat
    | HeartbeatReply
    | TransferLeader
    | TimeoutNow
    | ReadIndexRequest
    | ReadIndexReply
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[WireMessage] = msgspec.msgpack.Decoder(WireMessage)


def encode_message(message: Message) -> bytes:
    """The bytes for another member."""
    return _encoder.encode(message)


def decode_message(data: bytes | memoryview) -> WireMessage:
    """Back from bytes; only what members say to each other. Raises `msgspec.ValidationError` or `DecodeError`."""
    return _decoder.decode(data)
