"""The task record: what was asked, what was decided, what its runs said."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from coordinator.model.concurrency import TaskLimit
from coordinator.model.constraints import Constraints
from coordinator.model.ids import NO_ALLOCATION, AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.instants import HOUR, MINUTE, SECOND, Instant, Millis
from coordinator.model.schedules import Schedule, Series

Pairs: TypeAlias = tuple[
    tuple[str, str], ...
]  # sorted by key: a dict would have an order of its own


class Status(StrEnum):
    UNASSIGNED = "unassigned"
    WAITING = "waiting"
    PAUSED = "paused"
    ASSIGNED = "assigned"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
HAS_NODE = frozenset({Status.ASSIGNED, Status.RUNNING, Status.STOPPING})


class Desired(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class RunOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    WARNING = "warning"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    ABORTED = "aborted"


class StopReason(StrEnum):
    """Why a run was asked to end; a stronger one replaces a weaker one (PT-15)."""

    MOVE = "move"
    REPLACE = "replace"
    PAUSE = "pause"
    TIMEOUT = "timeout"
    CANCEL = "cancel"


STRENGTH = {reason: rank for rank, reason in enumerate(StopReason)}


class Code(StrEnum):
    """Why a task is where it is (PT-35)."""

    ASSIGNED = "assigned"
    PAUSED = "paused"
    NOT_DUE = "not_due"
    BACKOFF = "backoff"
    DEPENDENCY = "dependency"
    ASSIGNMENT_DISABLED = "assignment_disabled"
    TYPE_PAUSED = "type_paused"
    STOPPING = "stopping"
    CONCURRENCY_LIMIT = "concurrency_limit"
    NO_NODES = "no_nodes"
    NO_EXECUTOR = "no_executor"
    OLDER_EXECUTOR = "older_executor"
    DRAINING = "draining"
    CONSTRAINTS = "constraints"
    EXCLUDED = "excluded"
    RESERVED = "reserved"
    NO_CAPACITY = "no_capacity"
    EXECUTOR_REFUSED = "executor_refused"
    LAZY = "lazy"
    AWAITING_INPUT = "awaiting_input"
    ASSIGNER_ERROR = "assigner_error"
    ASSIGNER_TIMEOUT = "assigner_timeout"
    ASSIGNER_MISSING = "assigner_missing"
    INVALID_CHOICE = "invalid_choice"
    AWAITING_FIRST_ASSIGNMENT = "awaiting_first_assignment"
    NODE_LOST = "node_lost"
    ABORTED_HERE = "aborted_here"
    MOVE_PENDING = "move_pending"
    HELD_FOR_NODE = "held_for_node"
    FINISHED = "finished"


class Backoff(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Wait after the n-th failed attempt in a row (TM-37).

    exponential: exactly `first_ms` after the first, then an upper bound of base x 2^(n-2), at most
    the cap, with jitter full (uniform below it), half or none. fixed: always `first_ms`.
    """

    kind: str = "exponential"
    first_ms: Millis = 30 * SECOND
    base_ms: Millis = 5 * MINUTE
    cap_ms: Millis = HOUR
    jitter: str = "full"


DEFAULT_BACKOFF = Backoff()
OF_A_RUN = (
    "cost",
    "timeout_ms",
    "cancel_grace_ms",
    "exclusive",
    "isolation",
)  # of a policy: a run keeps its own


