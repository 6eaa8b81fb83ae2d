"""What happens rarely and has to be right all the same."""

from __future__ import annotations

import pytest

from coordinator.consensus.errors import Compacted, DropReason, ProposalDropped
from coordinator.consensus.messages import (
    Append,
    AppendAccepted,
    AppendRejected,
    Entry,
    EntryKind,
    HardState,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    ReadIndexReply,
    ReadIndexRequest,
    RequestVote,
    Snapshot,
    StorageApplyReply,
    TransferLeader,
    VoteReply,
)
from coordinator.consensus.ready import Role
from coordinator.consensus.storage import MemoryStorage
from coordinator.consensus.unstable import Unstable
from tests.unit.consensus.testing import Group


def test_replacing_the_end_of_what_is_being_written_gives_out_the_new_end_only() -> None:
    unstable = Unstable(1)
    old = [Entry(1, index, EntryKind.NORMAL, b"") for index in (1, 2, 3)]
    new = Entry(2, 3, EntryKind.NORMAL, b"")
    unstable.append(old)
    unstable.given_out()
    unstable.append([new])
    assert unstable.next_entries() == (new,)
    assert [entry.term for entry in unstable.entries] == [1, 1, 2]
    unstable.stored(1, 3)  # the write of what was there before
    assert unstable.offset == 1
    unstable.stored(1, 2)
    assert unstable.next_entries() == (new,)


def test_a_snapshot_of_what_is_in_the_log_only_commits() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose(b"a")
    (to_two, _) = group.peers[1].take()
    raft = group.raft(2)
    raft.step(to_two)
    snapshot = Snapshot(raft.last_index, leader.term, leader.configuration(), b"state")
    raft.step(InstallSnapshot(1, 2, leader.term, snapshot))
    assert raft.commit_index == raft.last_index
    assert raft.core.log.unstable.snapshot is None


def test_an_old_snapshot_is_answered_with_what_is_committed() -> None:
    group = Group(3)
    leader = group.elect(1)
    peer = group.peers[2]
    peer.raft.step(InstallSnapshot(1, 2, leader.term, Snapshot(1, 1, leader.configuration())))
    peer.take()
    assert peer.write() == [AppendAccepted(2, 1, leader.term, peer.raft.commit_index)]


@pytest.mark.parametrize("is_active", [True, False])
def test_a_snapshot_goes_only_to_a_live_member_and_only_if_there_is_one(
    is_active: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose(b"a")
    group.settle(without=(3,))
    group.peers[1].compact()
    progress = leader.core.tracker.progress[3]
    progress.become_probe()
    progress.recently_active = is_active
    if is_active:
        monkeypatch.setattr(MemoryStorage, "snapshot", lambda _self: None)
    leader.propose(b"b")
    sent = group.peers[1].take()
    assert {message.to for message in sent} == {2}
    assert progress.state.value == "probe"


def test_what_is_meant_for_a_leader_is_passed_on_or_let_fall() -> None:
    group = Group(3)
    raft = group.raft(2)
    for message in (ReadIndexRequest(3, 2, 0, b"r"), TransferLeader(3, 2, raft.term, 3)):
        raft.step(message)
        assert group.peers[2].take() == []  # nobody leads
    group.elect(1)
    raft.step(ReadIndexRequest(3, 2, 0, b"r"))
    raft.step(TransferLeader(3, 2, raft.term, 3))
    assert group.peers[2].take() == [
        ReadIndexRequest(3, 1, 0, b"r"),
        TransferLeader(2, 1, raft.term, 3),
    ]
    raft.step(ReadIndexReply(1, 2, raft.term, b"r", 7))
    group.peers[2].take()
    assert [(read.index, read.context) for read in group.peers[2].reads] == [(7, b"r")]


def test_a_leader_of_an_earlier_term_is_told_of_ours() -> None:
    group = Group(3)
    group.elect(1)
    group.elect(2)
    raft, peer = group.raft(3), group.peers[3]
    for message in (Heartbeat(1, 3, raft.term - 1, 1), Append(1, 3, raft.term - 1, 1, 1, 1)):
        raft.step(message)
        assert peer.take() == []
        assert peer.write() == [AppendAccepted(3, 1, raft.term, 0)]
    raft.step(RequestVote(1, 3, raft.term - 1, 9, 99, True))
    peer.take()
    assert peer.write() == [VoteReply(3, 1, raft.term, False, True)]
    raft.step(RequestVote(1, 3, raft.term - 1, 9, 99))
    assert not raft.has_ready()


def test_a_write_that_ends_in_a_later_term_counts_for_its_snapshot_only() -> None:
    group = Group(3)
    leader = group.elect(1)
    peer = group.peers[2]
    snapshot = Snapshot(50, leader.term, leader.configuration(), b"s")
    peer.raft.step(InstallSnapshot(1, 2, leader.term, snapshot))
    entry = Entry(leader.term, 51, EntryKind.NORMAL, b"")
    peer.raft.step(Append(1, 2, leader.term, leader.term, 50, 50, (entry,)))
    peer.take()
    peer.raft.step(RequestVote(3, 2, leader.term + 1, 9, 99, False, True))
    peer.write()
    assert peer.raft.term == leader.term + 1
    assert peer.raft.applied_index == 50
    assert peer.raft.core.log.unstable.entries == [entry]


def test_answers_of_members_that_are_gone_and_answers_to_nothing() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.step(AppendAccepted(-1, 1, leader.term, 1))  # nobody's: no progress belongs to it
    leader.step(AppendRejected(-1, 1, leader.term, 1, 0, 0))
    leader.step(HeartbeatReply(-1, 1, leader.term))
    leader.step(StorageApplyReply(-2, 1, 0, ()))
    leader.report_unreachable(9)
    leader.report_snapshot(2, ok=True)
    leader.transfer_leader(9)
    leader.step(VoteReply(2, 1, leader.term, True))
    leader.propose_batch([])
    assert not leader.has_ready()


def test_a_candidate_drops_proposals_and_a_transfer_to_the_same_again_changes_nothing() -> None:
    group = Group(3)
    raft = group.raft(1)
    raft.campaign()
    with pytest.raises(ProposalDropped) as dropped:
        raft.propose(b"a")
    assert dropped.value.reason is DropReason.NO_LEADER
    group.settle()
    raft.transfer_leader(2)
    sent = group.peers[1].take()
    raft.transfer_leader(2)
    assert len(sent) == 1
    assert group.peers[1].take() == []
    raft.transfer_leader(3)
    assert raft.transferee == 3


def test_entries_wholly_before_the_log_are_nothing_new() -> None:
    storage = MemoryStorage(HardState(), Snapshot(9, 2))
    storage.append([Entry(1, 5, EntryKind.NORMAL, b"")])
    storage.append([])
    assert (storage.first_index(), storage.last_index()) == (10, 9)
    with pytest.raises(Compacted):
        storage.term(8)


def test_a_picture_of_a_member() -> None:
    group = Group(3)
    leader = group.elect(1)
    status = leader.status()
    assert (status.id, status.role, status.leader_id, status.vote) == (1, Role.LEADER, 1, 1)
    assert status.term == leader.term
    assert sorted(status.progress) == [1, 2, 3]
    assert group.raft(2).status().progress == {}
    assert (group.raft(2).id, group.raft(2).role) == (2, Role.FOLLOWER)
