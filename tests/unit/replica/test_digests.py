"""Replicas are compared while they work (G12, I3): whoever differs from a majority stops itself, and nobody else does."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.machine import commands as c
from coordinator.machine.outcome import Accepted, Outcome
from coordinator.model.state import ClusterState
from coordinator.replica import digests
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.digests import Digests
from tests.unit.replica.growing import DIGEST_EVERY, GrowingWorld


def write(world: GrowingWorld, count: int) -> None:
    for _ in range(count):
        name = f"t{len(world.leader().replica.state.tasks)}"
        world.create(name)


def agreed(world: GrowingWorld) -> set[int]:
    """Entries at which all living members have been told what a majority has, and have the same."""
    books = [m.replica._digests for m in world.members.values()]
    known = [{n for n, d in book._agreed.items() if book._own.get(n) == d} for book in books]
    return set.intersection(*known)


def spoil(world: GrowingWorld, number: int, task_id: str = "t0") -> None:
    """A bit of memory gone bad."""
    state = world.members[number].replica.state
    state.tasks[task_id] = msgspec.structs.replace(state.tasks[task_id], params=b"[]")


def test_members_agree_again_and_again() -> None:
    world = GrowingWorld(3)
    write(world, 6 * DIGEST_EVERY)
    world.run(200)
    assert len(agreed(world)) >= 3
    assert not world.halted


def test_s19_a_member_whose_state_was_altered_is_stopped_by_the_next_digest() -> None:
    world = GrowingWorld(3)
    write(world, 2 * DIGEST_EVERY)
    leader = world.leader().number
    spoilt = next(n for n in (1, 2, 3) if n != leader)
    spoil(world, spoilt)
    write(world, 2 * DIGEST_EVERY)
    world.run(200)
    assert set(world.halted) == {spoilt}
    assert "differs" in world.halted[spoilt]
    assert isinstance(world.create("after"), Accepted)


def test_s19_a_leader_whose_state_was_altered_stops_itself_and_nobody_else() -> None:
    world = GrowingWorld(3)
    write(world, 2 * DIGEST_EVERY)
    leader = world.leader().number
    spoil(world, leader)
    for _ in range(2 * DIGEST_EVERY):
        world.submit(c.SetSettings((("assignment.batch", str(len(world.answers) + 1)),)))
        world.run(50)
        if world.halted:
            break
    assert set(world.halted) == {leader}
    world.until(lambda: any(m.replica.is_leader for m in world.members.values()))
    write(world, 2 * DIGEST_EVERY)
    world.run(200)
    assert len(world.members) == 2
    assert agreed(world)


def test_who_starts_again_in_between_has_no_opinion_until_it_has_seen_a_whole_stretch() -> None:
    world = GrowingWorld(3, snapshot_every=5)
    for _ in range(6):
        write(world, 5)
        number = next(n for n in (1, 2, 3) if n != world.leader().number)
        world.crash(number)
        world.start(number)
        world.run(300)
    write(world, 3 * DIGEST_EVERY)
    world.run(200)
    assert not world.halted
    assert agreed(world)


def test_a_learner_is_compared_as_well() -> None:
    world = GrowingWorld(3)
    world.add("c4")
    world.join("c4")
    world.until_done()
    write(world, 3 * DIGEST_EVERY)
    world.run(200)
    assert agreed(world)
    spoil(world, 4, "t1")
    write(world, 2 * DIGEST_EVERY)
    world.run(200)
    assert set(world.halted) == {4}


class Alone:
    """A book by itself, at a leader of three."""

    def __init__(self, every: int = 2) -> None:
        self.effects: list[e.Effect] = []
        raft = GrowingWorld(3).leader().replica.raft
        self.proposed: list[c.Command] = []
        self.book = Digests(every, raft, lambda: self, self.effects.append)  # type: ignore[arg-type,return-value]
        self.me = raft.id
        self.others = [n for n in (1, 2, 3) if n != raft.id]
        self.state = ClusterState()

    def add(self, proposal) -> None:  # type: ignore[no-untyped-def]
        self.proposed.append(proposal.request.command)

    def apply(self, count: int, *outcomes: Outcome) -> str:
        """The digest that was taken last, of this member."""
        for _ in range(count):
            self.state.begin_entry(self.state.revision + 1, 0)
            self.book.applied(self.state, list(outcomes))
        taken = [one for one in self.effects if isinstance(one, e.TakeDigest)]
        for one in taken:
            self.book._taken(i.DigestTaken(one.index, "picture"))
        return self.book._own.get(self.state.revision, "")

    def hear(self, digest: str, *members: int) -> None:
        for member in members:
            self.book._heard(i.DigestSaid(member, self.state.revision, digest))


def test_other_outcomes_make_another_digest_though_the_state_is_the_same() -> None:
    one, other = Alone(), Alone()
    assert one.apply(4, Accepted()) == other.apply(4, Accepted())
    assert one.apply(2, Accepted()) != other.apply(2, Accepted(unchanged=True))
    assert one.apply(2, Accepted()) == other.apply(2, Accepted()), "the next stretch begins anew"


def test_a_digest_is_proposed_once_and_only_if_a_majority_has_it() -> None:
    one = Alone()
    own = one.apply(4)
    assert one.proposed == []
    one.hear("another", one.others[0])
    assert one.proposed == []
    one.hear(own, one.others[1])
    one.hear(own, *one.others)
    assert one.proposed == [c.CheckDigest(4, own)]


def test_two_that_differ_in_two_ways_are_no_majority_against_the_leader() -> None:
    one = Alone()
    one.apply(4)
    one.hear("one way", one.others[0])
    one.hear("another way", one.others[1])
    assert not [x for x in one.effects if isinstance(x, e.Halt)]
    one.hear("one way", one.others[1])
    assert [x.exit_code for x in one.effects if isinstance(x, e.Halt)] == [70]


def test_words_that_come_late_or_for_no_entry_of_ours_are_harmless() -> None:
    one = Alone()
    own = one.apply(20)
    for index in (2, 4, 6, 8, 10, 12, 10**9):
        one.book._heard(i.DigestSaid(one.others[0], index, "x"))
    one.hear(own, *one.others)
    assert one.proposed == [c.CheckDigest(20, own)]
    one.book.agreed(2, "long ago")
    assert not [x for x in one.effects if isinstance(x, e.Halt)]


def test_what_a_majority_has_may_be_known_before_ones_own_is_computed() -> None:
    one = Alone()
    one.apply(2)
    one.state.begin_entry(3, 0)
    one.book.applied(one.state, [])
    one.state.begin_entry(4, 0)
    one.book.applied(one.state, [])
    one.book.agreed(4, "another")
    assert not [x for x in one.effects if isinstance(x, e.Halt)]
    one.book._taken(i.DigestTaken(4, "picture"))
    assert [x.exit_code for x in one.effects if isinstance(x, e.Halt)] == [70]


def test_a_state_that_was_replaced_has_no_digest_before_a_whole_stretch() -> None:
    one = Alone()
    assert one.apply(4)
    one.book.begin_anew()
    assert one.apply(2) == ""
    assert one.apply(2)


def test_of_many_records_all_are_swept_every_so_many_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digests, "SWEPT_EACH_TIME", 2)
    one = Alone()
    one.state.tasks = {f"t{n}": None for n in range(5)}  # type: ignore[assignment,misc]
    monkeypatch.setattr(digests, "freeze", lambda state: "picture")
    one.apply(14)
    swept = [x.index for x in one.effects if isinstance(x, e.TakeDigest)]
    assert swept == [6, 12]
    assert one.book._own[14], "the outcomes are compared every time"
