"""Linearizable reads (R1 to R3)."""

from __future__ import annotations

from coordinator.consensus.messages import (
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    Heartbeat,
    HeartbeatReply,
    ReadIndexReply,
)
from coordinator.consensus.ready import ReadState
from tests.unit.consensus.testing import Group


def _heartbeats(group: Group, member: int) -> list[Heartbeat]:
    group.in_flight += group.peers[member].take()
    return [message for message in group.in_flight if isinstance(message, Heartbeat)]


def test_r1_a_read_is_answered_after_a_quorum_round_with_the_commit_index() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose(b"a")
    group.settle()
    assert leader.read_index(b"r")
    assert group.peers[1].reads == []
    group.settle()
    assert group.peers[1].reads == [ReadState(leader.commit_index, b"r")]


def test_r1_a_leader_without_a_quorum_answers_nothing() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.read_index(b"r")
    group.settle(without=(2, 3))
    assert group.peers[1].reads == []


def test_r1_an_answer_to_a_heartbeat_before_the_read_does_not_count() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.tick()
    earlier = _heartbeats(group, 1)
    group.in_flight.clear()
    leader.read_index(b"r")
    group.in_flight += group.peers[1].take()
    for heartbeat in earlier:
        reply = HeartbeatReply(heartbeat.to, 1, leader.term, heartbeat.read_round)
        leader.step(reply)
    group.peers[1].take()
    assert group.peers[1].reads == []


def test_r2_a_later_read_begins_a_round_of_its_own_once_heartbeats_have_left() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.read_index(b"first")
    leader.read_index(b"second")  # joins: nothing has left yet
    assert len({heartbeat.read_round for heartbeat in _heartbeats(group, 1)}) == 1
    first = _heartbeats(group, 1)[0].read_round
    group.in_flight.clear()
    leader.read_index(b"third")
    assert {heartbeat.read_round for heartbeat in _heartbeats(group, 1)} == {first + 1}
    group.in_flight.clear()
    leader.step(HeartbeatReply(2, 1, leader.term, first))
    group.peers[1].take()
    assert [read.context for read in group.peers[1].reads] == [b"first", b"second"]
    leader.step(HeartbeatReply(2, 1, leader.term, first))  # said again: confirms nothing new
    group.peers[1].take()
    assert len(group.peers[1].reads) == 2
    leader.step(HeartbeatReply(3, 1, leader.term, first + 1))
    group.peers[1].take()
    assert [read.context for read in group.peers[1].reads][2:] == [b"third"]


def test_r2_a_round_that_was_never_begun_confirms_nothing() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.step(HeartbeatReply(2, 1, leader.term, 99))
    leader.read_index(b"r")
    group.peers[1].take()
    assert group.peers[1].reads == []


def test_r2_a_lost_heartbeat_is_made_good_by_the_next() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.read_index(b"r")
    group.peers[1].take()
    group.tick()
    assert [read.context for read in group.peers[1].reads] == [b"r"]


def test_r2_a_deposed_leader_forgets_its_reads() -> None:
    group = Group(3)
    old = group.elect(1)
    old.read_index(b"r")
    group.settle(without=(2, 3))
    group.elect(2, without=(1,))
    group.tick(3)
    assert not old.is_leader
    old.read_index(b"again")  # asks the new leader
    group.settle()
    assert [read.context for read in group.peers[1].reads] == [b"again"]


def test_r3_reads_wait_for_the_first_commit_of_the_term() -> None:
    group = Group(3)
    group.elect(1)
    group.raft(1).propose(b"a")
    group.settle()
    group.raft(2).forget_leader()
    group.raft(3).forget_leader()
    leader = group.raft(2)
    leader.campaign()
    while not leader.is_leader:  # votes, but no entry of the new term yet
        group.round()
    assert not leader.has_committed_own_term
    leader.read_index(b"r")
    group.in_flight += group.peers[2].take()
    assert not any(isinstance(message, Heartbeat) for message in group.in_flight)
    group.settle()
    assert group.peers[2].reads == [ReadState(leader.last_index, b"r")]


def test_r3_holds_for_a_group_of_one_as_well_which_then_answers_at_once() -> None:
    group = Group(1)
    raft = group.raft(1)
    raft.campaign()
    peer = group.peers[1]
    peer.take()
    while not raft.is_leader:
        peer.write()
        peer.take()
    raft.read_index(b"early")
    peer.take()
    assert peer.reads == []
    group.settle()
    assert [read.context for read in peer.reads] == [b"early"]
    raft.read_index(b"now")
    peer.take()
    assert [read.context for read in peer.reads] == [b"early", b"now"]


def test_a_follower_asks_its_leader() -> None:
    group = Group(3)
    leader = group.elect(1)
    assert group.raft(2).read_index(b"r")
    group.settle()
    assert group.peers[2].reads == [ReadState(leader.commit_index, b"r")]
    assert group.peers[1].reads == []


def test_an_answer_of_an_earlier_term_is_not_taken() -> None:
    group = Group(3)
    group.elect(1)
    group.elect(2)
    group.raft(3).step(ReadIndexReply(1, 3, group.raft(3).term - 1, b"r", 1))
    group.settle()
    assert group.peers[3].reads == []


def test_nobody_to_ask_is_said_at_once() -> None:
    group = Group(3)
    assert not group.raft(1).read_index(b"r")
    group.raft(1).campaign()
    assert not group.raft(1).read_index(b"r")


def test_a_quorum_that_shrinks_confirms_what_waits() -> None:
    group = Group(2)
    leader = group.elect(1)
    leader.propose_conf_change(_remove(2))
    group.settle()
    assert leader.configuration().voters == (1,)
    leader.read_index(b"r")
    group.settle(without=(2,))
    assert [read.context for read in group.peers[1].reads] == [b"r"]


def _remove(member: int) -> ConfChange:
    return ConfChange((ConfChangeSingle(ConfChangeOp.REMOVE, member),))
