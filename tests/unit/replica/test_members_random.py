"""Members come, go and die at random; what was acknowledged stays, and nobody ever leads beside another (S16)."""

from __future__ import annotations

from random import Random

import pytest
from typing_extensions import override

from coordinator.codec.snapshots import digest
from coordinator.consensus.messages import EntryKind
from coordinator.machine import commands as c
from coordinator.machine.outcome import Accepted
from coordinator.model.tasks import TaskSpec
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.growing import GrowingWorld
from tests.unit.replica.world import Disk, Member

STEPS = 60


class Restless(GrowingWorld):
    """Draws what happens next; remembers who led which term and what was committed where."""

    def __init__(self, seed: int) -> None:
        self.leaders: dict[int, int] = {}
        self.acknowledged: set[str] = set()
        self.asked: dict[int, str] = {}
        super().__init__(3, seed=seed, snapshot_every=20)
        self.chance = Random(seed)

    @override
    def turn(self, member: Member) -> None:
        super().turn(member)
        raft = member.replica.raft
        if raft.is_leader:
            assert self.leaders.setdefault(raft.term, member.number) == member.number

    @override
    def do(self, member: Member, effect: e.Effect, written: list[int]) -> None:
        super().do(member, effect, written)
        if (
            isinstance(effect, e.Reply)
            and effect.ticket in self.asked
            and isinstance(effect.outcomes[0], Accepted)
        ):
            self.acknowledged.add(self.asked[effect.ticket])
        raft = member.replica.raft
        if isinstance(effect, e.Persist) and raft.is_leader:
            for entry in effect.entries:
                is_early = entry.kind is not EntryKind.NORMAL and not raft.has_committed_own_term
                assert not is_early, "a change before the term's first commit (M3)"

    def step(self) -> None:
        """One thing at random; time goes on a little."""
        some = self.chance.choice(sorted(self.members))
        acts = [self.write, self.wish, self.wish, self.come, self.come, self.isolate, self.die]
        self.chance.choice(acts)(some)
        self.run(self.chance.choice((50, 200, 1_000, 2_000)))

    def tell(self, number: int, wish: object, name: str = "") -> None:
        self.tickets += 1
        if name:
            self.asked[self.tickets] = name
        asked = (i.Asked(wish),)  # type: ignore[arg-type]
        self.members[number].inbox.append(i.Submit(self.tickets, asked))
        self.settle()

    def write(self, number: int) -> None:
        name = f"w{len(self.asked)}"
        self.tell(number, i.Create(name, "demo.noop", b"{}", TaskSpec()), name)  # type: ignore[arg-type]

    def wish(self, number: int) -> None:
        if self.chance.randrange(3) and any(m.replica.is_leader for m in self.members.values()):
            number = self.leader().number
        state = self.members[number].replica.state
        known = sorted(state.members)
        fresh = f"c{state.last_member_id + 1}"
        one = self.chance.choice(known) if known else 0
        wishes = (
            c.AddMember(fresh, f"h:{fresh}"),
            c.AddMember(fresh, f"h:{fresh}", one),
            c.RemoveMember(one),
            c.RemoveMember(state.member_change.joining) if state.member_change else None,
        )
        wish = self.chance.choice(wishes)
        if wish is not None:
            self.tell(number, wish)

    def come(self, number: int) -> None:
        """Whoever is awaited introduces itself and starts."""
        state = self.members[number].replica.state
        for record in state.members_by_id():
            if not record.storage_id:
                self.tell(number, c.BindMember(record.id, f"disk-{record.id}"))
        self.wake()

    def wake(self) -> None:
        """Those that were bound start, those that had died start again, those that left stay away."""
        for member in tuple(self.members.values()):
            for record in member.replica.state.members_by_id():
                if record.storage_id:
                    self.disks.setdefault(record.id, Disk())
        for number in sorted(set(self.disks) - set(self.members) - self.left):
            self.start(number)

    def isolate(self, number: int) -> None:
        """Cut it off, or end what was cut off before."""
        if self.cut:
            self.heal()
        else:
            self.partition(number)

    def die(self, number: int) -> None:
        if len(self.members) > 1:
            self.crash(number)


@pytest.mark.parametrize("seed", range(15))
def test_s16_whatever_happens_to_the_members_nothing_acknowledged_is_lost(seed: int) -> None:
    world = Restless(seed)
    for _ in range(STEPS):
        world.step()
    world.heal()
    world.wake()
    for _ in range(60):
        world.come(world.leader().number)
        world.run(500)
        if world.change is None:
            break
    world.until_equal()
    state = world.leader().replica.state
    assert world.change is None
    assert set(world.conf.voters) == set(state.members)
    assert world.acknowledged <= set(state.tasks)
    assert not world.halted
    for number in state.members:
        assert digest(world.members[number].replica.state) == digest(state)
    assert isinstance(world.create("after"), Accepted)
