"""Which message is for whom: by type, and by the role of the member that gets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from coordinator.consensus import (
    changing,
    election,
    following,
    leading,
    proposals,
    reading,
    terms,
)
from coordinator.consensus.core import Core
from coordinator.consensus.errors import PeerNotFound, StepLocalMessage
from coordinator.consensus.messages import APPEND_THREAD, APPLY_THREAD, Message, MessageType
from coordinator.consensus.ready import Role

# Each handler takes the class that bears the tag it stands under.
Handlers = Mapping[MessageType, Callable[[Core, Any], None]]
_T = MessageType

_LOCAL = frozenset({_T.STORAGE_APPEND_REPLY, _T.STORAGE_APPLY_REPLY})
_REPLIES = frozenset(
    {
        _T.APPEND_ACCEPTED,
        _T.APPEND_REJECTED,
        _T.VOTE_REPLY,
        _T.HEARTBEAT_REPLY,
        _T.READ_INDEX_REPLY,
    }
)

_ANY_ROLE: Handlers = {
    _T.STORAGE_APPEND_REPLY: changing.handle_stored,
    _T.STORAGE_APPLY_REPLY: changing.handle_applied,
    _T.REQUEST_VOTE: election.handle_request,
    _T.PROPOSE: proposals.handle_proposal,
}
_LEADER: Handlers = {
    _T.APPEND_ACCEPTED: leading.handle_accepted,
    _T.APPEND_REJECTED: leading.handle_rejected,
    _T.HEARTBEAT_REPLY: leading.handle_heartbeat_reply,
    _T.TRANSFER_LEADER: leading.handle_transfer,
    _T.READ_INDEX_REQUEST: reading.handle_request,
}
_CANDIDATE: Handlers = {
    _T.APPEND: following.handle_append,
    _T.HEARTBEAT: following.handle_heartbeat,
    _T.INSTALL_SNAPSHOT: following.handle_snapshot,
    _T.VOTE_REPLY: election.handle_reply,
}
_FOLLOWER: Handlers = {
    _T.APPEND: following.handle_append,
    _T.HEARTBEAT: following.handle_heartbeat,
    _T.INSTALL_SNAPSHOT: following.handle_snapshot,
    _T.TRANSFER_LEADER: following.forward_transfer,
    _T.TIMEOUT_NOW: election.handle_timeout_now,
    _T.READ_INDEX_REQUEST: reading.forward_request,
    _T.READ_INDEX_REPLY: reading.handle_reply,
}
_BY_ROLE: Mapping[Role, Handlers] = {
    Role.LEADER: {**_ANY_ROLE, **_LEADER},
    Role.CANDIDATE: {**_ANY_ROLE, **_CANDIDATE},
    Role.PRE_CANDIDATE: {**_ANY_ROLE, **_CANDIDATE},
    Role.FOLLOWER: {**_ANY_ROLE, **_FOLLOWER},
}


def check_sender(core: Core, message: Message) -> None:
    """Raise `StepLocalMessage` or `PeerNotFound` for what nobody may send, or strangers may not."""
    if message.sender in (APPEND_THREAD, APPLY_THREAD):
        return
    if message.type in _LOCAL:
        raise StepLocalMessage(f"{message.type.name} from {message.sender}")
    if message.type in _REPLIES and message.sender not in core.tracker.progress:
        raise PeerNotFound(f"{message.type.name} from {message.sender}")


def handle(core: Core, message: Message) -> None:
    """Let the term be heeded, then the message. What a role does not listen to is ignored."""
    if terms.admit(core, message):
        handler = _BY_ROLE[core.role].get(message.type)
        if handler is not None:
            handler(core, message)
