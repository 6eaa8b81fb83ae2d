"""Leases on the world's true time: who executes what, when, and with which right (spec 2.4).

The lease is computed here anew, from the instants at which heartbeats left and answers came, so that a node that
deludes itself is found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.client.node_values import FromLeader, Heartbeat
from coordinator.replica.sayings import LeaderSaying
from node import frames
from tests.simulation.checkers.intervals import Interval
from tests.simulation.executors import BY_NAME
from tests.simulation.laws import Broken
from tests.simulation.node_faults import LIES_FROM
from tests.simulation.timeline import SECOND

if TYPE_CHECKING:
    from tests.simulation.agent import AgentLife
    from tests.simulation.member import MemberLife
    from tests.simulation.workers import Run, WorkerLife
    from tests.simulation.world import World

ROUNDING_MS = 2


@dataclass
class _Right:
    """Of one incarnation. Instants of the node's steady clock in ms; `true_at` in us of the world."""

    sent: dict[int, tuple[int, int]] = field(default_factory=dict)  # sequence -> (local, true)
    term: int = 0
    until: int = -1
    lease: int = 0


class LeaseLaws:
    """One per world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rights: dict[AgentLife, _Right] = {}
        self.accepted = 0

    def born(self, agent: AgentLife) -> None:
        self._rights[agent] = _Right()

    def sent(self, agent: AgentLife, heartbeat: Heartbeat) -> None:
        now = (agent.place.clock.steady_ms(), agent.timeline.now)
        self._rights[agent].sent[heartbeat.sequence] = now

    def answered(self, server: MemberLife, agent: AgentLife, said: LeaderSaying) -> None:
        """What a leader accepts was sent before any later leader was elected (L5); it believes no lie (G5)."""
        for answer in said.answers:
            if answer.number >= LIES_FROM and answer.accepted:
                raise Broken("G5 stale reports are refused", f"{server.name} to {agent.place.name}")
            self._world.tally["lies refused"] += answer.number >= LIES_FROM
        if said.heartbeat is None:
            return
        self.accepted += 1
        self._world.laws.consensus.leads_in_truth(server, f"accepts {agent.place.name}")
        _, sent_at = self._rights[agent].sent[said.heartbeat.sequence]
        for term, since in self._world.laws.consensus.led_since.items():
            if term > said.term and since <= sent_at:
                text = f"{server.name} in term {said.term} accepts what {agent.place.name} sent at {sent_at / SECOND:.3f} s; term {term} began at {since / SECOND:.3f} s"
                raise Broken("L5 acceptance needs a quorum", text)

    def heard(self, agent: AgentLife, frame: FromLeader) -> None:
        right = self._rights[agent]
        if frame.term < right.term:
            return
        right.term = frame.term
        answer = frame.heartbeat
        if answer is not None and answer.sequence in right.sent:
            right.until = max(right.until, right.sent[answer.sequence][0] + answer.lease_ms)
            right.lease = answer.lease_ms

    def look(self, agent: AgentLife) -> None:
        """After every input: no exclusive run beyond the lease."""
        for worker in agent.workers.values():
            runs = worker.runs.values() if worker.alive else ()
            for run in runs:
                if not run.over and run.executor.exclusive:
                    self._within(agent, run, agent.place.clock.steady_ms())

    def _within(self, agent: AgentLife, run: Run, local: int) -> None:
        right = self._rights[agent]
        if local > right.until + ROUNDING_MS:
            name = f"{run.start.task_id}#{run.start.allocation_id}"
            text = f"{name} on {agent.place.name} executes {local - right.until} ms after its lease"
            raise Broken("L2 no exclusive run beyond the lease", text)

    def telling(self, agent: AgentLife, start: frames.Start) -> None:
        """An exclusive run is started only while 0.4 L is left."""
        right = self._rights[agent]
        left = right.until - agent.place.clock.steady_ms()
        if BY_NAME[start.executor].exclusive and left < right.lease * 4 // 10 - ROUNDING_MS:
            text = f"{start.task_id}#{start.allocation_id} on {agent.place.name}, {left} ms left"
            raise Broken("L2 a start needs 0.4 L", text)


class Intervals:
    """When user code of each run was executing, in true time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all: list[Interval] = []
        self._open: dict[int, tuple[WorkerLife, Run, Interval]] = {}
        self._exclusive: dict[str, Interval] = {}  # task id -> the open one
        self._last: dict[str, Interval] = {}

    def began(self, worker: WorkerLife, run: Run) -> None:
        start = run.start
        place = worker.agent.place
        interval = Interval(
            start.task_id, start.allocation_id, place.name, run.executor.exclusive,
            place.world.timeline.now,
        )  # fmt: skip
        self.all.append(interval)
        if start.allocation_id in self._open:
            raise Broken("one run per allocation", f"{start.task_id}#{start.allocation_id} twice")
        self._open[start.allocation_id] = (worker, run, interval)
        if not run.executor.exclusive:
            return
        other = self._exclusive.get(start.task_id)
        if other is not None and not self._sleeps(other):
            raise Broken("G6 no overlap", f"{interval} while {other} executes")
        last = self._last.get(start.task_id)
        if last is not None and last.token >= interval.token:
            raise Broken("G7 tokens grow", f"{interval} after {last}")
        self._exclusive[start.task_id] = self._last[start.task_id] = interval

    def _sleeps(self, interval: Interval) -> bool:
        """A stopped process executes nothing; whether it ever does again is seen at the end."""
        worker, _, _ = self._open[interval.token]
        return worker.frozen_until > self._world.timeline.now

    def ended(self, allocation_id: int, at: int) -> None:
        worker, run, interval = self._open.pop(allocation_id)
        interval.end = at
        if run.executor.exclusive:
            if self._exclusive.get(run.start.task_id) is interval:
                del self._exclusive[run.start.task_id]
            agent = worker.agent
            passed = (agent.timeline.now - at) * 101 // 100_000
            local = agent.place.clock.steady_ms() - passed
            self._world.leases._within(agent, run, local)

    def most_exclusive(self) -> str:
        """The node on which most exclusive runs execute; '' if none does."""
        nodes = [interval.node for interval in self._exclusive.values()]
        return max(sorted(set(nodes)), key=nodes.count, default="")

    @property
    def executing(self) -> int:
        return len(self._open)
