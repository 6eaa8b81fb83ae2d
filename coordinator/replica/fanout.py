"""What each connected node is told: the whole wanted set once, then changes by revision.

One frame per node and turn carries everything: changes, answers to reports, an accepted heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec

from coordinator.model.ids import Incarnation, NodeName, TaskId
from coordinator.model.instants import Millis
from coordinator.model.limits import MIB, RECORD_BYTES
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task
from coordinator.replica.sayings import (
    HeartbeatAnswer,
    LeaderSaying,
    Registration,
    ReportAnswer,
    RunCall,
    Wanted,
    WantedRun,
    Welcome,
)

FRAME_BYTES = 2 * MIB  # of runs in one frame; a larger run has a frame of its own
CALLS_IN_FRAME = 8  # each of them may be 256 KiB large
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
    calls: list[RunCall] = msgspec.field(default_factory=list)
    heartbeat: HeartbeatAnswer | None = None
    welcome: Welcome | None = None
    expected: int = 0  # digest of the runs we believe to be there
    differs_since: Millis = 0
    send_runs: bool = False
    loop_lag_ms: Millis = 0
    rss_bytes: int = 0
    overload: str = ""  # why the node takes less than it could, or did so until just now
    draining_asked: bool = False

    @property
    def has_something(self) -> bool:
        return bool(
            self.changed
            or self.answers
            or self.heartbeat
            or self.welcome
            or self.send_runs
            or self.calls
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
        max_attempts=policy.max_attempts,
        parent=task.spec.parent,
        invalid_state=policy.invalid_state,
    )


def frames_for(session: Session, state: ClusterState, term: int) -> Iterator[LeaderSaying]:
    """All that waits for this node; the session is up to date afterwards.

    Mostly one frame. A set that is too large for it comes in parts, what is urgent with the first.
    """
    first, *rest = _wanted(session, state) or (None,)
    saying = LeaderSaying(
        term,
        session.welcome,
        session.heartbeat,
        first,
        tuple(session.answers),
        session.send_runs,
    )
    session.welcome = session.heartbeat = None
    session.answers = []
    session.send_runs = False
    yield saying
    for wanted in rest:
        yield LeaderSaying(term, wanted=wanted)
    calls, session.calls = session.calls, []
    for begin in range(0, len(calls), CALLS_IN_FRAME):  # after the set that names their runs
        yield LeaderSaying(term, calls=tuple(calls[begin : begin + CALLS_IN_FRAME]))


def _wanted(session: Session, state: ClusterState) -> tuple[Wanted, ...]:
    if not session.accepted:
        return ()
    if session.revision < 0:
        return _full_set(session, state)
    if not session.changed:
        return ()
    tasks = _tasks(session, state, session.changed)
    here = {task.id for task in tasks}
    gone = tuple(task_id for task_id in session.changed if task_id not in here)
    previous, session.revision = session.revision, state.revision
    session.changed = {}
    *parts, last = _parts(tasks)
    # Each but the last leaves the node where it was, so that a lost one is noticed as a gap.
    told = [Wanted(False, previous, previous, part) for part in parts]
    return (*told, Wanted(False, state.revision, previous, last, gone))


def _full_set(session: Session, state: ClusterState) -> tuple[Wanted, ...]:
    tasks = _tasks(session, state, state.on_node.get(session.name, ()))
    session.expected = 0
    for task in tasks:
        session.expected ^= run_digest(task)
    session.revision = state.revision
    session.changed = {}
    *parts, last = _parts(tasks)
    told = [Wanted(True, state.revision, 0, part, more=True) for part in parts]
    return (*told, Wanted(True, state.revision, 0, last))


def _parts(tasks: Iterable[Task]) -> Iterator[tuple[WantedRun, ...]]:
    """In order, each small enough for a frame; at least one, perhaps empty."""
    part: list[WantedRun] = []
    left = FRAME_BYTES
    for task in tasks:
        weight = RECORD_BYTES + len(task.params) + len(task.state or b"")
        if part and weight > left:
            yield tuple(part)
            part, left = [], FRAME_BYTES
        part.append(wanted_run(task))
        left -= weight
    yield tuple(part)


def _tasks(session: Session, state: ClusterState, ids: Iterable[TaskId]) -> list[Task]:
    found = (state.tasks.get(task_id) for task_id in ids)
    return [task for task in found if task is not None and belongs_to(task, session)]
