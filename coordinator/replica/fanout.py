"""What each connected node is told: the whole wanted set once, then changes by revision.

One frame per node and turn carries everything: changes, answers to reports, an accepted heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from coordinator.model.ids import Incarnation, NodeName, TaskId
from coordinator.model.instants import Millis
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task
from coordinator.replica.sayings import (
    HeartbeatAnswer,
    LeaderSaying,
    Registration,
    ReportAnswer,
    Wanted,
    WantedRun,
    Welcome,
)

MISMATCH_MS = 5_000  # a run the node does not know is given up after this (PT-62)


class Session(msgspec.Struct, gc=False):
    """One open stream of a node whose incarnation the log has accepted, or is about to."""

    number: int
    name: NodeName
    incarnation: Incarnation
    registration: Registration
    accepted: bool = False
    revision: int = -1  # what the node has been told; -1: nothing yet
    changed: dict[TaskId, None] = msgspec.field(default_factory=dict)
    answers: list[ReportAnswer] = msgspec.field(default_factory=list)
    heartbeat: HeartbeatAnswer | None = None
    welcome: Welcome | None = None
    expected: int = 0  # digest of the runs we believe to be there
    differs_since: Millis = 0
    send_runs: bool = False
    loop_lag_ms: Millis = 0
    rss_bytes: int = 0
    draining_asked: bool = False

    @property
    def has_something(self) -> bool:
        return bool(
            self.changed or self.answers or self.heartbeat or self.welcome or self.send_runs
        ) or (self.accepted and self.revision < 0)


def run_digest(task: Task) -> int:
    """64 bits of one run: the first eight bytes, little endian, of BLAKE2b-64 over its name."""
    name = f"{task.id}#{task.allocation_id}".encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little")


def belongs_to(task: Task | None, session: Session) -> bool:
    return (
        task is not None
        and task.assignment.node == session.name
        and task.assignment.incarnation == session.incarnation
    )


def matters(old: Task | None, new: Task | None) -> bool:
    """Whether the change is news for a node: a run comes, goes or is to stop. State is not."""
    if old is None or new is None:
        return True
    return old.allocation_id != new.allocation_id or old.stop_reason is not new.stop_reason


def wanted_run(task: Task) -> WantedRun:
    """The run exactly as the record holds it (PT-54)."""
    policy = task.policy
    return WantedRun(
        task_id=task.id,
        allocation_id=task.allocation_id,
        stop_reason=None if task.stop_reason is None else task.stop_reason.value,
        executor=task.executor,
        executor_version=task.executor_version,
        params=task.params,
        state=task.state,
        state_version=task.state_version,
        state_allocation_id=task.state_allocation_id,
        attempt=task.attempt,
        timeout_ms=policy.timeout_ms,
        cancel_grace_ms=policy.cancel_grace_ms,
        exclusive=policy.exclusive,
        isolation=policy.isolation,
        cost=policy.cost,
        labels=task.spec.labels,
        headers=task.spec.headers,
        due_at=task.due_at,
        own_process=task.own_process,
    )


def frame_for(session: Session, state: ClusterState, term: int) -> LeaderSaying:
    """All that waits for this node; the session is up to date afterwards."""
    saying = LeaderSaying(
        term,
        session.welcome,
        session.heartbeat,
        _wanted(session, state),
        tuple(session.answers),
        session.send_runs,
    )
    session.welcome = session.heartbeat = None
    session.answers = []
    session.send_runs = False
    return saying


def _wanted(session: Session, state: ClusterState) -> Wanted | None:
    if not session.accepted:
        return None
    if session.revision < 0:
        tasks = _tasks(session, state, state.on_node.get(session.name, ()))
        session.expected = 0
        for task in tasks:
            session.expected ^= run_digest(task)
        session.revision = state.revision
        session.changed = {}
        return Wanted(True, state.revision, 0, tuple(wanted_run(t) for t in tasks))
    if not session.changed:
        return None
    tasks = _tasks(session, state, session.changed)
    here = {task.id for task in tasks}
    gone = tuple(task_id for task_id in session.changed if task_id not in here)
    wanted = Wanted(
        False, state.revision, session.revision, tuple(wanted_run(t) for t in tasks), gone
    )
    session.revision = state.revision
    session.changed = {}
    return wanted


def _tasks(session: Session, state: ClusterState, ids: Iterable[TaskId]) -> list[Task]:
    found = (state.tasks.get(task_id) for task_id in ids)
    return [task for task in found if task is not None and belongs_to(task, session)]
