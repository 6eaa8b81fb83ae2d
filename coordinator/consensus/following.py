"""The follower: taking in what the leader of the term says."""

from __future__ import annotations

from coordinator.consensus import membership
from coordinator.consensus.core import Core
from coordinator.consensus.messages import (
    NO_MEMBER,
    Append,
    AppendAccepted,
    AppendRejected,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    MemberId,
    Snapshot,
    TransferLeader,
)
from coordinator.consensus.ready import Role


def hear_leader(core: Core, leader_id: MemberId) -> None:
    """Somebody leads this term: a candidate gives up, a follower knows its leader and waits anew."""
    if core.role is Role.FOLLOWER:
        core.election_elapsed = 0
        core.leader_id = leader_id
    else:
        core.become_follower(core.term, leader_id)


def handle_append(core: Core, message: Append) -> None:
    """Entries of the leader. The answer waits until they are on disk."""
    hear_leader(core, message.sender)
    if message.prev_index < core.log.committed:
        _accept(core, message.sender, core.log.committed)
        return
    last_new = core.log.append_from_leader(message)
    if last_new is not None:
        _accept(core, message.sender, last_new)
        return
    asked = message.prev_index
    hint, hint_term = core.log.agreement(min(asked, core.log.last_index()), message.prev_term)
    core.after.append(
        AppendRejected(core.id, message.sender, core.term, asked, hint_term, hint),
    )


def handle_heartbeat(core: Core, message: Heartbeat) -> None:
    """The leader lives."""
    hear_leader(core, message.sender)
    core.log.commit_to(message.commit)
    core.now.append(HeartbeatReply(core.id, message.sender, core.term, message.read_round))


def handle_snapshot(core: Core, message: InstallSnapshot) -> None:
    """The state at an index, where entries are gone."""
    hear_leader(core, message.sender)
    if _restore(core, message.snapshot):
        _accept(core, message.sender, core.log.last_index())
    else:
        _accept(core, message.sender, core.log.committed)


def _restore(core: Core, snapshot: Snapshot) -> bool:
    if snapshot.index <= core.log.committed:
        return False
    conf = snapshot.conf
    if core.id not in (*conf.voters, *conf.learners, *conf.voters_outgoing):
        return False
    if core.log.matches(snapshot.term, snapshot.index):
        core.log.commit_to(snapshot.index)  # we have all of it: no need to fetch the state
        return False
    configuration = membership.from_conf_state(conf)
    core.log.restore(snapshot)
    core.tracker.replace(configuration, core.log.last_index())
    return True


def _accept(core: Core, to: MemberId, index: int) -> None:
    core.after.append(AppendAccepted(core.id, to, core.term, index))


def forward_transfer(core: Core, message: TransferLeader) -> None:
    """Somebody believes that we lead."""
    ask_transfer(core, message.transferee)


def ask_transfer(core: Core, transferee: MemberId) -> None:
    """Pass on to the leader, if there is one, the wish that it hand leadership over."""
    if core.leader_id != NO_MEMBER:
        core.now.append(TransferLeader(core.id, core.leader_id, core.term, transferee))
