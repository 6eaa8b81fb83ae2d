"""Votes, leases, transfer of leadership (C1, C2, C4, C8)."""

from __future__ import annotations

import pytest

from coordinator.consensus.config import ReadOnly
from coordinator.consensus.errors import DropReason, ProposalDropped
from coordinator.consensus.messages import (
    NO_MEMBER,
    Append,
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    RequestVote,
    TimeoutNow,
    VoteReply,
)
from coordinator.consensus.ready import Role
from tests.unit.consensus.testing import Group


def _ask(group: Group, candidate: int, member: int, term: int) -> list[VoteReply]:
    """A member is asked for its vote; what it says once its disk has written."""
    peer = group.peers[member]
    peer.raft.step(RequestVote(candidate, member, term, 9, 99))
    out = peer.take()
    assert not any(isinstance(message, VoteReply) for message in out)  # C1: not before the disk
    while peer.writes:
        out += peer.write()
    return [message for message in out if isinstance(message, VoteReply)]


def test_c1_the_own_vote_counts_when_it_is_on_disk() -> None:
    group = Group(1, pre_vote=False)
    peer = group.peers[1]
    peer.raft.campaign()
    peer.take()
    assert peer.raft.role is Role.CANDIDATE
    peer.write()
    assert peer.raft.is_leader


def test_c1_an_acknowledgement_waits_for_the_disk_and_the_leaders_own_does_too() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose(b"a")
    sent = group.peers[1].take()
    assert [type(message) for message in sent] == [Append, Append]  # beside the own write
    follower = group.peers[2]
    follower.raft.step(sent[0])
    assert follower.take() == []
    (acknowledgement,) = follower.write()
    commit = leader.commit_index
    leader.step(acknowledgement)
    assert leader.commit_index == commit  # one of three: its own disk has not answered
    group.peers[1].write()
    assert leader.commit_index == commit + 1


@pytest.mark.parametrize("is_written", [True, False])
def test_c2_a_vote_binds_over_a_crash_once_it_was_given(is_written: bool) -> None:
    group = Group(3, check_quorum=False)
    if is_written:
        (reply,) = _ask(group, 1, 2, term=5)
        assert reply.granted
    else:
        group.raft(2).step(RequestVote(1, 2, 5, 9, 99))
        group.peers[2].take()
    group.peers[2].crash()
    (reply,) = _ask(group, 3, 2, term=5)
    assert reply.granted is not is_written
    (again,) = _ask(group, 1, 2, term=5)
    assert again.granted is is_written


def test_c2_a_candidate_that_falls_back_keeps_its_own_vote() -> None:
    group = Group(3, pre_vote=False, check_quorum=False)
    raft = group.raft(1)
    raft.campaign()
    group.settle(without=(2, 3))
    term = raft.term
    raft.step(Append(2, 1, term, 0, 0, 0))
    assert raft.role is Role.FOLLOWER
    assert not _ask(group, 3, 1, term)[0].granted


def test_c4_a_candidate_with_an_older_log_gets_no_vote() -> None:
    group = Group(3, pre_vote=False, check_quorum=False)
    leader = group.elect(1)
    leader.propose(b"a")
    group.settle(without=(3,))
    group.raft(3).campaign()
    group.settle(without=(1,))
    assert not group.raft(3).is_leader
    group.raft(2).campaign()
    group.settle(without=(1,))
    assert group.raft(2).is_leader


def test_c8_a_member_that_comes_back_does_not_disturb_the_leader() -> None:
    group = Group(3)
    leader = group.elect(1)
    term = leader.term
    for _ in range(20):
        group.raft(3).tick()  # alone
    assert group.raft(3).role is Role.PRE_CANDIDATE
    assert group.raft(3).term == term
    group.tick(10)
    assert leader.is_leader
    assert leader.term == term
    assert group.raft(3).leader_id == 1


def test_c8_a_leader_without_a_majority_steps_down_within_two_time_outs() -> None:
    group = Group(3)
    leader = group.elect(1)
    group.tick(10, without=(2, 3))
    assert leader.role is not Role.LEADER


def test_a_group_whose_leader_is_gone_elects_another() -> None:
    group = Group(3)
    group.elect(1)
    dice = iter([0, 4, 3, 2, 1] * 20)
    for peer in group.peers.values():
        peer.raft.core._dice = lambda _sides: next(dice)
    group.tick(30, without=(1,))
    assert [group.raft(2).is_leader, group.raft(3).is_leader].count(True) == 1


def test_a_transfer_goes_through_in_spite_of_lease_and_pre_vote() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose(b"a")
    leader.transfer_leader(2)
    with pytest.raises(ProposalDropped) as dropped:
        leader.propose(b"b")
    assert dropped.value.reason is DropReason.TRANSFERRING
    group.settle()
    assert group.raft(2).is_leader
    assert group.applied(3) == [b"a"]


def test_a_follower_passes_the_wish_for_a_transfer_on() -> None:
    group = Group(3)
    group.elect(1)
    group.raft(3).transfer_leader(3)
    group.settle()
    assert group.raft(3).is_leader


def test_a_transfer_that_does_not_come_about_is_given_up() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose(b"a")
    leader.transfer_leader(3)
    group.tick(6, without=(3,))
    assert leader.transferee == NO_MEMBER
    leader.propose(b"b")


def test_nobody_transfers_to_a_learner_or_to_itself() -> None:
    group = Group(2, learners=1)
    leader = group.elect(1)
    for member in (3, 1, 9):
        leader.transfer_leader(member)
        assert leader.transferee == NO_MEMBER


def test_a_learner_never_stands_but_votes() -> None:
    group = Group(2, learners=1, check_quorum=False)
    group.raft(3).campaign()
    group.raft(3).step(TimeoutNow(1, 3, 0))
    assert group.raft(3).role is Role.FOLLOWER
    assert _ask(group, 2, 3, term=5)[0].granted


def test_a_follower_forgets_its_leader_on_request_unless_leases_are_relied_upon() -> None:
    for mode, forgets in ((ReadOnly.SAFE, True), (ReadOnly.LEASE_BASED, False)):
        group = Group(3, read_only=mode)
        group.raft(1).campaign()
        group.settle()
        group.raft(2).forget_leader()
        assert (group.raft(2).leader_id == NO_MEMBER) is forgets
        group.raft(1).forget_leader()
        assert group.raft(1).leader_id == 1


def test_no_election_while_a_committed_change_is_not_applied() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose_conf_change(ConfChange((ConfChangeSingle(ConfChangeOp.UPDATE, 2),)))
    peer = group.peers[2]
    while not peer.applies:
        group.round(applies=False)
    peer.raft.campaign()
    roles = [peer.raft.role]
    peer.apply()
    peer.raft.campaign()
    roles.append(peer.raft.role)
    assert roles == [Role.FOLLOWER, Role.PRE_CANDIDATE]
