"""Changes of the configuration while they are applied, and what applying brings about."""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.consensus import leading, membership, proposals, reading, replication
from coordinator.consensus.core import Core
from coordinator.consensus.errors import ProposalDropped
from coordinator.consensus.messages import (
    NO_MEMBER,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    StorageAppendReply,
    StorageApplyReply,
)
from coordinator.consensus.ready import Role
from coordinator.consensus.sizes import payload_size

_LEAVE_JOINT = (Entry(0, 0, EntryKind.CONF_CHANGE_V2, b""),)


def apply_conf_change(core: Core, change: ConfChange) -> ConfState:
    """Bring a committed change into force. Raises `ConfigurationRefused`, nothing changed."""
    changed = membership.apply_change(core.tracker.configuration, change)
    core.tracker.adopt(changed, core.log.last_index())
    if core.role is Role.LEADER:
        _lead_on(core)
    return membership.to_conf_state(changed.configuration)


def _lead_on(core: Core) -> None:
    if core.id not in core.tracker.configuration.all_voters:
        if core.config.step_down_on_removal:
            core.become_follower(core.term, NO_MEMBER)
        return
    # A smaller quorum may have committed more by now; newcomers need not wait for the next proposal.
    replication.broadcast_append(core, even_if_empty=leading.maybe_commit(core))
    reading.confirm(core)
    if core.transferee not in core.tracker.configuration.all_voters:
        core.transferee = NO_MEMBER


def handle_stored(core: Core, message: StorageAppendReply) -> None:
    """Local storage has written entries, a snapshot, or both."""
    if message.stored_index:
        core.log.unstable.stored(message.stored_term, message.stored_index)
    handle_snapshot_stored(core, message)


def handle_snapshot_stored(core: Core, message: StorageAppendReply) -> None:
    """Local storage has written a snapshot: the owner's state is that of its index."""
    if message.snapshot is not None:
        core.log.unstable.snapshot_stored(message.snapshot.index)
        applied_to(core, message.snapshot.index, ())


def handle_applied(core: Core, message: StorageApplyReply) -> None:
    """The owner has applied entries."""
    if message.entries:
        applied_to(core, message.entries[-1].index, message.entries)
        core.reduce_uncommitted(payload_size(message.entries))


def applied_to(core: Core, index: int, entries: Sequence[Entry]) -> None:
    """All up to `index` is applied. A joint configuration that leaves by itself is left now, by its leader."""
    index = max(index, core.log.applied)
    core.log.applied_to(index, entries)
    if (
        core.role is Role.LEADER
        and core.tracker.configuration.auto_leave
        and index >= core.pending_conf_index
    ):
        try:
            proposals.propose(core, _LEAVE_JOINT, core.id)
        except ProposalDropped:
            pass  # leadership is being handed over; tried again with the next applied entry
