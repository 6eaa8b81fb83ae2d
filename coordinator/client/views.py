"""What callers see of tasks and runs: read-only pictures with the field names of our JSON (EX-17 to EX-20).

Fields that end in `_at` are int milliseconds since 1970 here and RFC 3339 text in JSON (`serializer.py` turns them);
configured durations are text in both (`"10m"`, `"none"` for no limit); measured ones end in `_ms`. What is absent is
None, never left out. Params, state, results and errors are the user's own JSON, decoded.

A new field is appended to its class; within `v1` none is renamed or taken away.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from coordinator.client.series_views import Series

Json = Any
"""A decoded JSON value: None, bool, int, float, str, list or dict."""

FINISHED = ("succeeded", "failed", "cancelled")
"""Statuses in which a task has ended for good."""
ON_A_NODE = ("assigned", "running", "stopping")
"""Statuses in which a task holds a node."""


class Answer(Struct, frozen=True):
    """What an answer reflects, and who gave it."""

    revision: int = 0
    member: str = ""
    term: int = 0
    leader: str = ""
    leader_address: str = ""
    stale: bool = False
    age_ms: int = 0
    forwarded: bool = False


class Retry(Struct, frozen=True):
    """How failures are repeated; `max_attempts` is a number, `"unlimited"` or None (not asked for)."""

    max_attempts: int | str | None
    backoff: dict[str, Json]
    on_lost: str | None


class Spec(Struct, frozen=True):
    """What was asked, None where nothing was; `Policy` says what is in force."""

    schedule: Json
    priority: int | None
    cost: int | None
    timeout: str | None
    retry: Retry
    constraints: dict[str, Json]
    labels: dict[str, str]
    parent: str | None
    object: dict[str, str] | None
    after: list[str]
    dedup_key: str | None
    headers: dict[str, str]
    retention: str | None
    cancel_grace: str | None
    exclusive: bool | None
    isolation: str | None
    due_at: int | None
    until: str | None = None
    on_dependency_failure: str | None = None
    within_occurrence: bool | None = None
    reset_after: str | None = None
    invalid_state: str | None = None
    movable: bool | None = None


class Policy(Struct, frozen=True):
    """What is in force: the spec, filled up by what the executor declares."""

    priority: int
    cost: int
    timeout: str
    retry: Retry
    cancel_grace: str
    retention: str | None
    exclusive: bool
    movable: bool
    isolation: str
    within_occurrence: bool = False
    reset_after: str = "none"
    invalid_state: str = "fail"


class Assignment(Struct, frozen=True):
    """Where the task is to run, and why there or nowhere."""

    node: str | None
    incarnation: str | None
    code: str
    explanation: str


class LastOutcome(Struct, frozen=True):
    """How the last run ended."""

    outcome: str
    allocation_id: int
    reason: str | None
    error: Json
    result: Json
    ended_at: int | None
    node: str | None
    duration_ms: int | None


class Progress(Struct, frozen=True):
    """How far a run says it is; fleeting."""

    done: float
    total: float | None
    message: str
    at: int | None


class Task(Struct, frozen=True):
    """A task record."""

    id: str
    executor: str
    executor_version: int
    status: str
    desired: str
    stop_reason: str | None
    stopping_since_at: int | None
    params: Json
    state: Json
    state_version: int | None
    state_allocation_id: int | None
    state_is_current: bool
    description: str
    spec: Spec
    allocation_id: int
    assignment: Assignment
    attempts: int
    due_at: int | None
    last_outcome: LastOutcome | None
    progress: Progress | None
    created_at: int | None
    updated_at: int | None
    started_at: int | None
    finished_at: int | None
    expires_at: int | None
    created_revision: int
    modified_revision: int
    policy: Policy
    declared: bool = False  # by its executor: its record stays as long as that is so
    paused_until_at: int | None = None  # of a paused task: then it is wanted again
    series: Series | None = None  # of a recurring task
    end_reason: str | None = None  # schedule_ended, or why it is a dead letter
    set_by: dict[str, str] = {}  # group of fields -> operator or run, where it was not code
    run_again: bool = False  # once more after the run in progress
    label: str = ""  # waiting running paused successful warning error cancelled (TM-72)

    @property
    def is_finished(self) -> bool:
        """Whether it has ended for good."""
        return self.status in FINISHED


class Run(Struct, frozen=True):
    """One execution of a task under one allocation id, named `<task id>#<allocation id>`."""

    name: str
    description: str
    task: str
    executor: str
    allocation_id: int
    attempt: int
    cause: str
    node: str | None
    incarnation: str | None
    occurrence_at: int | None
    due_at: int | None
    assigned_at: int | None
    started_at: int | None
    ended_at: int | None
    duration_ms: int | None
    status: str
    outcome: str | None
    reported: str | None
    reason: str | None
    error: Json
    result: Json
    progress: Progress | None
    log_counts: dict[str, int]
    state_digest_before: str | None
    state_digest_after: str | None
    parent: str | None
    trace_id: str | None
    log_lines: int
    log_dropped: int
    stop_reason: str | None
    stopping_since_at: int | None
    headers: dict[str, str]
    running_for_ms: int | None
    state_bytes: int | None = None


class LogLine(Struct, frozen=True):
    """One line that a run logged."""

    at: int | None
    level: str
    event: str
    fields: Json
    allocation_id: int
    source: str = "run"
    """`task` where the run's record says it."""


class NodeVerdict(Struct, frozen=True):
    """What one node says to a task."""

    node: str
    eligible: bool
    code: str
    detail: str


class Hint(Struct, frozen=True):
    """What would help, and the command for it if there is one."""

    text: str
    command: str | None


class Explanation(Struct, frozen=True):
    """Why a task is where it is."""

    task: str
    status: str
    desired: str
    due_at: int | None
    stage: int | None
    code: str
    text: str
    since_at: int | None
    next_check_at: int | None
    would_choose: str | None
    queue_position: int | None
    limits: list[Json]
    nodes: list[NodeVerdict]
    hints: list[Hint]
    attempts: int
    last_outcome: LastOutcome | None


class Change(Struct, frozen=True):
    """One change of one task, as a watch tells it; `type` is created, updated or removed."""

    revision: int
    complete: bool
    type: str
    task: Task