class TaskSpec(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the caller asked; None where nothing was asked. Equality of specs looks at this."""

    due_at: Instant | None = None
    priority: int | None = None
    cost: int | None = None
    timeout_ms: Millis | None = None  # 0 = no limit
    max_attempts: int | None = None  # 0 = unlimited
    backoff: Backoff | None = None
    on_lost: str | None = None
    cancel_grace_ms: Millis | None = None
    retention_ms: Millis | None = None
    labels: Pairs = ()
    headers: Pairs = ()
    exclusive: bool | None = None
    isolation: str | None = None
    object_kind: str = ""
    object_id: str = ""
    parent: str = ""  # task that it belongs to; "" for none
    constraints: Constraints | None = None
    schedule: Schedule | None = None  # a recurring task has one
    after: tuple[str, ...] = ()  # ids of tasks that have to end first (TM-67)
    until: str = ""  # of `after`: succeeded (the default), finished
    on_dependency_failure: str = ""  # fail (the default), run
    dedup_key: str = ""  # at most one active task of its executor has it (TM-66)
    within_occurrence: bool | None = None
    reset_after_ms: Millis | None = None
    invalid_state: str | None = None
    movable: bool | None = None


class Policy(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The policy in force, resolved by the leader: what was asked, filled up by the manifest."""

    priority: int = 50
    cost: int = 2  # units
    timeout_ms: Millis = 0
    max_attempts: int = 3
    backoff: Backoff = DEFAULT_BACKOFF
    on_lost: str = "rerun"
    cancel_grace_ms: Millis = 10 * SECOND
    retention_ms: Millis = -1  # -1: the default of its final status
    exclusive: bool = True
    movable: bool = True
    isolation: str = "shared"
    within_occurrence: bool = False  # a failed occurrence is tried again before the next (TM-38)
    reset_after_ms: Millis = (
        0  # a run that lasted so long begins the row of attempts anew (TM-39); 0: none does
    )
    invalid_state: str = "fail"  # fail, raw (TM-53)


def with_asked(policy: Policy, spec: TaskSpec) -> Policy:
    """The policy with what the spec asks in its place."""
    asked = {
        name: value
        for name in Policy.__struct_fields__
        if (value := getattr(spec, name, None)) is not None
    }
    return replace(policy, **asked)


class Assignment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Desired truth: where the run is to be, or why nowhere. The text is canonical (PT-8)."""

    node: NodeName | None = None
    incarnation: Incarnation | None = None
    code: Code = Code.AWAITING_FIRST_ASSIGNMENT
    explanation: str = ""


class LastOutcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How the last run ended. Results over 1 KiB and errors are in the runs table only."""

    outcome: RunOutcome
    allocation_id: AllocationId
    reason: str
    ended_at: Instant
    node: str
    duration_ms: Millis
    result: bytes | None = None
    error_text: str = ""  # "Type: message", at most 256 characters


class Task(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One persistent task. Four groups never overwrite one another: intent, assignment, state, result."""

    id: TaskId
    executor: str
    executor_version: int
    params: bytes
    spec: TaskSpec
    policy: Policy
    desired: Desired
    status: Status
    assignment: Assignment
    allocation_id: AllocationId
    created_at: Instant
    updated_at: Instant
    created_revision: int
    revision: int
    due_at: Instant = 0  # since when it wants a node, or will; 0: since its creation
    attempts: int = 0
    losses: int = 0  # lost runs in a row (PT-66)
    own_process: bool = False  # its last worker died: the next run gets a process of its own
    stop_reason: StopReason | None = None
    stopping_since: Instant = 0
    assigned_at: Instant = 0
    started_at: Instant = 0
    finished_at: Instant = 0
    expires_at: Instant = 0
    last_outcome: LastOutcome | None = None
    state: bytes | None = None
    state_version: int = 0
    state_allocation_id: AllocationId = NO_ALLOCATION
    state_seq: int = 0
    description: str = ""
    cause: str = "start"  # of the current or next run
    purge: bool = False  # remove the record as soon as it has ended
    wake_at: Instant = 0  # of a waiting task: due or end of back-off
    edited_revision: int = 0  # of the last edit of params or spec; 0: as it was created
    next_policy: Policy | None = None  # of the next run, where the current one has its own
    rerun: bool = False  # the current run alone was cancelled: the task runs again (PT-30)
    stop_text: str = ""  # what whoever asked the run to end gave as reason
    limits: tuple[TaskLimit, ...] = ()  # it stands under these while it has a node
    next_limits: tuple[TaskLimit, ...] | None = None  # as next_policy
    declared: str = ""  # digest of the params that its executor declared last (PT-84); else empty
    paused_until: Instant = 0  # then a paused task is wanted again; 0: when somebody says so
    series: Series | None = None  # of a recurring task
    run_again: bool = False  # a one-off whose run is to be followed by another (TM-29)
    end_reason: str = ""  # of a failed task: why it is a dead letter (TM-55)
    set_by: Pairs = ()  # field group -> operator or run, where it was not code (TM-23)
    clear_state: bool = False  # its state goes when its run has ended (TM-34)
    past_fates: int = 0  # ranges of fates from when it was a series before; it is none any more
    waited: bool = (
        False  # what it had to come after has ended in time: nobody looks at it again (TM-67)
    )

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def has_node(self) -> bool:
        return self.assignment.node is not None

    @property
    def attempt(self) -> int:
        """Number of the attempt in progress or to come (TM-36)."""
        return self.attempts + 1

    @property
    def state_is_current(self) -> bool:
        """Whether the current run wrote the state (PT-5)."""
        return self.state_allocation_id == self.allocation_id
