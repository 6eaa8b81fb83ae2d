"""Proposals, commitment, flow, snapshots, what storage is told (C3, C5, C7, C10, C11)."""

from __future__ import annotations

import pytest

from coordinator.consensus.config import Config, ReadOnly
from coordinator.consensus.errors import (
    CommitBeyondLog,
    ConsensusBroken,
    DropReason,
    PeerNotFound,
    ProposalDropped,
    StepLocalMessage,
)
from coordinator.consensus.messages import (
    Append,
    AppendAccepted,
    AppendRejected,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Heartbeat,
    InstallSnapshot,
    Propose,
    Snapshot,
    StorageAppendReply,
)
from coordinator.consensus.raft import Raft
from coordinator.consensus.storage import MemoryStorage
from tests.unit.consensus.testing import Group, step


def test_a_batch_is_one_append_with_the_next_indexes() -> None:
    group = Group(3)
    leader = group.elect(1)
    before = leader.last_index
    leader.propose_batch([b"a", b"b", b"c"])
    sent = [message for message in group.peers[1].take() if isinstance(message, Append)]
    assert [len(message.entries) for message in sent] == [3, 3]
    assert [entry.index for entry in sent[0].entries] == [before + 1, before + 2, before + 3]
    assert {entry.term for entry in sent[0].entries} == {leader.term}
    group.in_flight += sent
    group.settle()
    assert [group.applied(member) for member in (1, 2, 3)] == [[b"a", b"b", b"c"]] * 3


def test_a_follower_hands_proposals_on() -> None:
    group = Group(3)
    group.elect(1)
    group.raft(3).propose(b"a")
    group.settle()
    assert group.applied(2) == [b"a"]


def test_a_proposal_that_goes_nowhere_says_why() -> None:
    group = Group(3)
    with pytest.raises(ProposalDropped) as dropped:
        group.raft(1).propose(b"a")
    assert dropped.value.reason is DropReason.NO_LEADER


def test_c10_the_uncommitted_log_has_a_bound() -> None:
    group = Group(3, max_uncommitted_bytes=10)
    leader = group.elect(1)
    leader.propose(b"123456")
    with pytest.raises(ProposalDropped) as dropped:
        leader.propose(b"12345")
    assert dropped.value.reason is DropReason.LOG_FULL
    leader.propose(b"")  # takes no space
    group.settle()
    leader.propose(b"a single one may be larger than the bound")


def test_c5_an_entry_of_an_earlier_term_is_committed_only_along_with_one_of_ours() -> None:
    group = Group(5, check_quorum=False)
    group.elect(1).propose(b"old")
    group.settle(without=(3, 4, 5))  # on 1 and 2
    leader = group.raft(2)
    old, before = leader.last_index, leader.commit_index
    leader.campaign()
    while not leader.is_leader:
        group.round(without=(1,))
    group.peers[2].take()
    while group.peers[2].writes:
        group.peers[2].write()
    for member in (3, 4, 5):
        leader.step(AppendAccepted(member, 2, leader.term, old))  # on all but one by now
    assert leader.commit_index == before
    for member in (3, 4):
        leader.step(AppendAccepted(member, 2, leader.term, old + 1))
    assert leader.commit_index == old + 1


def test_c3_the_same_member_counts_once() -> None:
    group = Group(5)
    leader = group.elect(1)
    before = leader.commit_index
    leader.propose(b"a")
    group.peers[1].take()
    while group.peers[1].writes:
        group.peers[1].write()
    for _ in range(3):
        leader.step(AppendAccepted(2, 1, leader.term, leader.last_index))
    assert leader.commit_index == before
    leader.step(AppendAccepted(3, 1, leader.term, leader.last_index))
    assert leader.commit_index == before + 1


@pytest.mark.parametrize("term, beyond", [(-1, 0), (0, 1)])
def test_c7_old_answers_and_claims_beyond_our_log_move_nothing(term: int, beyond: int) -> None:
    group = Group(3)
    leader = group.elect(1)
    before = leader.commit_index
    leader.propose(b"a")
    group.peers[1].take()
    while group.peers[1].writes:
        group.peers[1].write()
    leader.step(AppendAccepted(2, 1, leader.term + term, leader.last_index + beyond))
    assert leader.commit_index == before


