"""Heartbeats of one term: heard at once, accepted only through a quorum; and what they say of runs (L5, PT-62)."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.machine.commands import LoseRuns, Request
from coordinator.model.instants import Millis
from coordinator.model.nodes import UNITS_PER_NORMAL_TASK, NodeStatus
from coordinator.replica.bench import Bench
from coordinator.replica.fanout import MISMATCH_MS, Session
from coordinator.replica.leases import Leases
from coordinator.replica.proposals import Answer, Proposal, Proposals
from coordinator.replica.reads import Beat, Reads
from coordinator.replica.sayings import Heartbeat, HeartbeatAnswer, LocalRun

NODES_AT_FULL_BEAT = 200


class Heartbeats:
    """What is to be told goes into the session; `Sessions` sends it."""

    def __init__(self, bench: Bench, leases: Leases, proposals: Proposals, reads: Reads) -> None:
        self._bench = bench
        self._leases = leases
        self._proposals = proposals
        self._reads = reads
        self.on_room: Callable[[], None] = lambda: None  # a node takes more again

    def heard(self, session: Session, beat: Heartbeat) -> None:
        """Its acceptance waits for a quorum round that begins after now."""
        now = self._bench.now.steady
        session.loop_lag_ms, session.rss_bytes = beat.loop_lag_ms, beat.rss_bytes
        session.overload = beat.overload
        self._effective(session, beat.effective_capacity * UNITS_PER_NORMAL_TASK)
        self._leases.reported(session.name, beat.accepted_sequence, beat.lease_ms, now)
        self._reads.beat(
            Beat(session.number, session.name, session.incarnation, beat.sequence, now)
        )
        self._compare(session, beat)

    def _effective(self, session: Session, units: int) -> None:
        """What may be placed there from now on; 0: all that it has. Runs that are there stay (TM-62)."""
        effective = self._bench.view.load.effective
        before = effective.get(session.name, 0)
        if before == units:
            return
        if units:
            effective[session.name] = units
        else:
            del effective[session.name]
        if before and (not units or units > before):
            self.on_room()

    def accept(self, session: Session, beat: Beat) -> bool:
        """The round that began after its arrival has succeeded, and its index is applied (L5).

        True if it is accepted: then the session has an answer to be sent.
        """
        node = self._bench.state.nodes.get(beat.name)
        if node is None or node.incarnation != beat.incarnation:
            return False
        if node.status is not NodeStatus.READY:
            return False
        if not self._leases.accept(beat.name, beat.sequence, beat.received, self._bench.now.steady):
            return False
        lease = self._bench.state.settings.lease_ms
        session.heartbeat = HeartbeatAnswer(beat.sequence, self._beat_ms(), lease)
        return True

    def _beat_ms(self) -> Millis:
        """Beyond 200 nodes the beat is stretched, up to L / 4: so many nodes beat as often together."""
        settings, connected = self._bench.state.settings, len(self._bench.view.connected)
        stretched = settings.heartbeat_ms * connected // NODES_AT_FULL_BEAT
        return max(settings.heartbeat_ms, min(stretched, settings.lease_ms // 4))

    def _compare(self, session: Session, beat: Heartbeat) -> None:
        """A digest that differs for long means a run that only one side knows of (PT-62)."""
        now = self._bench.now.steady
        if beat.runs is not None and session.differs_since:
            self._vanished(session, beat.runs)
        if session.revision < 0 or beat.runs_digest == session.expected:
            session.differs_since = 0
        elif not session.differs_since:
            session.differs_since = now
        elif now - session.differs_since >= MISMATCH_MS:
            session.send_runs = True

    def _vanished(self, session: Session, runs: tuple[LocalRun, ...]) -> None:
        here = {(run.task_id, run.allocation_id) for run in runs}
        state, at = self._bench.state, self._bench.at
        gone = tuple(
            (task_id, state.tasks[task_id].allocation_id)
            for task_id in state.on_node.get(session.name, {})
            if (task_id, state.tasks[task_id].allocation_id) not in here
            and at - state.tasks[task_id].assigned_at >= MISMATCH_MS
        )
        if gone:
            command = LoseRuns(session.name, session.incarnation, gone, "vanished")
            self._proposals.add(Proposal(Request(command), _nobody_waits))


def _nobody_waits(_: Answer) -> None:
    """What it changed is seen in the state."""
