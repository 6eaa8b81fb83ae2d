"""What the core asks of its owner, in the order of duty.

Two modes. With `async_storage_writes` (production) the owner sends `send_now` at once, hands `storage_append` to the
writer and `storage_apply` to the machine, and takes the next `Ready` whenever it likes. When a piece of storage work
is done, its `responses` are delivered in order: those to oneself are stepped into the core, the others are sent.
Work of one kind is done in the order in which it was asked for. There is no `advance()`.

In the simple mode the owner works through the fields from top to bottom, applies `committed`, and calls `advance()`.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from coordinator.consensus.messages import ConfState, Entry, HardState, MemberId, Message, Snapshot


class Role(Enum):
    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"
    PRE_CANDIDATE = "pre-candidate"


class SoftState(msgspec.Struct, frozen=True):
    """Who leads, as far as this member knows, and what it is itself. Never stored."""

    leader_id: MemberId
    role: Role


class ReadState(msgspec.Struct, frozen=True):
    """Reads known as `context` may be answered once `index` is applied."""

    index: int
    context: bytes


class StorageAppend(msgspec.Struct, frozen=True):
    """One transaction, in this order. Entries replace stored ones from their first index on."""

    hard_state: HardState | None
    snapshot: Snapshot | None  # replaces the whole log, before the entries
    entries: tuple[Entry, ...]
    responses: tuple[Message, ...]  # deliver when it is on disk
    must_sync: bool  # false: nothing another member could rely on changed


class StorageApply(msgspec.Struct, frozen=True):
    """Entries to apply, in order."""

    entries: tuple[Entry, ...]
    responses: tuple[Message, ...]  # step into the core when they are applied


class Ready(msgspec.Struct, frozen=True):
    """What there is to do. Fields of the other mode are empty."""

    soft_state: SoftState | None  # if leader or role changed
    read_states: tuple[ReadState, ...]
    send_now: tuple[Message, ...]  # bound to nothing on disk
    hard_state: HardState | None  # these three: one transaction,
    snapshot: Snapshot | None
    entries: tuple[Entry, ...]  # and nothing below before it has returned
    send_after: tuple[Message, ...]  # simple mode: votes and acknowledgements to others
    committed: tuple[Entry, ...]  # to be applied
    must_sync: bool  # entries, term or vote are new: fsync
    storage_append: StorageAppend | None = None  # production: the same three with their responses
    storage_apply: StorageApply | None = None  # production: `committed` with its response


class ProgressView(msgspec.Struct, frozen=True):
    """What a leader knows of one member."""

    match: int
    next: int
    state: str  # probe, replicate, snapshot
    is_learner: bool
    recently_active: bool
    paused: bool
    pending_snapshot: int
    inflight: int
    inflight_full: bool


class Status(msgspec.Struct, frozen=True):
    """A picture of the member, for people and for the owner's decisions."""

    id: MemberId
    term: int
    vote: MemberId
    leader_id: MemberId
    role: Role
    commit_index: int
    applied_index: int
    last_index: int
    transferee: MemberId
    conf: ConfState
    progress: dict[MemberId, ProgressView]  # empty unless leading