def test_c7_a_stale_rejection_changes_nothing() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose(b"a")
    group.settle()
    before = leader.status().progress[2]
    leader.step(AppendRejected(2, 1, leader.term, before.match, 0, 0))
    assert leader.status().progress[2] == before


def test_c11_a_commit_index_beyond_our_log_is_damage() -> None:
    group = Group(3)
    leader = group.elect(1)
    with pytest.raises(CommitBeyondLog):
        group.raft(2).step(Heartbeat(1, 2, leader.term, leader.last_index + 1))


def test_strangers_and_false_storage_are_refused() -> None:
    group = Group(3)
    leader = group.elect(1)
    with pytest.raises(PeerNotFound):
        leader.step(AppendAccepted(7, 1, leader.term, leader.last_index))
    with pytest.raises(StepLocalMessage):
        leader.step(StorageAppendReply(2, 1, leader.term, leader.term, leader.last_index))


def test_a_full_window_pauses_and_a_lost_one_opens_again() -> None:
    group = Group(3, max_inflight=2)
    leader = group.elect(1)
    for _ in range(4):
        leader.propose(b"a")
    sent = [message for message in group.peers[1].take() if message.to == 3]
    assert len(sent) == 2  # and these are lost
    assert leader.status().progress[3].inflight_full
    group.tick(4)
    assert group.applied(3) == [b"a"] * 4


def test_messages_are_cut_to_size() -> None:
    group = Group(3, max_size_per_message=250)
    leader = group.elect(1)
    leader.propose_batch([b"x" * 100] * 5)
    sizes = [len(m.entries) for m in group.peers[1].take() if isinstance(m, Append) and m.to == 2]
    assert sizes == [2]
    group.in_flight.clear()
    group.tick(3)
    assert len(group.applied(2)) == 5


def test_an_unreachable_member_is_asked_again_where_it_stands() -> None:
    group = Group(3)
    leader = group.elect(1)
    leader.propose(b"a")
    group.peers[1].take()
    leader.report_unreachable(2)
    view = leader.status().progress[2]
    assert (view.state, view.next) == ("probe", view.match + 1)
    group.raft(2).report_unreachable(1)  # not a leader's business


def _lagging() -> Group:
    """3 members; 3 lacks entries that 1 and 2 have dropped."""
    group = Group(3)
    leader = group.elect(1)
    for _ in range(5):
        leader.propose(b"a")
    group.settle(without=(3,))
    for member in (1, 2):
        group.peers[member].compact()
    return group


def test_a_member_that_is_far_behind_gets_a_snapshot() -> None:
    group = _lagging()
    group.raft(1).propose(b"b")
    group.tick(3)
    assert group.peers[3].disk.snapshot.data == b"state"
    assert group.applied(3) == [b"b"]
    assert group.raft(1).status().progress[3].state == "replicate"


@pytest.mark.parametrize("is_ok", [True, False])
def test_a_snapshot_that_failed_is_sent_again(is_ok: bool) -> None:
    group = _lagging()
    group.tick(1, without=(3,))
    leader = group.raft(1)
    sent: list[InstallSnapshot] = []
    for _ in range(8):
        for raft in (leader, group.raft(3)):
            raft.tick()
        for message in (*group.peers[1].take(), *group.peers[3].take()):
            if isinstance(message, InstallSnapshot):
                sent.append(message)  # and it is lost
            else:
                step(group.raft(message.to), message)
        while group.peers[3].writes:
            for message in group.peers[3].write():
                step(group.raft(message.to), message)
    assert len(sent) == 1
    leader.report_snapshot(3, ok=is_ok)
    view = leader.status().progress[3]
    assert (view.state, view.paused) == ("probe", True)
    assert view.next == (sent[0].snapshot.index if is_ok else view.match) + 1
    group.tick(3)
    assert leader.status().progress[3].match == leader.last_index


