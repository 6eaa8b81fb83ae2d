"""What a message's term means, before anybody looks at what it says."""

from __future__ import annotations

from coordinator.consensus import changing, election
from coordinator.consensus.core import Core
from coordinator.consensus.messages import (
    NO_MEMBER,
    Append,
    AppendAccepted,
    Heartbeat,
    InstallSnapshot,
    Message,
    RequestVote,
    StorageAppendReply,
    VoteReply,
)


def admit(core: Core, message: Message) -> bool:
    """Follow a higher term, answer a lower one. Whether the message is to be handled."""
    if message.term in (core.term, 0):
        return True
    if message.term < core.term:
        _answer_lower(core, message)
        return False
    return _admit_higher(core, message)


def _admit_higher(core: Core, message: Message) -> bool:
    match message:
        case RequestVote():
            if not message.transfer and _has_lease(core):
                return False
            if message.pre_vote:
                return True  # it asks about a term that has not begun
            core.become_follower(message.term, NO_MEMBER)
        case VoteReply(pre_vote=True, granted=True):
            pass  # carries the term we asked about
        case Append() | Heartbeat() | InstallSnapshot():
            core.become_follower(message.term, message.sender)
        case _:
            core.become_follower(message.term, NO_MEMBER)
    return True


def _has_lease(core: Core) -> bool:
    """Whether a leader was heard so lately that nobody may disturb it."""
    return (
        core.config.check_quorum
        and core.leader_id != NO_MEMBER
        and core.election_elapsed < core.config.election_tick
    )


def _answer_lower(core: Core, message: Message) -> None:
    match message:
        case Append() | Heartbeat():
            # A leader that was cut off, or a member whose term ran ahead of the group: our term brings them together.
            if core.config.check_quorum or core.config.pre_vote:
                core.after.append(AppendAccepted(core.id, message.sender, core.term, 0))
        case RequestVote(pre_vote=True):
            election.reject(core, message)
        case StorageAppendReply():
            # Its entries may have been replaced since, in a later term; its snapshot is stored all the same.
            changing.handle_snapshot_stored(core, message)
        case _:
            pass
