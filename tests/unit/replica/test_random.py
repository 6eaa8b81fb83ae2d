"""Small clusters under random faults: nothing runs twice, nothing acknowledged is lost, all ends well.

A seed that fails is in the test's name and replays exactly. The simulator proper does more of this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from zlib import crc32

import pytest

from coordinator.codec.snapshots import encode, freeze
from coordinator.machine.commands import CancelTask, DrainNode, SetSettings, UndrainNode
from coordinator.machine.invariants import check
from coordinator.machine.outcome import Accepted
from coordinator.model.nodes import Manifest
from coordinator.model.tasks import RunOutcome, Status
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.fanout import run_digest
from coordinator.replica.sayings import (
    EndedReport,
    Heartbeat,
    LocalRun,
    NodeSaying,
    Registration,
    Report,
    WantedRun,
)
from node.lease import Lease, Stage
from tests.unit.replica.kit import wish
from tests.unit.replica.world import FakeNode, Member, World

LEASES = (("3s", "4s"), ("6s", "9s"), ("20s", "26s"))  # with their R
STEP = 250
FAULTY_MS, CALM_MS = 60_000, 40_000


@dataclass
class SimNode:
    """A node with a lease of its own; runs are names only."""

    world: World
    name: str
    dice: Random
    counter: int = 0
    alive: bool = True
    cut: bool = False  # its words and ours get lost
    member: Member | None = None
    session: int = 0
    is_welcome: bool = False
    read: int = 0
    lease: Lease = field(default_factory=lambda: Lease(6_000))
    number: int = 0
    runs: dict[str, int] = field(default_factory=dict)  # task -> allocation, user code alive
    wanted: dict[str, WantedRun] = field(default_factory=dict)
    ended: dict[tuple[str, int], RunOutcome] = field(default_factory=dict)  # the outbox

    @property
    def now(self) -> int:
        return self.world.now.steady

    @property
    def may_start(self) -> bool:
        return self.lease.allows_exclusive(self.now)

    def crash(self) -> None:
        """kill -9 of everything on it."""
        self.hang_up()
        self.alive, self.runs, self.ended, self.wanted = False, {}, {}, {}

    def hang_up(self) -> None:
        if self.member is not None and self.world.members.get(self.member.number) is self.member:
            self.member.inbox.append(i.NodeClosed(self.session))
        self.member, self.session = None, 0

    def step(self) -> None:
        if self.lease.stage(self.now) >= Stage.KILL:  # killed by its own lease (L2)
            self.ended.update(dict.fromkeys(self.runs.items(), RunOutcome.LOST))
            self.runs = {}
        if not self.alive:
            return
        gone = self.member is None or self.world.members.get(self.member.number) is not self.member
        if self.cut:
            return
        if gone or self.session in self.world.closed:
            if self.world.closed.get(self.session) in ("stale_incarnation", "superseded"):
                self.restart()
            self.member = None
            self.register()
            return
        self.listen()
        self.work()
        self.speak()

    def register(self) -> None:
        leaders = [m for m in self.world.members.values() if m.replica.is_leader]
        if not leaders:
            return
        self.member = self.dice.choice(leaders)
        FakeNode.sessions += 1
        self.session, self.read, self.is_welcome = FakeNode.sessions, 0, False
        self.counter = max(1, self.counter)
        manifest = Manifest("demo.noop", 1, "h", b"{}")
        self.member.inbox.append(
            i.NodeOpened(
                self.session,
                Registration(
                    self.name, f"uid-{self.name}", self.counter, f"{self.counter}-x", 8, (manifest,),
                    boot_id="b", pid_namespace="p", old_is_dead=True,
                ),
            )
        )  # fmt: skip

    def restart(self) -> None:
        """A new life: the old one is certainly over."""
        self.counter += 1
        self.alive, self.lease = True, Lease(6_000)
        self.runs, self.ended, self.wanted = {}, {}, {}

    def listen(self) -> None:
        frames = self.world.to_nodes.get(self.session, [])
        for frame in frames[self.read :]:
            if not self.lease.saw_term(frame.term):
                continue
            if frame.welcome is not None:
                self.welcomed(frame.term, frame.welcome.lease_ms)
            if frame.heartbeat is not None:
                answer = frame.heartbeat
                self.lease.accepted(frame.term, answer.sequence, answer.lease_ms)
            if frame.wanted is not None:
                self.wanted = {} if frame.wanted.full else self.wanted
                self.wanted.update({run.task_id: run for run in frame.wanted.runs})
                for task_id in frame.wanted.gone:
                    self.wanted.pop(task_id, None)
                self.reconcile()
            for answer in frame.answers:
                self.ended = {k: v for k, v in self.ended.items() if number_of(k) != answer.number}
        self.read = len(frames)

    def welcomed(self, term: int, lease_ms: int) -> None:
        """The first one opens the session; later ones bring other settings."""
        if self.is_welcome:
            self.lease.shorten(lease_ms)
        else:
            self.lease.welcomed(term, lease_ms)
        self.is_welcome = True

    def reconcile(self) -> None:
        for task_id, allocation in list(self.runs.items()):
            run = self.wanted.get(task_id)
            if run is None or run.allocation_id != allocation:
                del self.runs[task_id]
            elif run.stop_reason is not None:
                del self.runs[task_id]
                self.ended[task_id, allocation] = RunOutcome.CANCELLED

    def work(self) -> None:
        for task_id, run in self.wanted.items():
            key = (task_id, run.allocation_id)
            if run.stop_reason is not None and task_id not in self.runs:
                self.ended.setdefault(key, RunOutcome.ABORTED)
            elif key not in self.ended and task_id not in self.runs and self.may_start:
                self.runs[task_id] = run.allocation_id
        for task_id, allocation in list(self.runs.items()):
            if self.dice.random() < 0.03:
                del self.runs[task_id]
                outcomes = [RunOutcome.SUCCEEDED, RunOutcome.FAILED, RunOutcome.LOST]
                self.ended[task_id, allocation] = self.dice.choice(outcomes)

    def speak(self) -> None:
        lease = self.lease
        sequence = lease.sending(self.now)
        here = [*self.runs.items(), *self.ended]
        digest = 0
        for task_id, allocation in here:
            digest ^= run_digest(_Named(task_id, allocation))
        runs = tuple(LocalRun(task_id, allocation, "running") for task_id, allocation in here)
        beat = Heartbeat(sequence, lease.accepted_sequence, digest, lease.lease_ms, runs)
        reports = tuple(
            Report(number_of(key), *key, "ended", 0, ended=EndedReport(outcome, retry_in_ms=1_000))
            for key, outcome in self.ended.items()
        )
        self.member.inbox.append(i.NodeSaid(self.session, NodeSaying(beat, reports)))


def number_of(key: tuple[str, int]) -> int:
    return crc32(f"{key[0]}#{key[1]}".encode())


@dataclass
class _Named:
    id: str
    allocation_id: int


class Story:
    """Faults for a while, then calm."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.world = World(3, seed=seed, snapshot_every=40)
        self.nodes = [SimNode(self.world, f"n{n}", self.dice) for n in range(4)]
        self.acknowledged: dict[int, str] = {}
        self.cancelled: dict[int, str] = {}
        self.names = 0

    def faults(self) -> None:
        """One in four steps something breaks or is mended."""
        kind = self.dice.randrange(60)
        if kind < 8:
            self.trouble_members(kind)
        elif kind < 16:
            self.trouble_nodes(kind)

    def trouble_members(self, kind: int) -> None:
        world = self.world
        if kind == 0 and len(world.members) == 3:
            world.crash(self.dice.choice(sorted(world.members)))
        elif kind == 1:
            world.partition(self.dice.choice(sorted(world.disks)))
        elif kind < 5:
            self.restart_members()
        else:
            world.heal()

    def restart_members(self) -> None:
        for number in sorted(set(self.world.disks) - set(self.world.members)):
            self.world.start(number)

    def trouble_nodes(self, kind: int) -> None:
        one = self.dice.choice(self.nodes)
        if kind == 8:
            one.crash()
        elif kind == 9:
            one.cut = True
        elif kind == 10:
            one.hang_up()
        elif kind < 13 and not one.alive:
            one.restart()
        elif kind >= 13:
            for node in self.nodes:
                node.cut = False

    def callers(self) -> None:
        if self.dice.random() < 0.4:
            self.names += 1
            ticket = self.ask(wish(f"t{self.names}"))
            self.acknowledged[ticket] = f"t{self.names}"
        if self.names and self.dice.random() < 0.05:
            name = f"t{self.dice.randint(1, self.names)}"
            self.cancelled[self.ask(CancelTask(name))] = name
        if self.dice.random() < 0.04:
            lease, reassign = self.dice.choice(LEASES)
            values = (("nodes.lease", lease), ("nodes.reassign_after", reassign))
            self.ask(SetSettings(values, (), "me"))
        if self.dice.random() < 0.02:
            self.ask(DrainNode("n0", "restart", "test", "me"))
        if self.dice.random() < 0.04:
            self.ask(UndrainNode("n0"))

    def ask(self, one: i.Wish) -> int:
        self.world.tickets += 1
        member = self.dice.choice(list(self.world.members.values()))
        member.inbox.append(i.Submit(self.world.tickets, (i.Asked(one),)))
        return self.world.tickets

    def pass_time(self) -> None:
        self.world.run(STEP)
        for node in self.nodes:
            node.step()
        self.world.settle()
        self.no_two_runs_of_one_task()
        assert not self.world.halted

    def no_two_runs_of_one_task(self) -> None:
        """G6, as the nodes have it."""
        seen: dict[str, str] = {}
        for node in self.nodes:
            for task_id in node.runs:
                assert task_id not in seen, f"{task_id} runs on {seen[task_id]} and {node.name}"
                seen[task_id] = node.name

    def calm(self) -> None:
        self.world.heal()
        self.restart_members()
        for node in self.nodes:
            node.cut = False
            if not node.alive:
                node.restart()
        self.world.leader()
        self.ask(UndrainNode("n0"))
        self.ask(SetSettings((), ("nodes.lease", "nodes.reassign_after"), "me"))

    def done(self, tickets: dict[int, str]) -> list[str]:
        """Names whose call was acknowledged as accepted."""
        answers = self.world.answers
        return [
            name
            for ticket, name in tickets.items()
            if isinstance(answers.get(ticket), e.Reply)
            and isinstance(answers[ticket].outcomes[0], Accepted)
        ]


@pytest.mark.parametrize("seed", range(12))
def test_under_faults_nothing_runs_twice_and_nothing_acknowledged_is_lost(seed: int) -> None:
    story = Story(seed)
    for _ in range(FAULTY_MS // STEP):
        story.faults()
        story.callers()
        story.pass_time()
    story.calm()
    for _ in range(CALM_MS // STEP):
        story.pass_time()
    story.world.run(500)
    states = [member.replica.state for member in story.world.members.values()]
    for state in states:
        check(state)
    assert len({b"".join(encode(freeze(state))) for state in states}) == 1
    tasks = states[0].tasks
    assert set(story.done(story.acknowledged)) <= set(tasks)
    assert len(story.done(story.acknowledged)) > 10
    for name in story.done(story.cancelled):
        assert tasks[name].status is Status.CANCELLED, name
    assert {node.status for node in states[0].nodes.values()} == {"ready"}
    left = [task for task in tasks.values() if task.status is Status.UNASSIGNED]
    used = sum(use.units for use in states[0].use.values())
    room = sum(node.units for node in states[0].nodes.values()) - used
    assert not left or room < 2, [task.assignment for task in left]
    finished = [task for task in tasks.values() if task.is_terminal]
    assert len(finished) > len(tasks) // 2
