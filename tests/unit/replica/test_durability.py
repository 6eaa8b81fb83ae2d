"""What was acknowledged survives any cut: disks that return late, and lose whatever had not returned (D2, G1, G4)."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import cast

import pytest
from typing_extensions import override

from coordinator.codec.framing import framed
from coordinator.codec.snapshots import encode
from coordinator.consensus.messages import Snapshot
from coordinator.machine.outcome import Accepted
from coordinator.model.tasks import TaskSpec
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.world import FakeNode, Member, World

CUTS = 200
TURNS_BETWEEN_CUTS = (
    250  # at most; the cut comes after any one of them, between two turns of anybody
)

Job = e.Persist | e.TakeSnapshot


class LateDisks(World):
    """Writes return in order but late, some not before the cut: then nothing of them is left.

    `is_honest` False makes a disk that says "stored" at once, as a page cache without fsync does.
    """

    def __init__(self, seed: int, *, is_honest: bool = True) -> None:
        self.whims = Random(seed)
        self.is_honest = is_honest
        self.queues: dict[int, deque[Job]] = {}
        self.turns_left = 0  # to the cut; 0: none is planned
        super().__init__(3, seed=seed, snapshot_every=60)

    @override
    def start(self, number: int) -> None:
        self.queues[number] = deque()
        super().start(number)

    @override
    def crash(self, number: int) -> None:
        """The writes under way are lost whole, or the first of them is kept whole: nobody was told either."""
        queue = self.queues[number]
        if queue and self.is_honest and self.whims.random() < 0.3:
            self.put(number, queue.popleft())
        queue.clear()
        super().crash(number)

    @override
    def do(self, member: Member, effect: e.Effect, written: list[int]) -> None:
        if not isinstance(effect, e.Persist | e.TakeSnapshot):
            super().do(member, effect, written)
            return
        self.queues[member.number].append(effect)
        if not self.is_honest:
            self.tell(member, effect)

    @override
    def stream(self, member: Member, effect: e.StreamSnapshot) -> None:
        wanted = effect.message.snapshot  # type: ignore[attr-defined]
        if member.disk.snapshot.index == wanted.index:
            super().stream(member, effect)
        else:  # a newer one is there, of which the replica has not heard yet
            member.inbox.append(i.SnapshotSent(effect.member, ok=False))

    @override
    def turn(self, member: Member) -> None:
        if self.turns_left and member.number in self.members:
            self.turns_left -= 1
            if not self.turns_left:
                self.cut_power()
        if member.number in self.members:
            super().turn(member)

    @override
    def run(self, ms: int) -> None:
        """The disks get some of their work done in between."""
        for member in list(self.members.values()):
            if self.queues[member.number]:
                self.work_off(member, self.whims.randrange(4))
        super().run(ms)

    def work_off(self, member: Member, count: int) -> None:
        queue = self.queues[member.number]
        for _ in range(min(count, len(queue))):
            job = queue.popleft()
            self.put(member.number, job)
            if self.is_honest:
                self.tell(member, job)

    def put(self, number: int, job: Job) -> None:
        disk = self.disks[number]
        if isinstance(job, e.Persist):
            disk.write(job)
        elif job.index > disk.snapshot.index:
            data = b"".join(framed(encode(job.frozen)))
            disk.snapshot = Snapshot(job.index, job.term, job.conf, data)
            disk.entries = [x for x in disk.entries if x.index > job.index - 20]

    def tell(self, member: Member, job: Job) -> None:
        if isinstance(job, e.Persist):
            member.inbox.append(i.Stored((job.write,)))
        else:
            member.inbox.append(i.SnapshotTaken(job.index, ok=True))

    def cut_power(self) -> None:
        """Of all, of two, or of one."""
        for number in self.whims.sample(sorted(self.disks), self.whims.choice([1, 2, 3, 3])):
            if number in self.members:
                self.crash(number)


class Caller:
    """Creates tasks with whoever leads, and remembers what was acknowledged."""

    def __init__(self, world: LateDisks) -> None:
        self.world = world
        self.asked: dict[int, tuple[str, ...]] = {}
        self.acknowledged: dict[str, int] = {}  # task -> allocation id

    def ask(self) -> None:
        world = self.world
        for member in world.members.values():
            if member.replica.is_leader:
                world.tickets += 1
                ids = tuple(f"t{world.tickets}-{n}" for n in range(world.whims.randrange(1, 4)))
                wishes = tuple(i.Asked(i.Create(t, "demo.noop", b"{}", TaskSpec())) for t in ids)
                member.inbox.append(i.Submit(world.tickets, wishes))
                self.asked[world.tickets] = ids
                return

    def listen(self) -> None:
        for ticket in [t for t in self.asked if t in self.world.answers]:
            answer, ids = self.world.answers[ticket], self.asked.pop(ticket)
            if isinstance(answer, e.Reply):
                for task_id, outcome in zip(ids, answer.outcomes, strict=True):
                    self.acknowledged[task_id] = cast(Accepted, outcome).allocation_id or 0

    def missing(self) -> list[str]:
        """What was acknowledged and is not in the state, or not as it was said."""
        tasks = self.world.leader().replica.state.tasks
        return [
            task_id
            for task_id, allocation_id in self.acknowledged.items()
            if task_id not in tasks or tasks[task_id].allocation_id < allocation_id
        ]


def live_through(world: LateDisks, cuts: int) -> Caller:
    """Cut after cut, each at another point of the work; ends early once something is missing."""
    FakeNode(world, "n1").register()
    world.until(lambda: "n1" in world.leader().replica.state.nodes)
    caller = Caller(world)
    last_allocation = 0
    for _ in range(cuts):
        world.turns_left = world.whims.randrange(1, TURNS_BETWEEN_CUTS)
        while world.turns_left:
            if world.whims.random() < 0.3:
                caller.ask()
            world.run(50)
            caller.listen()
        for number in world.whims.sample(sorted(world.disks), 3):
            if number not in world.members:
                world.start(number)
        caller.listen()
        if caller.missing():
            break
        state = world.leader().replica.state
        assert state.last_allocation_id >= last_allocation
        last_allocation = state.last_allocation_id
    return caller


@pytest.mark.parametrize("seed", [1, 2])
def test_g1_d2_whatever_no_returned_transaction_holds_is_lost_and_nothing_acknowledged_is(
    seed: int,
) -> None:
    world = LateDisks(seed)
    caller = live_through(world, CUTS // 2)
    assert caller.missing() == []
    assert len(caller.acknowledged) > CUTS
    assert len(set(caller.acknowledged.values())) == len(caller.acknowledged)
    assert not world.halted
    for _ in range(100):
        world.run(50)  # disks work in between
    digests = {encode_of(member) for member in world.members.values()}
    assert len(digests) == 1


def encode_of(member: Member) -> bytes:
    from coordinator.codec.snapshots import freeze

    return b"".join(framed(encode(freeze(member.replica.state))))


def test_g1_a_disk_that_answers_before_it_stored_is_found_out() -> None:
    """So this test can fail: without the wait for the transaction, something acknowledged is missing."""
    caller = live_through(LateDisks(3, is_honest=False), CUTS)
    assert caller.missing()
