"""Elections: asking for votes, giving them, counting them."""

from __future__ import annotations

from coordinator.consensus import leading
from coordinator.consensus.core import Core
from coordinator.consensus.messages import NO_MEMBER, RequestVote, TimeoutNow, VoteReply
from coordinator.consensus.quorum import VoteResult
from coordinator.consensus.ready import Role


def tick(core: Core) -> None:
    """Everybody but the leader: no word of a leader for too long, so be one."""
    core.election_elapsed += 1
    if core.is_promotable and core.election_elapsed >= core.randomized_timeout:
        core.election_elapsed = 0
        campaign(core)


def campaign(core: Core, *, transfer: bool = False) -> None:
    """Start an election, with a pre-vote if that is on; a transfer needs none. Refused in silence where the
    configuration, a snapshot not stored, or a conf change not applied forbid it.
    """
    if core.role is Role.LEADER or not core.is_promotable:
        return
    if core.log.has_unapplied_conf_change():
        return
    if core.config.pre_vote and not transfer:
        core.become_pre_candidate()
        _ask(core, core.term + 1, pre_vote=True, transfer=False)
    else:
        _stand(core, transfer=transfer)


def _stand(core: Core, *, transfer: bool) -> None:
    core.become_candidate()
    _ask(core, core.term, pre_vote=False, transfer=transfer)


def _ask(core: Core, term: int, *, pre_vote: bool, transfer: bool) -> None:
    last_term, last_index = core.log.last_term(), core.log.last_index()
    for member in sorted(core.tracker.configuration.all_voters):
        if member == core.id:
            # The own vote counts when it is on disk, like any other.
            core.after.append(VoteReply(core.id, core.id, term, True, pre_vote))
        else:
            core.now.append(
                RequestVote(core.id, member, term, last_term, last_index, pre_vote, transfer)
            )


def handle_timeout_now(core: Core, message: TimeoutNow) -> None:
    """Follower: the leader hands over. The vote is real, for it knows that it can be won."""
    del message
    campaign(core, transfer=True)


def handle_request(core: Core, message: RequestVote) -> None:
    """Somebody asks for a vote, in whatever role we are. Learners vote, too: they may be voters by now."""
    free = core.vote == NO_MEMBER and core.leader_id == NO_MEMBER
    may_vote = (
        core.vote == message.sender or free or (message.pre_vote and message.term > core.term)
    )
    if not may_vote or not core.log.is_up_to_date(message.last_term, message.last_index):
        reject(core, message)
        return
    core.after.append(VoteReply(core.id, message.sender, message.term, True, message.pre_vote))
    if not message.pre_vote:
        core.election_elapsed = 0
        core.vote = message.sender


def reject(core: Core, message: RequestVote) -> None:
    """Say no, in our own term."""
    core.after.append(VoteReply(core.id, message.sender, core.term, False, message.pre_vote))


def handle_reply(core: Core, message: VoteReply) -> None:
    """Candidate: somebody answered, perhaps what we asked as a candidate of the other kind."""
    if message.pre_vote != (core.role is Role.PRE_CANDIDATE):
        return
    result = core.tracker.record_vote(message.sender, granted=message.granted)
    if result is VoteResult.LOST:
        core.become_follower(core.term, NO_MEMBER)
    elif result is VoteResult.WON and message.pre_vote:
        _stand(core, transfer=False)
    elif result is VoteResult.WON:
        leading.begin(core)
