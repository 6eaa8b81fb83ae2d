"""Whether a member is of use: it knows a leader, is not far behind it, and the leader's dispatch turns (TM-78)."""

from __future__ import annotations

from coordinator.replica import inputs as i
from coordinator.replica.freshness import DISPATCH_MS, READY_BEHIND_MS, Freshness
from tests.unit.replica.world import FakeNode, Member, World


class SlowDisk(World):
    """The disk of one member takes as long as the test wants."""

    slow = 0

    def turn(self, member: Member) -> None:
        super().turn(member)
        if member.number == self.slow:
            self.held = [*getattr(self, "held", []), *_stored(member)]

    def release(self) -> None:
        self.members[self.slow].inbox += self.held
        self.slow = 0


def _stored(member: Member) -> list[i.Input]:
    held = [one for one in member.inbox if isinstance(one, i.Stored)]
    member.inbox = [one for one in member.inbox if not isinstance(one, i.Stored)]
    return held


def missing(world: World, member: Member, later: int = 0) -> str:
    return member.replica.not_ready(world.now.steady + later)


def test_tm_78_a_member_knows_a_leader() -> None:
    world = World()
    assert {missing(world, one) for one in world.members.values()} == {"no leader"}
    world.leader()
    world.run(1_000)
    assert [missing(world, one) for one in world.members.values()] == ["", "", ""]


def test_tm_78_a_member_that_is_cut_off_knows_none() -> None:
    world = World()
    leader = world.leader()
    world.run(1_000)
    away = next(n for n in world.members if n != leader.number)
    world.partition(away)
    world.run(5_000)
    assert missing(world, world.members[away])
    assert not missing(world, leader)
    world.heal()
    world.run(3_000)
    assert not missing(world, world.members[away])


def test_tm_78_the_leaders_dispatch_turns() -> None:
    world = World()
    leader = world.leader()
    assert not missing(world, leader, DISPATCH_MS)
    assert "stood still" in missing(world, leader, DISPATCH_MS + 1)
    follower = next(one for one in world.members.values() if one is not leader)
    world.run(500)
    assert "not heard" in missing(world, follower, DISPATCH_MS + 500)


def test_tm_78_a_member_is_at_most_five_seconds_behind() -> None:
    world = SlowDisk()
    leader = world.leader()
    FakeNode(world, "n1").register()
    world.run(1_000)
    slow = next(one for one in world.members.values() if one is not leader)
    world.slow = slow.number
    for number in range(READY_BEHIND_MS // 100):
        world.create(f"t{number}")
        world.run(100)
    assert not missing(world, slow)
    world.run(1_000)
    assert "behind the leader" in missing(world, slow)
    world.release()
    world.run(500)
    assert not missing(world, slow)
    assert not missing(world, leader)


def test_only_what_is_not_applied_counts() -> None:
    fresh = Freshness()
    fresh.told(10, 10, 0)
    assert fresh.behind_ms(10, 9_000) == 0
    fresh.told(12, 10, 9_000)
    fresh.told(13, 10, 9_100)  # within the same mark
    fresh.told(20, 10, 9_600)
    assert fresh.behind_ms(11, 10_000) == 1_000
    assert fresh.behind_ms(12, 10_000) == 400
    assert fresh.behind_ms(20, 10_000) == 0


def test_marks_do_not_pile_up_while_entries_come_and_are_applied() -> None:
    fresh = Freshness()
    for number in range(100_000):
        fresh.told(number, number - 5, number * 10)
    assert len(fresh._marks) <= 2
