"""Members that come and go while the group works (M1 and M2 are the owner's; M5)."""

from __future__ import annotations

import pytest

from coordinator.consensus.errors import ConfigurationRefused, DropReason, ProposalDropped
from coordinator.consensus.messages import (
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    Transition,
)
from coordinator.consensus.ready import Role
from tests.unit.consensus.testing import Group

ADD, LEARN, REMOVE = ConfChangeOp.ADD_VOTER, ConfChangeOp.ADD_LEARNER, ConfChangeOp.REMOVE


def change(*ops: tuple[ConfChangeOp, int], how: Transition = Transition.AUTO) -> ConfChange:
    return ConfChange(tuple([ConfChangeSingle(op, member) for op, member in ops]), how)


def test_m5_a_group_grows_from_one_to_three_and_shrinks_back() -> None:
    group = Group(1)
    leader = group.elect(1)
    leader.propose(b"a")
    group.settle()
    for member in (2, 3):
        group.add(member)
        leader.propose_conf_change(change((LEARN, member)))
        group.settle()
        group.refresh(1)
        assert leader.status().progress[member].match == leader.last_index
        leader.propose_conf_change(change((ADD, member)))
        group.settle()
    assert leader.configuration().voters == (1, 2, 3)
    leader.propose(b"b")
    group.settle(without=(2,))
    assert group.applied(3)[-1] == b"b"
    for member in (2, 3):
        leader.propose_conf_change(change((REMOVE, member)), one_step=True)
        group.settle()
    leader.propose(b"c")
    group.settle(without=(2, 3))
    assert leader.configuration().voters == (1,)
    assert group.applied(1)[-1] == b"c"


def test_a_replacement_goes_through_a_joint_configuration_and_leaves_it_by_itself() -> None:
    group = Group(3)
    leader = group.elect(1)
    group.add(4)
    leader.propose_conf_change(change((REMOVE, 3), (ADD, 4)))
    group.settle()
    group.refresh(1)
    group.tick(4)
    for member in (1, 2, 4):
        conf = group.raft(member).configuration()
        assert (conf.voters, conf.voters_outgoing) == ((1, 2, 4), ())


def test_a_joint_configuration_needs_both_majorities() -> None:
    group = Group(3)
    leader = group.elect(1)
    for member in (4, 5):
        group.add(member)
    ops = ((REMOVE, 2), (REMOVE, 3), (ADD, 4), (ADD, 5))
    leader.propose_conf_change(change(*ops, how=Transition.EXPLICIT))
    group.settle()
    assert leader.configuration().voters_outgoing == (1, 2, 3)
    before = leader.commit_index
    leader.propose(b"a")
    group.settle(without=(4, 5))  # the outgoing half alone
    assert leader.commit_index == before
    group.in_flight.clear()
    leader.report_unreachable(2)
    leader.report_unreachable(3)
    group.settle(without=(2, 3))
    assert leader.commit_index == before  # nor is the incoming half alone
    group.refresh(1)
    group.tick(4)
    assert group.applied(4) == [b"a"]
    assert leader.commit_index > before


def test_one_change_at_a_time_and_no_other_while_joint() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose_conf_change(change((LEARN, 4), how=Transition.EXPLICIT))
    leader.propose_conf_change(change((LEARN, 5)))  # the first is not applied yet
    group.settle()
    leader.propose_conf_change(change((LEARN, 5)))  # joint
    group.settle()
    assert leader.configuration().learners == (4,)
    leader.propose_conf_change(change())
    group.settle()
    assert leader.configuration().voters_outgoing == ()
    leader.propose_conf_change(change())  # nothing to leave
    group.settle()
    assert leader.configuration().learners == (4,)


def test_a_leader_that_is_removed_steps_down_when_told_so() -> None:
    for steps_down in (True, False):
        group = Group(3, step_down_on_removal=steps_down)
        leader = group.elect(1)
        leader.propose_conf_change(change((REMOVE, 1)))
        group.settle()
        assert leader.is_leader is not steps_down
        if not steps_down:
            with pytest.raises(ProposalDropped) as dropped:
                leader.propose(b"a")
            assert dropped.value.reason is DropReason.NOT_MEMBER
        leader.campaign()
        assert leader.role is not Role.CANDIDATE


def test_a_change_that_cannot_be_is_refused_and_changes_nothing() -> None:
    group = Group(1)
    leader = group.elect(1)
    before = leader.configuration()
    with pytest.raises(ConfigurationRefused):
        leader.apply_conf_change(change((REMOVE, 1)))
    assert leader.configuration() == before


def test_a_transfer_to_a_member_that_is_removed_ends() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.transfer_leader(3)
    leader.apply_conf_change(change((REMOVE, 3)))
    assert leader.transferee == 0


def test_a_joint_configuration_is_left_after_a_failed_transfer() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose_conf_change(change((LEARN, 3), (LEARN, 4)))
    leader.transfer_leader(2)  # while this is under way nothing can be proposed
    group.settle(without=(2,))
    group.tick(6, without=(2,))
    leader = next(peer.raft for peer in group.peers.values() if peer.raft.is_leader or peer.id == 1)
    group.tick(12)
    leaders = [peer.raft for peer in group.peers.values() if peer.raft.is_leader]
    leaders[0].propose(b"a")
    group.settle()
    conf = leaders[0].configuration()
    assert (conf.voters, conf.voters_outgoing, conf.learners) == ((1, 2), (), (3, 4))