def test_a_snapshot_is_stored_with_fsync_and_nothing_is_applied_meanwhile() -> None:
    group = Group(3)
    leader = group.elect(1)
    conf = leader.configuration()
    raft = group.raft(2)
    raft.step(InstallSnapshot(1, 2, leader.term, Snapshot(50, leader.term, conf, b"s")))
    entry = Entry(leader.term, 51, EntryKind.NORMAL, b"x")
    raft.step(Append(1, 2, leader.term, leader.term, 50, 51, (entry,)))
    ready = raft.ready()
    assert ready.storage_append is not None
    assert ready.storage_append.must_sync
    assert ready.storage_append.snapshot is not None
    assert ready.storage_append.entries == (entry,)
    assert ready.storage_apply is None
    group.peers[2].writes.append(ready.storage_append)
    group.peers[2].write()
    group.peers[2].take()
    assert [batch.entries for batch in group.peers[2].applies] == [(entry,)]


def test_a_snapshot_for_a_group_without_us_is_ignored() -> None:
    group = Group(3)
    leader = group.elect(1)
    raft = group.raft(2)
    before = raft.last_index
    raft.step(InstallSnapshot(1, 2, leader.term, Snapshot(50, leader.term, ConfState((1, 3)))))
    assert raft.last_index == before


def test_an_empty_snapshot_is_never_sent() -> None:
    storage = MemoryStorage()
    storage.append([Entry(1, index, EntryKind.NORMAL, b"") for index in (1, 2, 3)])
    storage.compact(3)
    raft = Raft(Config(id=1, async_storage_writes=True), storage, lambda _sides: 0)
    raft.core.tracker.replace(Group(2).raft(1).core.tracker.configuration, 3)
    raft.core.become_candidate()
    raft.core.become_leader()
    raft.core.tracker.progress[2].recently_active = True
    with pytest.raises(ConsensusBroken):
        raft.step(AppendRejected(2, 1, raft.term, 3, 0, 0))


def _simple() -> Raft:
    state = HardState(1, 0, 1)
    storage = MemoryStorage(state, Snapshot(1, 1, ConfState((1,))))
    return Raft(Config(id=1, applied=1), storage, lambda _sides: 0)


def test_the_simple_mode_wants_advance_before_the_next_ready() -> None:
    raft = _simple()
    raft.campaign()
    assert raft.has_ready()
    raft.ready()
    with pytest.raises(ConsensusBroken):
        raft.ready()
    raft.advance()


def test_a_restart_goes_on_where_the_owner_had_applied() -> None:
    snapshot = Snapshot(3, 2, ConfState((1,)))
    log = [Entry(2, index, EntryKind.NORMAL, b"") for index in (2, 3, 4, 5)]
    state = HardState(2, 1, 2)  # commit was stored late
    storage = MemoryStorage.restored(state, snapshot, (1, 1), log)
    raft = Raft(Config(id=1, applied=3), storage, lambda _sides: 0)
    assert (raft.commit_index, raft.applied_index, raft.last_index) == (3, 3, 5)
    assert raft.configuration().voters == (1,)
    with pytest.raises(ConsensusBroken):
        Raft(Config(id=1, applied=6), storage, lambda _sides: 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"id": 0},
        {"id": 1, "heartbeat_tick": 0},
        {"id": 1, "election_tick": 1},
        {"id": 1, "max_inflight": 0},
        {"id": 1, "check_quorum": False, "read_only": ReadOnly.LEASE_BASED},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be|are positive"):
        Config(**settings)  # type: ignore[arg-type]  # that is the point


def test_garbage_for_a_change_is_appended_as_nothing() -> None:
    group = Group(3)
    leader = group.elect(1)
    garbage = Entry(0, 0, EntryKind.CONF_CHANGE_V2, b"\xff")
    leader.step(Propose(2, 1, 0, (garbage,)))
    group.settle()
    last = group.peers[3].disk.applied[-1]
    assert (last.kind, last.data) == (EntryKind.NORMAL, b"")
