"""Scenarios of the reliability spec that need members, messages and time, and no more: S03 to S07, S30, S35."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from typing_extensions import override

from coordinator.consensus.messages import Message, RequestVote, VoteReply
from coordinator.machine.outcome import Accepted
from coordinator.model.instants import Now
from coordinator.model.tasks import Status
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.kit import node, of, pause, wish
from tests.unit.replica.world import FakeNode, World, live

HOUR_MS = 3_600_000


def offered_once(world: World) -> None:
    """Executors are known from the first node that offers them; this one leaves at once, so what is created waits."""
    FakeNode(world, "gone").register().close()


def last_index(world: World, number: int) -> int:
    return world.members[number].replica.raft.last_index


def leaders_by_term(world: World, seen: dict[int, set[int]]) -> None:
    for member in world.members.values():
        if member.replica.raft.is_leader:
            seen.setdefault(member.replica.term, set()).add(member.number)


def run_and_look(world: World, ms: int, look: Callable[[], None]) -> None:
    for _ in range(ms // 50):
        world.run(50)
        look()


@pytest.mark.parametrize("seed", range(5))
def test_s03_a_ring_in_which_each_sees_two_neighbours(seed: int) -> None:
    world = World(5, seed=seed)
    offered_once(world)
    before = max(member.replica.term for member in world.members.values())
    neighbours = {(n, n % 5 + 1) for n in range(1, 6)}
    neighbours |= {(other, one) for one, other in neighbours}
    world.cut = {(a, b) for a in world.disks for b in world.disks if a != b} - neighbours
    seen: dict[int, set[int]] = {}
    run_and_look(world, 60_000, lambda: leaders_by_term(world, seen))
    assert all(len(leaders) == 1 for leaders in seen.values())
    assert max(member.replica.term for member in world.members.values()) - before < 3
    assert world.create("in-the-ring").created


@pytest.mark.parametrize("seed", range(5))
def test_s04_a_follower_that_can_send_but_not_receive_disturbs_nobody(seed: int) -> None:
    world = World(3, seed=seed)
    offered_once(world)
    leader = world.leader()
    deaf = next(number for number in world.disks if number != leader.number)
    term = leader.replica.term
    world.cut = {(other, deaf) for other in world.disks if other != deaf}
    seen: dict[int, set[int]] = {}
    run_and_look(world, 60_000, lambda: leaders_by_term(world, seen))
    assert seen == {term: {leader.number}}
    assert world.create("meanwhile").created
    world.heal()
    world.until(lambda: "meanwhile" in world.members[deaf].replica.state.tasks)
    assert {member.replica.term for member in world.members.values()} == {term}
    assert world.leader() is leader


class LateWorld(World):
    """Messages arrive twice, in another order, and up to 30 s late; some arrive at once, or nothing would go on."""

    def __init__(self, members: int, seed: int) -> None:
        self.late: list[tuple[int, int, i.FromPeer]] = []
        super().__init__(members, seed=seed)

    @override
    def deliver(self, sender: int, to: int, messages: Sequence[Message]) -> None:
        what = i.FromPeer(tuple(messages))
        if self.dice.randrange(3):
            super().deliver(sender, to, messages)
        for _ in range(self.dice.randrange(3)):
            self.late.append((self.now.steady + self.dice.randrange(30_000), to, what))

    @override
    def run(self, ms: int) -> None:
        for _ in range(ms // 50):
            due = [one for one in self.late if one[0] <= self.now.steady]
            self.late = [one for one in self.late if one[0] > self.now.steady]
            self.dice.shuffle(due)
            for _, to, what in due:
                self.members[to].inbox.append(what)
            super().run(50)


class Committed:
    """Whatever some member once had as committed, by index: it never changes anywhere."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[int, tuple[int, bytes]] = {}

    def look(self) -> None:
        for member in self._world.members.values():
            commit = member.replica.raft.commit_index
            for entry in member.disk.entries:
                if entry.index <= commit:
                    said = (entry.term, entry.data)
                    assert self._known.setdefault(entry.index, said) == said


def was_accepted(answer: object) -> bool:
    return isinstance(answer, e.Reply) and all(isinstance(x, Accepted) for x in answer.outcomes)


