"""How a leader takes reads in and answers them. What a round is, is said in `reads`."""

from __future__ import annotations

from coordinator.consensus import quorum, replication
from coordinator.consensus.core import Core
from coordinator.consensus.messages import (
    NO_MEMBER,
    MemberId,
    ReadIndexReply,
    ReadIndexRequest,
)
from coordinator.consensus.ready import ReadState, Role


def read_index(core: Core, context: bytes) -> bool:
    """Ask for an index for the reads known as `context`. False: no leader is known, nothing was asked."""
    if core.role is Role.LEADER:
        _take_in(core, core.id, context)
        return True
    if core.role is not Role.FOLLOWER or core.leader_id == NO_MEMBER:
        return False
    core.now.append(ReadIndexRequest(core.id, core.leader_id, 0, context))
    return True


def handle_request(core: Core, message: ReadIndexRequest) -> None:
    """Leader: a follower asks."""
    _take_in(core, message.sender, message.context)


def forward_request(core: Core, message: ReadIndexRequest) -> None:
    """Follower: somebody believes that we lead."""
    if core.leader_id != NO_MEMBER:
        core.now.append(ReadIndexRequest(message.sender, core.leader_id, 0, message.context))


def handle_reply(core: Core, message: ReadIndexReply) -> None:
    """Follower: the leader of this term answered."""
    core.read_states.append(ReadState(message.read_index, message.context))


def release_postponed(core: Core) -> None:
    """An entry of the term is committed."""
    if core.reads.postponed:
        waiting, core.reads.postponed = core.reads.postponed, []
        for origin, context in waiting:
            _take_in(core, origin, context)


def acknowledge(core: Core, member: MemberId, number: int) -> None:
    """A member answered a heartbeat of round `number`."""
    if core.reads.acknowledge(member, number):
        confirm(core)


def confirm(core: Core) -> None:
    """Answer the reads of all rounds that a quorum of the configuration in force has confirmed."""
    reads = core.reads
    if not reads.newest:
        return
    configuration = core.tracker.configuration
    number = quorum.joint_index(
        configuration.voters,
        configuration.outgoing,
        lambda member: reads.acked_by(member, core.id),
    )
    for confirmed in reads.take_confirmed(number):
        for origin, context in confirmed.waiting:
            _answer(core, origin, context, confirmed.index)


def _take_in(core: Core, origin: MemberId, context: bytes) -> None:
    commit = core.log.committed
    if not core.log.matches(core.term, commit):
        core.reads.postponed.append((origin, context))
    elif core.tracker.configuration.is_only_voter(core.id):
        _answer(core, origin, context, commit)
    elif core.reads.join(origin, context, commit):
        replication.broadcast_heartbeat(core)


def _answer(core: Core, origin: MemberId, context: bytes, index: int) -> None:
    if origin == core.id:
        core.read_states.append(ReadState(index, context))
    else:
        core.now.append(ReadIndexReply(core.id, origin, core.term, context, index))
