"""The disk as the replica sees it: full, low, broken; and snapshots."""

from __future__ import annotations

import itertools

import pytest

from coordinator.machine.outcome import Accepted
from coordinator.model.tasks import RunOutcome
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.applying import SNAPSHOT_AGAIN_MS
from coordinator.replica.space import AGAIN_MS
from tests.unit.replica.kit import at_once, node, of, wish
from tests.unit.replica.world import FakeNode, Member, World, without_space_for_snapshots


def kind_of(world: World, ticket: int) -> str:
    answer = world.answers[ticket]
    assert isinstance(answer, e.Fail), answer
    return answer.kind


def test_g13_a_full_disk_refuses_writes_answers_reads_and_recovers_by_itself() -> None:
    world = World(1)
    node(world, "n1")
    leader = world.leader()
    leader.inbox.append(i.StoreFailed("disk_full", "no space"))
    world.settle()
    assert kind_of(world, world.submit(wish("t1"))) == "disk_full"
    leader.inbox.append(i.ReadBarrier(900))
    world.settle()
    assert isinstance(world.answers[900], e.ReadReady)
    leader.inbox.append(i.StoreFailed("recovered", ""))
    world.settle()
    assert isinstance(world.create("t1"), Accepted)


def test_a_leader_with_a_full_disk_hands_leadership_over() -> None:
    world = World(3)
    node(world, "n1")
    old = world.leader()
    old.inbox.append(i.StoreFailed("disk_full", "no space"))
    world.settle()
    world.until(lambda: world.leader().number != old.number)
    assert isinstance(world.create("t1"), Accepted)


def test_s12_a_leader_with_too_little_space_hands_leadership_over() -> None:
    world = World(3)
    node(world, "n1")
    old = world.leader()
    old.inbox.append(i.DiskLow(low=True))
    world.settle()
    world.until(lambda: world.leader().number != old.number)
    assert isinstance(world.create("t1"), Accepted)


