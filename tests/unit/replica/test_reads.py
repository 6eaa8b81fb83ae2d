"""Rounds that prove leadership: what each may answer, and what it may not (R1-R3, L5)."""

from __future__ import annotations

from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.reads import BEATS_WAIT_MS, Beat, Reads
from tests.unit.replica.kit import at_once, node, of, wish
from tests.unit.replica.world import World


class Rounds:
    """Stands in for the consensus core: remembers the rounds that were begun."""

    term = 3

    def __init__(self) -> None:
        self.begun: list[bytes] = []

    def read_index(self, context: bytes) -> None:
        self.begun.append(context)


def beat(name: str, received: int) -> Beat:
    return Beat(1, name, "1-x", 1, received)


def test_r1_a_read_is_answered_by_the_round_that_began_after_it() -> None:
    core = Rounds()
    reads = Reads(core)
    reads.ask(1)
    reads.start(0)
    reads.ask(2)
    reads.start(0)
    assert len(core.begun) == 1
    reads.confirmed(core.begun[0], 10)
    assert reads.finished(applied=10) == ((1,), ())
    reads.start(0)
    reads.confirmed(core.begun[1], 10)
    assert reads.finished(applied=10) == ((2,), ())


def test_r1_not_before_the_state_has_come_to_the_rounds_index() -> None:
    core = Rounds()
    reads = Reads(core)
    reads.ask(1)
    reads.start(0)
    reads.confirmed(core.begun[0], 10)
    assert reads.finished(applied=9) == ((), ())
    assert reads.finished(applied=10) == ((1,), ())
    assert reads.finished(applied=11) == ((), ())


def test_r2_each_round_has_a_context_of_its_own_and_others_complete_nothing() -> None:
    core = Rounds()
    reads = Reads(core)
    reads.ask(1)
    reads.start(0)
    reads.confirmed(core.begun[0], 5)
    reads.finished(5)
    reads.ask(2)
    reads.start(0)
    assert len(set(core.begun)) == 2
    reads.confirmed(core.begun[0], 5)
    reads.confirmed(b"2/1", 5)
    assert reads.finished(5) == ((), ())


def test_l5_one_round_for_all_heartbeats_soon_after_the_first() -> None:
    core = Rounds()
    reads = Reads(core)
    reads.beat(beat("a", 1_000))
    reads.beat(beat("b", 1_020))
    reads.start(1_000 + BEATS_WAIT_MS - 1)
    assert not core.begun
    reads.start(1_000 + BEATS_WAIT_MS)
    reads.confirmed(core.begun[0], 1)
    assert [one.name for one in reads.finished(1)[1]] == ["a", "b"]
    assert BEATS_WAIT_MS <= 100


def test_l5_heartbeats_ride_along_with_reads() -> None:
    core = Rounds()
    reads = Reads(core)
    reads.beat(beat("a", 1_000))
    reads.ask(7)
    reads.start(1_000)
    reads.confirmed(core.begun[0], 1)
    tickets, beats = reads.finished(1)
    assert (tickets, len(beats)) == ((7,), 1)


def test_who_waits_when_leadership_ends() -> None:
    reads = Reads(Rounds())
    reads.ask(1)
    reads.start(0)
    reads.ask(2)
    assert sorted(reads.drop()) == [1, 2]
    assert reads.drop() == ()


def test_r1_reads_that_come_during_a_round_do_not_wait_for_the_next_tick() -> None:
    world = World(3)
    leader = world.leader()
    leader.inbox.append(i.ReadBarrier(1))
    world.turn(leader)
    leader.inbox.append(i.ReadBarrier(2))
    world.settle()
    assert isinstance(world.answers[1], e.ReadReady)
    assert isinstance(world.answers[2], e.ReadReady)


def test_r3_a_new_leader_answers_no_read_before_its_own_first_entry() -> None:
    world = World(3)
    node(world, "n1")
    world.create("t1")
    world.crash(world.leader().number)
    new = None
    for _ in range(200):
        world.run(50)
        new = next((m for m in world.members.values() if m.replica.raft.is_leader), None)
        if new is not None:
            break
    assert new is not None
    if not new.replica.is_leader:
        assert not of(e.ReadReady, at_once(world, new, i.ReadBarrier(1)))


def test_a_follower_says_where_to_go_and_one_without_a_leader_that_there_is_none() -> None:
    world = World(3)
    leader = world.leader()
    world.run(200)
    follower = next(m for m in world.members.values() if m is not leader)
    (failed,) = of(e.Fail, at_once(world, follower, i.ReadBarrier(1)))
    assert failed.kind == "not_leader"
    world.crash(leader.number)
    world.partition(follower.number)
    world.run(5_000)
    asked = i.Submit(2, (i.Asked(wish("t1")),))
    kinds = [f.kind for f in of(e.Fail, at_once(world, follower, i.ReadBarrier(1), asked))]
    assert kinds == ["no_leader", "no_leader"]


def test_g2_a_read_through_any_leader_sees_what_was_acknowledged() -> None:
    world = World(3)
    node(world, "n1", capacity=1_000)
    for number in range(10):
        world.create(f"t{number}")
        leader = world.leader()
        leader.inbox.append(i.ReadBarrier(1_000 + number))
        world.settle()
        assert isinstance(world.answers[1_000 + number], e.ReadReady)
        assert f"t{number}" in leader.replica.state.tasks
        if number % 3 == 2:
            leader.inbox.append(i.TransferLeadership())
            world.settle()
            world.run(200)
            node(world, "n1", capacity=1_000)
