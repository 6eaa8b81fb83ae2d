"""What the paper proves, watched while members crash and messages are lost, repeated and overtaken.

Election safety: one leader for each term. Votes: one for each member and term, over crashes. Log matching: logs with
the same term at an index are the same up to there. Leader completeness: who leads has all that was committed. State
machine safety: nobody applies another entry at an index. Reads: no index below what was committed when they arrived.
"""

from __future__ import annotations

import itertools
import random

import pytest

from coordinator.consensus.errors import ProposalDropped
from coordinator.consensus.messages import (
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    Entry,
    Message,
    Transition,
    VoteReply,
)
from tests.unit.consensus.testing import Group, Peer, step

STEPS = 2_500


class World:
    """A group under one seed, and what has been seen of it."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        pre_vote, check_quorum = self.dice.random() < 0.5, self.dice.random() < 0.5
        self.group = Group(
            self.dice.choice((1, 3, 3, 4)),
            dice=self.dice.randrange,
            pre_vote=pre_vote,
            check_quorum=check_quorum,
            max_inflight=self.dice.choice((1, 2, 8)),
            max_size_per_message=self.dice.choice((0, 40, 2**40)),
            max_committed_bytes_per_ready=self.dice.choice((1, 60, 2**40)),
            step_down_on_removal=True,
        )
        for member in range(len(self.group.peers) + 1, 6):
            self.group.add(member)
        self.leaders: dict[int, int] = {}
        self.votes: dict[tuple[int, int], int] = {}
        self.committed: dict[int, Entry] = {}
        self.reads: dict[bytes, int] = {}
        self.answered = 0
        self.counter = 0

    def run(self, steps: int) -> None:
        actions = (
            [self.deliver] * 40
            + [self.write] * 25
            + [self.apply] * 12
            + [self.tick] * self.dice.choice((8, 14, 40))
            + [self.crash] * self.dice.choice((1, 6))
            + [self.propose] * 4
            + [self.read] * 3
            + [self.lose, self.repeat, self.compact, self.change, self.transfer]
        )
        for _ in range(steps):
            peer = self.dice.choice(list(self.group.peers.values()))
            self.dice.choice(actions)(peer)
            self.take(peer)
            self.watch(peer)

    # What happens

    def take(self, peer: Peer) -> None:
        self.send(peer.take())

    def send(self, messages: list[Message]) -> None:
        for message in messages:
            if isinstance(message, VoteReply) and message.granted and not message.pre_vote:
                voted = self.votes.setdefault((message.sender, message.term), message.to)
                assert voted == message.to, f"two votes in one term: {message}"
        self.group.in_flight += messages

    def deliver(self, _peer: Peer) -> None:
        if self.group.in_flight:
            place = (
                0 if self.dice.random() < 0.7 else self.dice.randrange(len(self.group.in_flight))
            )
            message = self.group.in_flight.pop(place)
            receiver = self.group.peers[message.to]
            step(receiver.raft, message)
            self.take(receiver)
            self.watch(receiver)

    def lose(self, _peer: Peer) -> None:
        if self.group.in_flight:
            self.group.in_flight.pop(self.dice.randrange(len(self.group.in_flight)))

    def repeat(self, _peer: Peer) -> None:
        if self.group.in_flight:
            self.group.in_flight.append(self.dice.choice(self.group.in_flight))

    def write(self, peer: Peer) -> None:
        if peer.writes:
            self.send(peer.write())

    def apply(self, peer: Peer) -> None:
        if peer.applies:
            self.send(peer.apply())

    def tick(self, peer: Peer) -> None:
        peer.raft.tick()

    def crash(self, peer: Peer) -> None:
        if self.dice.random() < 0.3:
            peer.crash()

    def compact(self, peer: Peer) -> None:
        if self.dice.random() < 0.3:
            peer.compact()

    def propose(self, peer: Peer) -> None:
        self.counter += 1
        try:
            peer.raft.propose_batch([b"%d" % self.counter] * self.dice.randint(1, 3))
        except ProposalDropped:
            pass

    def change(self, peer: Peer) -> None:
        ops = [
            ConfChangeSingle(self.dice.choice(list(ConfChangeOp)), self.dice.randint(1, 5))
            for _ in range(self.dice.randint(0, 3))
        ]
        try:
            peer.raft.propose_conf_change(
                ConfChange(tuple(ops), self.dice.choice(list(Transition)))
            )
        except ProposalDropped:
            pass

    def transfer(self, peer: Peer) -> None:
        peer.raft.transfer_leader(self.dice.randint(1, 5))

    def read(self, peer: Peer) -> None:
        self.counter += 1
        context = b"%d" % self.counter
        if peer.raft.read_index(context):
            self.reads[context] = max(p.raft.commit_index for p in self.group.peers.values())

    # What must not happen

    def watch(self, peer: Peer) -> None:
        raft = peer.raft
        if raft.is_leader and raft.term not in self.leaders:
            self.leaders[raft.term] = peer.id
            log = {entry.index: entry for entry in peer.log_entries()}
            for index, entry in self.committed.items():
                assert index < raft.core.log.first_index() or log.get(index) == entry, (
                    f"{peer.id} leads term {raft.term} without {entry}"
                )
        assert not raft.is_leader or self.leaders[raft.term] == peer.id
        for entry in peer.disk.applied[-4:]:
            assert self.committed.setdefault(entry.index, entry) == entry
        for read in peer.reads:
            assert read.index >= self.reads.get(read.context, 0)
            self.answered += 1
        peer.reads.clear()

    def check_logs_match(self) -> None:
        logs = [
            {entry.index: entry for entry in peer.log_entries()}
            for peer in self.group.peers.values()
        ]
        for one, other in itertools.combinations(logs, 2):
            both = one.keys() & other.keys()
            last_shared = max([i for i in both if one[i].term == other[i].term], default=0)
            for index in both:
                assert index > last_shared or one[index] == other[index]

    # And what must, once all is well again

    def heal(self) -> None:
        group = self.group
        self.settle()
        for _ in range(200):
            for peer in group.peers.values():
                peer.raft.tick()
                self.send_snapshots_again(peer)
            self.settle()
            if self.is_well():
                return
        shown = [peer.raft.status() for peer in group.peers.values()]
        pytest.fail("no leader with all members up to date:\n" + "\n".join(map(str, shown)))

    def send_snapshots_again(self, peer: Peer) -> None:
        """They may be lost, or refused because they are from before the member came."""
        for member, progress in peer.raft.status().progress.items():
            if progress.state == "snapshot":
                peer.raft.report_snapshot(member, ok=False)
                peer.compact()

    def settle(self) -> None:
        self.group.settle()
        for peer in self.group.peers.values():
            self.watch(peer)

    def is_well(self) -> bool:
        leaders = [p for p in self.group.peers.values() if p.raft.is_leader]
        if not leaders:
            return False
        leader = max(leaders, key=lambda p: p.raft.term)
        conf = leader.raft.configuration()
        members = {*conf.voters, *conf.voters_outgoing, *conf.learners}
        indexes = {self.group.peers[m].raft.applied_index for m in members}
        return indexes == {leader.raft.last_index}


@pytest.mark.parametrize("seed", range(24))
def test_nothing_that_the_paper_forbids(seed: int) -> None:
    world = World(seed)
    for _ in range(5):
        world.run(STEPS // 5)
        world.check_logs_match()
    world.heal()
    world.check_logs_match()
    assert world.committed
