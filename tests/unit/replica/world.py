"""Replicas in one process: messages, disks and clocks by hand, no asyncio. The simulator's little sister."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from coordinator.codec.framing import framed
from coordinator.codec.snapshots import encode
from coordinator.consensus.messages import ConfState, Entry, HardState, Message, Snapshot
from coordinator.machine.outcome import Outcome
from coordinator.model.instants import Millis, Now
from coordinator.model.members import MemberRecord
from coordinator.model.nodes import Manifest
from coordinator.model.state import ClusterState
from coordinator.model.tasks import TaskSpec
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.config import Recovered, ReplicaConfig
from coordinator.replica.replica import Replica
from coordinator.replica.sayings import (
    EndedReport,
    Heartbeat,
    LeaderSaying,
    NodeSaying,
    Registration,
    Report,
    WantedRun,
)

TICK_MS = 50


def founded(members: int) -> ClusterState:
    state = ClusterState()
    state.cluster_id = "test"
    for number in range(1, members + 1):
        state.put_member(MemberRecord(number, f"c{number}", f"127.0.0.1:{number}", "s"))
    return state


@dataclass
class Disk:
    """What survives a crash: everything in a write that has returned."""

    hard_state: HardState = field(default_factory=HardState)
    entries: list[Entry] = field(default_factory=list)
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(0, 0))

    def write(self, persist: e.Persist) -> None:
        if persist.hard_state is not None:
            self.hard_state = persist.hard_state
        if persist.snapshot is not None:
            self.snapshot, self.entries = persist.snapshot, []
        if persist.entries:
            first = persist.entries[0].index
            self.entries = [x for x in self.entries if x.index < first] + list(persist.entries)


class Member:
    def __init__(self, number: int, disk: Disk, config: ReplicaConfig, dice: Random) -> None:
        from coordinator.codec.framing import unframed
        from coordinator.codec.snapshots import load

        state = load(unframed(disk.snapshot.data)) if disk.snapshot.data else ClusterState()
        state.take_events()
        snapshot = Snapshot(disk.snapshot.index, disk.snapshot.term, disk.snapshot.conf)
        base = (snapshot.index, snapshot.term)
        entries = tuple(x for x in disk.entries if x.index > snapshot.index)
        recovered = Recovered(state, disk.hard_state, snapshot, base, entries)
        self.number, self.disk = number, disk
        self.replica = Replica(config, recovered, lambda n: dice.randrange(n))
        self.unsynced: list[e.Persist] = []
        self.inbox: list[i.Input] = []
        self.out: list[e.Effect] = []


class World:
    """`run(ms)` lets time pass; `said` gathers what nodes were told, `answers` what callers were."""

    def __init__(
        self,
        members: int = 3,
        seed: int = 1,
        snapshot_every: int = 10_000,
        *,
        expects_plugins: bool = False,
    ) -> None:
        self.dice = Random(seed)
        self.now = Now(1_000, 1_700_000_000_000)
        self.config = {
            "snapshot_every_entries": snapshot_every,
            "log_entries_kept": 20,
            "expects_plugins": expects_plugins,
        }
        state = founded(members)
        data = b"".join(framed(encode_state(state)))
        conf = ConfState(tuple(range(1, members + 1)))
        self.disks = {
            n: Disk(HardState(1, 0, 1), [], Snapshot(1, 1, conf, data))
            for n in range(1, members + 1)
        }
        self.members: dict[int, Member] = {}
        self.cut: set[tuple[int, int]] = set()
        self.answers: dict[int, e.Reply | e.Fail | e.ReadReady] = {}
        self.to_nodes: dict[int, list[LeaderSaying]] = {}
        self.closed: dict[int, str] = {}
        self.asked_plugins: list[tuple[int, e.AskPlugin]] = []
        self.tickets = 0
        self.halted: dict[int, str] = {}
        for number in self.disks:
            self.start(number)

    def start(self, number: int) -> None:
        config = ReplicaConfig(member_id=number, **self.config)
        self.members[number] = Member(number, self.disks[number], config, self.dice)

    def crash(self, number: int) -> None:
        """kill -9: what no returned write holds is gone."""
        del self.members[number]

    # -- time -------------------------------------------------------------------------------------

    def run(self, ms: int) -> None:
        for _ in range(ms // TICK_MS):
            self.now = Now(self.now.steady + TICK_MS, self.now.wall + TICK_MS)
            for member in list(self.members.values()):
                member.inbox.append(i.Tick())
            self.settle()

    def settle(self) -> None:
        """Deliver until nothing moves."""
        for _ in range(10_000):
            busy = [m for m in self.members.values() if m.inbox]
            if not busy:
                return
            for member in busy:
                self.turn(member)
        raise AssertionError("it never settles")

    def until(self, condition: Callable[[], bool], ms: int = 20_000) -> None:
        for _ in range(ms // TICK_MS):
            if condition():
                return
            self.run(TICK_MS)
        raise AssertionError("the condition never held")

    def turn(self, member: Member) -> None:
        inputs, member.inbox = member.inbox, []
        effects = member.replica.handle(inputs, self.now)
        written: list[int] = []
        for effect in effects:
            self.do(member, effect, written)
        if written:
            member.inbox.append(i.Stored(tuple(written)))

    def do(self, member: Member, effect: e.Effect, written: list[int]) -> None:
        match effect:
            case e.Persist():
                member.disk.write(effect)
                written.append(effect.write)
            case e.SendPeer():
                self.deliver(member.number, effect.member, effect.messages)
            case e.StreamSnapshot():
                self.stream(member, effect)
            case e.TakeSnapshot():
                data = b"".join(framed(encode(effect.frozen)))
                member.disk.snapshot = Snapshot(effect.index, effect.term, effect.conf, data)
                member.inbox.append(i.SnapshotTaken(effect.index, ok=True))
            case e.Reply() | e.Fail() | e.ReadReady():
                self.answers[effect.ticket] = effect
            case e.ToNode():
                self.to_nodes.setdefault(effect.session, []).append(effect.saying)
            case e.CloseNode():
                self.closed[effect.session] = effect.reason
            case e.AskPlugin():
                self.asked_plugins.append((member.number, effect))
            case e.Halt():
                self.halted[member.number] = effect.reason
                self.members.pop(member.number, None)
            case _:
                member.out.append(effect)

    def deliver(self, sender: int, to: int, messages: Sequence[Message]) -> None:
        if (sender, to) not in self.cut and to in self.members:
            self.members[to].inbox.append(i.FromPeer(tuple(messages)))

    def stream(self, member: Member, effect: e.StreamSnapshot) -> None:
        import msgspec

        full = msgspec.structs.replace(
            effect.message.snapshot,
            data=member.disk.snapshot.data,  # type: ignore[attr-defined]
        )
        assert member.disk.snapshot.index == full.index
        message = msgspec.structs.replace(effect.message, snapshot=full)  # type: ignore[call-arg]
        self.deliver(member.number, effect.member, (message,))
        member.inbox.append(i.SnapshotSent(effect.member, ok=True))

    # -- who leads ----------------------------------------------------------------------------------

    def leader(self) -> Member:
        self.until(lambda: any(m.replica.is_leader for m in self.members.values()))
        leading = [m for m in self.members.values() if m.replica.is_leader]
        return max(leading, key=lambda m: m.replica.term)

    def partition(self, *side: int) -> None:
        for one in side:
            for other in self.disks:
                if other not in side:
                    self.cut |= {(one, other), (other, one)}

    def heal(self) -> None:
        self.cut.clear()

    # -- callers --------------------------------------------------------------------------------------

    def submit(self, *wishes: i.Wish, request_id: str = "", at: int = 0) -> int:
        self.tickets += 1
        member = self.members[at] if at else self.leader()
        asked = tuple(i.Asked(wish, request_id, 7 if request_id else 0) for wish in wishes)
        member.inbox.append(i.Submit(self.tickets, asked))
        self.settle()
        return self.tickets

    def outcomes(self, ticket: int) -> tuple[Outcome, ...]:
        self.until(lambda: ticket in self.answers)
        answer = self.answers[ticket]
        assert isinstance(answer, e.Reply), answer
        return answer.outcomes

    def create(self, task_id: str, executor: str = "demo.noop", **spec: object) -> Outcome:
        wish = i.Create(task_id, executor, b"{}", TaskSpec(**spec))  # type: ignore[arg-type]
        return self.outcomes(self.submit(wish))[0]

    def task(self, task_id: str):  # type: ignore[no-untyped-def]
        return self.leader().replica.state.tasks[task_id]  # type: ignore[index]


class FakeNode:
    """A node as the leader sees it: registers, beats, and does what a test says."""

    sessions = 0

    def __init__(self, world: World, name: str, capacity: int = 10, **policy: object) -> None:
        import json

        self.world, self.name, self.capacity = world, name, capacity
        self.executors = ["demo.noop"]
        self.policy = policy
        self.counter, self.sequence, self.seen, self.number = 1, 0, 0, 0
        self.beating = True
        self.lease_ms = 6_000
        self.feature_level = 1
        self.session = 0
        self.read = 0
        self.wanted: dict[str, WantedRun] = {}
        self.answered: list[object] = []
        self.body = json.dumps({"policy": policy, "own_validate": False}).encode()
        self.bodies: dict[str, bytes] = {}  # of executors whose manifest says something else

    @property
    def incarnation(self) -> str:
        return f"{self.counter}-x"

    def register(self, *, old_is_dead: bool = False) -> FakeNode:
        FakeNode.sessions += 1
        self.session, self.read = FakeNode.sessions, 0
        self.wanted = {}
        manifests = tuple(
            Manifest(x, 1, f"h-{x}", self.bodies.get(x, self.body)) for x in self.executors
        )
        registration = Registration(
            self.name, f"uid-{self.name}", self.counter, self.incarnation, self.capacity,
            manifests, boot_id="b", pid_namespace="p", old_is_dead=old_is_dead,
            feature_level=self.feature_level,
        )  # type: ignore[arg-type]  # fmt: skip
        self.say(i.NodeOpened(self.session, registration))
        return self

    def say(self, one: i.Input) -> None:
        self.world.leader().inbox.append(one)
        self.world.settle()
        self.listen()

    def listen(self) -> None:
        frames = self.world.to_nodes.get(self.session, [])
        for frame in frames[self.read :]:
            if frame.heartbeat is not None:
                self.seen = max(self.seen, frame.heartbeat.sequence)
                self.lease_ms = frame.heartbeat.lease_ms
            if frame.wanted is not None:
                if frame.wanted.full:
                    self.wanted = {}
                for run in frame.wanted.runs:
                    self.wanted[run.task_id] = run
                for gone in frame.wanted.gone:
                    self.wanted.pop(gone, None)
            self.answered.extend(frame.answers)
        self.read = len(frames)

    def beat(self) -> None:
        if self.beating:
            self.sequence += 1
            heartbeat = Heartbeat(self.sequence, self.seen, 0, self.lease_ms)
            self.say(i.NodeSaid(self.session, NodeSaying(heartbeat=heartbeat)))

    def report(self, task_id: str, kind: str, allocation: int = 0, **ended: object) -> None:
        self.number += 1
        allocation = allocation or self.wanted[task_id].allocation_id
        end = EndedReport(**ended) if kind == "ended" else None  # type: ignore[arg-type]
        report = Report(self.number, task_id, allocation, kind, 0, ended=end)  # type: ignore[arg-type]
        self.say(i.NodeSaid(self.session, NodeSaying(reports=(report,))))

    def close(self) -> None:
        self.say(i.NodeClosed(self.session))


def live(world: World, ms: int, *nodes: FakeNode) -> None:
    """Time passes and the nodes beat."""
    for _ in range(ms // 250):
        world.run(250)
        for node in nodes:
            node.beat()


def without_space_for_snapshots(world: World, failures: int) -> list[Millis]:
    """The first so many snapshots of any member fail. Gives when each one was asked for, on the steady clock."""
    asked: list[Millis] = []
    do = world.do

    def failing(member: Member, effect: e.Effect, written: list[int]) -> None:
        if isinstance(effect, e.TakeSnapshot):
            asked.append(world.now.steady)
            if len(asked) <= failures:
                member.inbox.append(i.SnapshotTaken(effect.index, ok=False))
                return
        do(member, effect, written)

    world.do = failing  # type: ignore[method-assign]
    return asked


def encode_state(state: ClusterState):  # type: ignore[no-untyped-def]
    from coordinator.codec.snapshots import freeze

    return encode(freeze(state))
