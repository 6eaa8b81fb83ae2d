"""From a proposal to entries in the leader's log."""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.consensus import replication
from coordinator.consensus.changes import decode_conf_change
from coordinator.consensus.core import Core
from coordinator.consensus.errors import ConsensusBroken, DropReason, ProposalDropped
from coordinator.consensus.messages import (
    NO_MEMBER,
    AppendAccepted,
    Entry,
    EntryKind,
    MemberId,
    Propose,
)
from coordinator.consensus.ready import Role
from coordinator.consensus.sizes import payload_size


def propose(core: Core, entries: Sequence[Entry], origin: MemberId) -> None:
    """Append if leading, else hand on to the leader. Raises `ProposalDropped`."""
    if core.role is Role.LEADER:
        _propose_as_leader(core, entries)
    elif core.role is Role.FOLLOWER and core.leader_id != NO_MEMBER:
        core.now.append(Propose(origin, core.leader_id, 0, tuple(entries)))
    else:
        raise ProposalDropped(DropReason.NO_LEADER)


def handle_proposal(core: Core, message: Propose) -> None:
    """A follower handed its proposals to us. Raises `ProposalDropped`."""
    propose(core, message.entries, message.sender)


def _propose_as_leader(core: Core, entries: Sequence[Entry]) -> None:
    if core.id not in core.tracker.progress:
        raise ProposalDropped(DropReason.NOT_MEMBER)
    if core.transferee != NO_MEMBER:
        raise ProposalDropped(DropReason.TRANSFERRING)
    if any(entry.kind is not EntryKind.NORMAL for entry in entries):
        entries = _check_conf_changes(core, entries)
    if not append_as_leader(core, entries):
        raise ProposalDropped(DropReason.LOG_FULL)
    replication.broadcast_append(core)


def _check_conf_changes(core: Core, entries: Sequence[Entry]) -> list[Entry]:
    """Let an empty entry stand for every change that may not be made now."""
    checked = []
    for place, entry in enumerate(entries, core.log.last_index() + 1):
        if entry.kind is EntryKind.NORMAL:
            checked.append(entry)
        elif core.config.disable_conf_change_validation or _may_change(core, entry):
            core.pending_conf_index = place
            checked.append(entry)
        else:
            checked.append(Entry(0, 0, EntryKind.NORMAL, b""))
    return checked


def _may_change(core: Core, entry: Entry) -> bool:
    if core.pending_conf_index > core.log.applied:
        return False
    try:
        leaves_joint = decode_conf_change(entry).leaves_joint
    except ConsensusBroken:
        return False  # somebody proposed what is no change; in the log it would stop every member
    return leaves_joint == core.tracker.configuration.is_joint


def append_as_leader(core: Core, entries: Sequence[Entry]) -> bool:
    """Give the entries their places in the log. False if the uncommitted log would exceed its bound."""
    size = payload_size(entries)
    total = core.uncommitted_bytes + size
    if size > 0 and core.uncommitted_bytes > 0 and total > core.config.max_uncommitted_bytes:
        return False
    core.uncommitted_bytes = total
    term, start = core.term, core.log.last_index() + 1
    placed = [
        Entry(term, index, entry.kind, entry.data) for index, entry in enumerate(entries, start)
    ]
    core.log.append(placed)
    # The leader counts itself only when its own disk has the entries: it acknowledges them like anybody else.
    core.after.append(AppendAccepted(core.id, core.id, term, start + len(placed) - 1))
    return True