@pytest.mark.parametrize("seed", range(8))
def test_s05_no_acknowledged_entry_is_truncated_by_late_appends(seed: int) -> None:
    world = LateWorld(3, seed)
    committed, acknowledged = Committed(world), []
    offered_once(world)
    for number in range(40):
        leading = [m for m in world.members.values() if m.replica.is_leader]
        if leading:
            asked = i.Asked(wish(f"t{number}"))
            world.tickets += 1
            leading[0].inbox.append(i.Submit(world.tickets, (asked,)))
            acknowledged.append((world.tickets, f"t{number}"))
        if number % 10 == 9 and leading:
            world.crash(leading[0].number)
            world.start(leading[0].number)
        run_and_look(world, 1_000, committed.look)
    world.late.clear()
    world.until(lambda: len({m.replica.state.revision for m in world.members.values()}) == 1)
    said = [one for ticket, one in acknowledged if was_accepted(world.answers.get(ticket))]
    assert len(said) >= 10
    for member in world.members.values():
        assert set(said) <= set(member.replica.state.tasks)


@pytest.mark.parametrize("restarts", [1, 3])
def test_s07_a_vote_that_has_left_binds_over_restarts(restarts: int) -> None:
    world = World(3)
    leader = world.leader()
    voter, first, second = 1, 2, 3
    term = leader.replica.term + 5
    place = (leader.replica.term, last_index(world, leader.number) + 10)
    world.partition(voter)

    def asked_by(candidate: int) -> list[VoteReply]:
        member = world.members[voter]
        request = RequestVote(candidate, voter, term, *place, transfer=True)
        said: list[e.Effect] = []
        inputs: list[i.Input] = [i.FromPeer((request,))]
        while inputs:
            effects = member.replica.handle(inputs, world.now)
            for write in of(e.Persist, effects):
                member.disk.write(write)
            said += effects
            inputs = [i.Stored((write.write,)) for write in of(e.Persist, effects)]
        replies = [m for sent in of(e.SendPeer, said) for m in sent.messages]
        return [m for m in replies if isinstance(m, VoteReply) and m.to == candidate]

    assert [reply.granted for reply in asked_by(first)] == [True]
    for _ in range(restarts):
        world.crash(voter)
        world.start(voter)
        assert [reply.granted for reply in asked_by(second)] == [False]
    assert [reply.granted for reply in asked_by(first)] == [True]


def test_s30_a_deposed_leaders_recheck_proposes_nothing() -> None:
    world = World(3)
    offered_once(world)
    world.create("waits")
    old = world.leader()
    assert world.task("waits").status is Status.UNASSIGNED
    world.partition(old.number)
    world.until(lambda: not old.replica.raft.is_leader)
    last = last_index(world, old.number)
    world.run(120_000)  # several periods of the timer
    assert last_index(world, old.number) == last
    assert old.replica.leading is None


def test_s30_a_burst_of_changes_causes_one_recheck_at_most() -> None:
    world = World(3)
    offered_once(world)
    world.create("waits")
    leader = world.leader()
    world.run(1_000)
    first = last_index(world, leader.number)
    burst = [i.Asked(wish(f"t{number}")) for number in range(10_000)]
    for begin in range(0, len(burst), 500):
        world.tickets += 1
        leader.inbox.append(i.Submit(world.tickets, tuple(burst[begin : begin + 500])))
    world.settle()
    creations = last_index(world, leader.number) - first
    assert len(leader.replica.state.tasks) == 10_001
    FakeNode(world, "n1").register()  # which could be what the burst waits for: looked at once
    world.run(50)
    assert last_index(world, leader.number) - first <= creations + 2


def test_s35_wall_clocks_that_jump_back_are_not_noticed() -> None:
    world = World(3)
    one = node(world, "n1")
    two = node(world, "n2")
    assert world.create("exclusive").created
    holder, term = world.task("exclusive").assignment.node, world.leader().replica.term
    allocation = world.task("exclusive").allocation_id
    live(world, 5_000, one, two)
    world.now = Now(world.now.steady, world.now.wall - HOUR_MS)
    pause(world, 30_000)
    assert world.leader().replica.term == term
    assert world.closed == {}
    task = world.task("exclusive")
    assert (task.assignment.node, task.allocation_id) == (holder, allocation)
    lost = one if holder == "n1" else two
    lost.beating = False  # and a node that is really lost is noticed as soon as ever
    pause(world, 12_000)
    assert world.task("exclusive").allocation_id > allocation
