"""S15: a follower behind the compaction point, and snapshots that overlap one another or a change of leader."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from typing_extensions import override

from coordinator.codec.snapshots import digest
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.world import FakeNode, Member, World


class SlowRoad(World):
    """Snapshots take their time: they arrive when `arrive` says so, in any order, and more than once."""

    def __init__(self) -> None:
        self.on_their_way: list[tuple[int, int, i.FromPeer]] = []
        self.halts: list[str] = []
        super().__init__(3, snapshot_every=10)
        FakeNode(self, "n1").register()

    @override
    def stream(self, member: Member, effect: e.StreamSnapshot) -> None:
        message = effect.message
        full = msgspec.structs.replace(
            member.disk.snapshot,
            data=member.disk.snapshot.data,
        )
        whole = msgspec.structs.replace(message, snapshot=full)  # type: ignore[call-arg]
        self.on_their_way.append((member.number, effect.member, i.FromPeer((whole,))))

    def arrive(self, place: int, *, told: bool = True) -> None:
        """One of those on their way; `told`: its sender learns that it was delivered."""
        sender, to, message = self.on_their_way[place]
        if to in self.members:
            self.members[to].inbox.append(message)
        if told and sender in self.members:
            self.members[sender].inbox.append(i.SnapshotSent(to, ok=True))
        self.settle()

    def write(self, count: int) -> None:
        for _ in range(count):
            self.written = getattr(self, "written", 0) + 1
            self.create(f"t{self.written}")

    def fall_behind(self) -> tuple[int, int]:
        """(leader, a follower that lacks what no log holds any more)."""
        leader = self.leader().number
        away = next(n for n in (1, 2, 3) if n != leader)
        self.partition(away)
        self.write(45)
        self.heal()
        self.until(lambda: bool(self.on_their_way))
        return leader, away

    def check(self) -> None:
        """All at one index, with one state."""
        self.create("last")
        goal = self.leader().replica.state.revision
        self.until(
            lambda: all(m.replica.state.revision >= goal for m in self.members.values()), 60_000
        )
        assert len({digest(m.replica.state) for m in self.members.values()}) == 1
        assert not self.halted


def test_s15_a_second_snapshot_overlaps_the_first() -> None:
    world = SlowRoad()
    leader, away = world.fall_behind()
    world.members[leader].inbox.append(i.SnapshotSent(away, ok=False))  # it seems lost: another
    world.write(15)
    world.until(lambda: len(world.on_their_way) > 1)
    first, second = (message.messages[0].snapshot.index for _, _, message in world.on_their_way[:2])
    assert first < second
    world.arrive(1)
    assert world.members[away].replica.state.revision >= second
    world.arrive(0)  # the older one comes late
    assert world.members[away].replica.state.revision >= second
    world.check()


def test_s15_both_snapshots_reach_the_disk_in_one_transaction() -> None:
    """The second is there before the first is stored: what is applied is the newer one."""
    world = SlowRoad()
    leader, away = world.fall_behind()
    world.members[leader].inbox.append(i.SnapshotSent(away, ok=False))
    world.write(15)
    world.until(lambda: len(world.on_their_way) > 1)
    behind = world.members[away]
    older, newer = world.on_their_way[0][2], world.on_their_way[1][2]
    written: list[int] = []
    for message in (older, newer):
        for effect in behind.replica.handle([message], world.now):
            world.do(behind, effect, written)
    assert len(written) == 2
    behind.inbox.append(i.Stored(tuple(written)))
    world.settle()
    assert behind.replica.state.revision >= newer.messages[0].snapshot.index  # type: ignore[attr-defined]
    world.check()


def test_s15_the_leader_changes_while_a_snapshot_is_on_its_way() -> None:
    world = SlowRoad()
    leader, away = world.fall_behind()
    world.crash(leader)
    world.start(leader)
    world.until(lambda: any(m.replica.is_leader for m in world.members.values()))
    world.write(12)
    world.arrive(0)  # of a term that is over
    world.until(lambda: len(world.on_their_way) > 1)
    world.arrive(len(world.on_their_way) - 1)
    world.check()
    assert world.members[away].replica.snapshot_index > 1


@pytest.mark.parametrize("seed", range(8))
def test_s15_in_any_order_any_number_of_times(seed: int) -> None:
    world, chance = SlowRoad(), Random(seed)
    world.fall_behind()
    for _ in range(12):
        place = chance.randrange(len(world.on_their_way))
        world.arrive(place, told=bool(chance.randrange(2)))
        if not chance.randrange(3):
            number = world.leader().number
            world.crash(number)
            world.start(number)
        if chance.randrange(2):
            world.write(chance.choice((1, 12)))
        world.run(chance.choice((50, 1_000)))
    for _ in range(60):
        world.arrive(len(world.on_their_way) - 1)
        world.run(200)
    world.check()
