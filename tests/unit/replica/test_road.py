"""The road of an entry: what a peer says in vain costs that message, not the process."""

from __future__ import annotations

from coordinator.consensus.messages import (
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    Entry,
    EntryKind,
    MemberId,
    Message,
    Propose,
    RequestVote,
    VoteReply,
)
from coordinator.consensus.ready import Role
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.kit import at_once, of
from tests.unit.replica.world import World


def test_a_proposal_handed_to_a_member_without_a_leader_is_dropped_alone() -> None:
    world = World(3)
    member = world.members[1]
    assert member.replica.leader_id == 0
    entry = Entry(0, 0, EntryKind.NORMAL, b"x")
    member.inbox.append(i.FromPeer((Propose(2, 1, 0, (entry,)),)))
    world.settle()
    assert world.leader().replica.is_leader


def test_c1_a_candidate_asks_for_votes_when_its_candidacy_is_on_disk() -> None:
    """Else it could forget it, stand again in the same term with a shorter log, and win by the old votes."""
    world = World(3)
    candidate = world.members[1]
    asked = at_once(world, candidate, i.Campaign())
    grants = tuple(
        VoteReply(number, 1, candidate.replica.term + 1, True, pre_vote=True) for number in (2, 3)
    )
    assert all(ask.pre_vote for ask in _votes_asked(asked))
    stands = at_once(world, candidate, i.FromPeer(grants))
    (write,) = of(e.Persist, stands)
    assert write.hard_state is not None
    assert (write.hard_state.term, write.hard_state.vote) == (candidate.replica.term, 1)
    assert _votes_asked(stands) == []
    stored = at_once(world, candidate, i.Stored((write.write,)))
    assert [(ask.to, ask.term, ask.pre_vote) for ask in _votes_asked(stored)] == [
        (2, candidate.replica.term, False),
        (3, candidate.replica.term, False),
    ]


def test_m4_what_reaches_our_disk_after_our_removal_counts_for_nothing() -> None:
    world = World(3)
    candidate = world.members[1]
    at_once(world, candidate, i.Campaign())
    term = candidate.replica.term + 1
    grants = tuple(VoteReply(number, 1, term, True, pre_vote=True) for number in (2, 3))
    (write,) = of(e.Persist, at_once(world, candidate, i.FromPeer(grants)))
    gone = ConfChangeSingle(ConfChangeOp.REMOVE, MemberId(1))
    candidate.replica.raft.apply_conf_change(ConfChange((gone,)))
    said = at_once(world, candidate, i.Stored((write.write,)))
    assert candidate.replica.raft.role is not Role.LEADER
    assert not of(e.Halt, said)


def test_m4_a_member_that_is_out_of_the_configuration_stays_and_votes() -> None:
    """Whoever does not know yet that its removal is committed may need it."""
    world = World(3)
    gone = world.members[1]
    raft = gone.replica.raft
    said = at_once(world, gone)
    raft.apply_conf_change(ConfChange((ConfChangeSingle(ConfChangeOp.REMOVE, MemberId(1)),)))
    ask = RequestVote(2, 1, gone.replica.term + 1, raft.last_index, 1)
    said += at_once(world, gone, i.FromPeer((ask,)))
    writes = tuple(write.write for write in of(e.Persist, said))
    said += at_once(world, gone, i.Stored(writes))
    replies = [m for sent in of(e.SendPeer, said) for m in sent.messages]
    assert [(m.to, m.granted) for m in replies if isinstance(m, VoteReply)] == [(2, True)]
    assert not of(e.Halt, said)


def _votes_asked(effects: list[e.Effect]) -> list[RequestVote]:
    said: list[Message] = [m for sent in of(e.SendPeer, effects) for m in sent.messages]
    return [message for message in said if isinstance(message, RequestVote)]
