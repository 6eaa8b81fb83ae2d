"""What a node and the leader say to each other, as plain values (the wire is the door's business)."""

from __future__ import annotations

import msgspec

from coordinator.machine.endings import bad_schedule_error
from coordinator.machine.outcome import Refusal, Refused
from coordinator.model.features import FIRST
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.nodes import LoadError, Manifest
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Pairs, RunOutcome, TaskSpec


class Registration(msgspec.Struct, frozen=True, gc=False):
    """First words of a session. `cluster_id` is that of the node's last cluster, or empty.

    `boot_counter`: larger for a later boot of the same `machine`; 0 and empty: unknown.
    """

    name: NodeName
    uid: str
    counter: int
    incarnation: Incarnation
    capacity: int
    manifests: tuple[Manifest, ...]
    attributes: Pairs = ()
    load_errors: tuple[LoadError, ...] = ()
    boot_id: str = ""
    pid_namespace: str = ""
    old_is_dead: bool = False
    rejoin: bool = False
    version: str = ""
    python: str = ""
    cluster_id: str = ""
    feature_level: int = FIRST
    boot_counter: int = 0
    machine: str = ""


class LocalRun(msgspec.Struct, frozen=True, gc=False):
    task_id: TaskId
    allocation_id: AllocationId
    state: str  # starting running stopping ended


class Heartbeat(msgspec.Struct, frozen=True, gc=False):
    """`runs` is None unless the node lists its runs. `lease_ms`: the L it counts with.

    `effective_capacity`: what it takes for now, 0 for all of it; `overload` says why, and stays a while after.
    """

    sequence: int
    accepted_sequence: int
    runs_digest: int
    lease_ms: Millis
    runs: tuple[LocalRun, ...] | None = None
    loop_lag_ms: Millis = 0
    rss_bytes: int = 0
    effective_capacity: int = 0
    overload: str = ""


class EndedReport(msgspec.Struct, frozen=True, gc=False):
    """`reported`: what the code did, where a stop made something else of it (PT-16); else empty."""

    outcome: RunOutcome
    reason: str = ""
    result: bytes | None = None
    error: bytes | None = None
    permanent: bool = False
    retry_in_ms: Millis = -1  # -1: by policy
    logs: bytes | None = None
    lasted_ms: Millis = 0
    handed_back: bool = False
    worker_died: bool = False
    reported: str = ""
    log_counts: tuple[int, ...] = ()  # debug, info, warning, error; empty: none were written
    again_in_ms: Millis = -1  # the run asks to run once more then; -1: it does not
    schedule: Schedule | None = None  # the run asks for this one from now on
    then: str = ""  # pause, end


def bad_schedule(
    reported: RunOutcome, why: str, logs: bytes | None, lasted_ms: Millis
) -> EndedReport:
    """The end of a run that returned a schedule that cannot be: a failure of its code, not tried again (TM-4)."""
    return EndedReport(
        RunOutcome.FAILED,
        Refusal.INVALID_SCHEDULE,
        error=bad_schedule_error(why),
        permanent=True,
        logs=logs,
        lasted_ms=lasted_ms,
        reported=reported.value,
    )


class NewChild(msgspec.Struct, frozen=True, gc=False):
    """A task that a run starts under its own (PT-77). `refusal`: the door's word on what does not fit."""

    key: str
    executor: str
    params: bytes
    spec: TaskSpec
    paused: bool = False
    refusal: Refused | None = None


class Report(msgspec.Struct, frozen=True, gc=False):
    """News of one run; `number` grows within an incarnation and is answered.

    `stop_reason`: why the node itself asked the run to end (timeout); the other reasons are ours.
    """

    number: int
    task_id: TaskId
    allocation_id: AllocationId
    kind: str  # started state stopping ended child poke
    started_ago_ms: Millis = -1
    has_state: bool = False
    state_seq: int = 0
    state: bytes | None = None
    state_version: int = 0
    ended: EndedReport | None = None
    stop_reason: str = ""
    child: NewChild | None = None
    poke: str = ""  # the executor whose tasks are to be looked at again (PT-52)


class LiveProgress(msgspec.Struct, frozen=True, gc=False):
    task_id: TaskId
    allocation_id: AllocationId
    done: float
    total: float | None
    message: str


class LiveLog(msgspec.Struct, frozen=True, gc=False):
    task_id: TaskId
    allocation_id: AllocationId
    at: Instant
    level: str
    event: str
    fields: bytes


class CallAnswer(msgspec.Struct, frozen=True, gc=False):
    """What a run's code answered; `reason` not empty: why it did not."""

    call: int
    payload: bytes = b""
    reason: str = ""
    detail: str = ""


class NodeSaying(msgspec.Struct, frozen=True, gc=False):
    """One frame of a node: all that waited."""

    heartbeat: Heartbeat | None = None
    reports: tuple[Report, ...] = ()
    progress: tuple[LiveProgress, ...] = ()
    logs: tuple[LiveLog, ...] = ()
    goodbye: bool = False
    drain: bool = False
    offers: tuple[Manifest, ...] | None = None  # a changed offer
    load_errors: tuple[LoadError, ...] | None = None
    call_answers: tuple[CallAnswer, ...] = ()


class WantedRun(msgspec.Struct, frozen=True, gc=False):
    """What the leader wants of one run: run it, or stop it for a reason."""

    task_id: TaskId
    allocation_id: AllocationId
    stop_reason: str | None
    executor: str
    executor_version: int
    params: bytes
    state: bytes | None
    state_version: int
    state_allocation_id: AllocationId
    attempt: int
    timeout_ms: Millis
    cancel_grace_ms: Millis
    exclusive: bool
    isolation: str
    cost: int
    labels: Pairs
    headers: Pairs
    due_at: Instant
    own_process: bool
    max_attempts: int = 0  # 0: unlimited
    parent: str = ""
    invalid_state: str = "fail"


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """The whole set (`full`), or the changes after revision `previous`.

    `more`: further parts of a full set follow; only all of them together are the set.
    """

    full: bool
    revision: int
    previous: int
    runs: tuple[WantedRun, ...]
    gone: tuple[TaskId, ...] = ()
    more: bool = False


class HeartbeatAnswer(msgspec.Struct, frozen=True, gc=False):
    sequence: int
    heartbeat_ms: Millis
    lease_ms: Millis


class ReportAnswer(msgspec.Struct, frozen=True, gc=False):
    number: int
    accepted: bool
    reason: str = ""
    current_allocation_id: int = 0
    revision: int = 0
    detail: str = ""  # of a refused child
    created: bool = False  # of a child


class Welcome(msgspec.Struct, frozen=True, gc=False):
    cluster_id: str
    leader: str
    heartbeat_ms: Millis
    lease_ms: Millis
    reassign_ms: Millis
    coordinators: tuple[str, ...]
    disconnect_grace_ms: Millis


class RunCall(msgspec.Struct, frozen=True, gc=False):
    """Somebody asks a run (PT-85). `payload` is JSON; nobody waits for longer than `timeout_ms`."""

    call: int
    task_id: TaskId
    allocation_id: AllocationId
    method: str
    payload: bytes
    timeout_ms: Millis
    headers: Pairs = ()


class LeaderSaying(msgspec.Struct, frozen=True, gc=False):
    """One frame of the leader."""

    term: int
    welcome: Welcome | None = None
    heartbeat: HeartbeatAnswer | None = None
    wanted: Wanted | None = None
    answers: tuple[ReportAnswer, ...] = ()
    send_runs: bool = False
    calls: tuple[RunCall, ...] = ()