def test_s12_where_nobody_has_space_leadership_does_not_go_round_and_round() -> None:
    world = World(3)
    node(world, "n1")
    for member in world.members.values():
        member.inbox.append(i.DiskLow(low=True))
    world.settle()
    world.run(AGAIN_MS // 2)
    term = world.leader().replica.term
    world.run(AGAIN_MS // 3)
    assert world.leader().replica.term == term
    assert kind_of(world, world.submit(wish("t1"))) == "disk_full"
    other = next(m for m in world.members.values() if m is not world.leader())
    other.inbox.append(i.DiskLow(low=False))
    world.until(lambda: world.leader() is other, 4 * AGAIN_MS)
    assert isinstance(world.create("t1"), Accepted)


def test_s12_where_no_disk_takes_anything_the_leader_stays_and_answers_reads() -> None:
    world = World(3)
    node(world, "n1")
    leader = world.leader()
    stuck = Stuck(world, tuple(world.members))
    for member in world.members.values():
        member.inbox.append(i.StoreFailed("disk_full", "no space"))
    world.run(2 * AGAIN_MS)
    assert world.leader() is leader
    leader.inbox.append(i.ReadBarrier(900))
    world.settle()
    assert isinstance(world.answers[900], e.ReadReady)
    assert kind_of(world, world.submit(wish("t1"))) == "disk_full"

    first, second = (n for n in world.members if n != leader.number)
    stuck.let(first)  # it could not be elected: nobody else can store a vote
    world.run(2 * AGAIN_MS)
    assert world.leader() is leader
    stuck.let(second)
    world.until(lambda: world.leader() is not leader, AGAIN_MS)
    assert isinstance(world.create("t1"), Accepted)


class Stuck:
    """Disks of members that take nothing until they are let."""

    def __init__(self, world: World, numbers: tuple[int, ...]) -> None:
        self.world, self.numbers = world, set(numbers)
        self._waiting: list[tuple[int, e.Persist]] = []
        self._do = world.do
        world.do = self._watch

    def _watch(self, member: Member, effect: e.Effect, written: list[int]) -> None:
        if isinstance(effect, e.Persist) and member.number in self.numbers:
            self._waiting.append((member.number, effect))
        else:
            self._do(member, effect, written)

    def let(self, number: int) -> None:
        """What waited is written now, in its order."""
        self.numbers.discard(number)
        member = self.world.members[number]
        written: list[int] = []
        for waiting, effect in self._waiting:
            if waiting == number:
                self._do(member, effect, written)
        member.inbox += [i.Stored(tuple(written)), i.StoreFailed("recovered", "")]


def test_pt_19_little_space_refuses_before_anything_fails() -> None:
    world = World(1)
    node(world, "n1")
    leader = world.leader()
    leader.inbox.append(i.DiskLow(low=True))
    world.settle()
    assert kind_of(world, world.submit(wish("t1"))) == "disk_full"
    leader.inbox.append(i.DiskLow(low=False))
    world.settle()
    assert isinstance(world.create("t1"), Accepted)


@pytest.mark.parametrize("kind", ["io", "damaged"])
def test_g13_any_other_trouble_ends_the_process(kind: str) -> None:
    world = World(1)
    effects = at_once(world, world.leader(), i.StoreFailed(kind, "EIO"))
    (halt,) = of(e.Halt, effects)
    assert (halt.exit_code, halt.reason) == (74, "EIO")


def test_c10_a_queue_that_is_full_refuses_callers_but_not_reads() -> None:
    world = World(1)
    node(world, "n1")
    leader = world.leader()
    big = [i.Asked(wish(f"t{n}", params=b'{"a": "%s"}' % (b"x" * 250_000))) for n in range(300)]
    at_once(world, leader, i.Submit(1, (big[0],)))  # under way: the rest queues up
    for number in range(1, 300):
        effects = at_once(world, leader, i.Submit(number + 1, (big[number],)))
        if of(e.Fail, effects):
            break
    (failed,) = of(e.Fail, effects)
    assert (failed.ticket, failed.kind) == (number + 1, "overloaded")
    assert leader.replica.leading.proposals.is_full
    assert not of(e.Fail, at_once(world, leader, i.ReadBarrier(900)))


def test_entries_are_bounded_in_bytes() -> None:
    world = World(1)
    node(world, "n1", capacity=100)
    leader = world.leader()
    asked = [i.Asked(wish(f"t{n}", params=b'{"a": "%s"}' % (b"x" * 200_000))) for n in range(20)]
    sizes: list[int] = []
    do = world.do

    def watch(member: object, effect: e.Effect, written: list[int]) -> None:
        if isinstance(effect, e.Persist):
            sizes.extend(len(entry.data) for entry in effect.entries)
        do(member, effect, written)

    world.do = watch
    leader.inbox.append(i.Submit(9, tuple(asked)))
    world.settle()
    world.run(500)
    assert len(leader.replica.state.tasks) == 20
    assert max(sizes) <= 1_100_000
    assert sum(size > 200_000 for size in sizes) >= 4


def test_manifests_travel_through_the_log_once() -> None:
    world = World(1)
    sizes: list[int] = []
    do = world.do

    def watch(member: object, effect: e.Effect, written: list[int]) -> None:
        if isinstance(effect, e.Persist):
            sizes.extend(len(entry.data) for entry in effect.entries)
        do(member, effect, written)

    world.do = watch
    for number in range(5):
        node(world, f"n{number}", "demo.noop", doc="x" * 50_000)
    assert sum(size > 50_000 for size in sizes) == 1
    assert len(world.leader().replica.state.manifests["demo.noop"]) == 1


def test_a_snapshot_that_failed_is_not_tried_again_in_every_turn() -> None:
    world = World(1, snapshot_every=50)
    node(world, "n1", capacity=1_000)
    asked = without_space_for_snapshots(world, 2)
    for number in range(60):
        world.create(f"t{number}")
    world.run(3 * SNAPSHOT_AGAIN_MS)
    assert len(asked) == 3
    assert all(b - a >= SNAPSHOT_AGAIN_MS for a, b in itertools.pairwise(asked))
    assert world.leader().replica.snapshot_index > 50


def test_a_snapshot_that_bytes_asked_for_is_asked_for_again_when_it_failed() -> None:
    world = World(1)
    world.config["snapshot_every_bytes"] = 20_000
    world.crash(1)
    world.start(1)
    node(world, "n1", capacity=1_000)
    asked = without_space_for_snapshots(world, 1)
    for number in range(200):
        if not asked:
            world.create(f"t{number}")
    revision = world.leader().replica.state.revision
    world.run(2 * SNAPSHOT_AGAIN_MS)
    assert len(asked) == 2
    assert world.leader().replica.snapshot_index >= revision


def test_flush_runs_writes_what_waited_for_company() -> None:
    world = World(1)
    node(world, "n1")
    leader = world.leader()
    effects = at_once(world, leader, i.Submit(9, (i.Asked(wish("t1")),)))
    writes = tuple(write.write for write in of(e.Persist, effects))
    effects = at_once(world, leader, i.Stored(writes))
    assert not [w for w in of(e.Persist, effects) if w.runs]
    effects = at_once(world, leader, i.FlushRuns())
    (write,) = [w for w in of(e.Persist, effects) if w.runs]
    assert [(run.task_id, run.node) for run in write.runs] == [("t1", "n1")]


def test_an_entry_too_large_to_travel_is_refused_instead_of_holding_up_the_log() -> None:
    world = World(3)
    one = node(world, "n1")
    world.create("t1")
    one.listen()
    one.report("t1", "ended", outcome=RunOutcome.SUCCEEDED, result=b"x" * 9_000_000)
    assert (one.answered[-1].accepted, one.answered[-1].reason) == (False, "too_large")
    big = FakeNode(world, "big")
    big.executors, big.body = ["demo.big"], b"x" * 9_000_000
    big.register()
    assert world.closed[big.session] == "too_large"
    assert isinstance(world.create("t2"), Accepted)
