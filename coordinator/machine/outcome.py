"""What the law answers: Accepted or Refused. Both are values, equal on all members."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from coordinator.model.ids import NO_ALLOCATION, AllocationId, TaskId
from coordinator.model.tasks import Task


class Refusal(StrEnum):
    """Stable reasons; the door maps each to a status code (spec PT section 3, EX-51)."""

    TASK_NOT_FOUND = "task_not_found"
    NODE_NOT_FOUND = "node_not_found"
    RUN_NOT_FOUND = "run_not_found"
    MEMBER_NOT_FOUND = "member_not_found"
    EXECUTOR_NOT_FOUND = "executor_not_found"
    SETTING_NOT_FOUND = "setting_not_found"
    ALREADY_EXISTS = "already_exists"
    REQUEST_ID_REUSED = "request_id_reused"
    NODE_NAME_IN_USE = "node_name_in_use"
    STALE_ALLOCATION = "stale_allocation"
    STALE_INCARNATION = "stale_incarnation"
    REVISION_MISMATCH = "revision_mismatch"
    UNKNOWN_EXECUTOR = "unknown_executor"
    INVALID_PARAMS = "invalid_params"
    VALIDATION_FAILED = "validation_failed"
    INVALID_FIELD = "invalid_field"
    TOO_LARGE = "too_large"
    UNPLACEABLE = "unplaceable"
    ALREADY_FINISHED = "already_finished"
    ALREADY_RUNNING = "already_running"
    PAUSED = "paused"
    NOT_RECURRING = "not_recurring"
    INVALID_SCHEDULE = "invalid_schedule"
    UNKNOWN_DEPENDENCY = "unknown_dependency"
    NOT_FINISHED = "not_finished"
    STATE_IN_USE = "state_in_use"
    PARENT_ENDED = "parent_ended"
    CHANGE_PENDING = "change_pending"
    WOULD_LOSE_QUORUM = "would_lose_quorum"
    LIMIT_REACHED = "limit_reached"
    FEATURE_LEVEL = "feature_level"
    DECLARED = "declared"  # its executor declares the task, so its record stays (PT-84)
    CHOICE_STALE = (
        "choice_stale"  # a placement that no longer holds (PT-34); never leaves the cluster
    )


class Accepted(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`unchanged`: nothing had to be done. `created`: a record was made by this very command.

    `record` is the task as it was before a removal, else None: the present one is in the state. `schema_only` is
    never the law's word but the leader's who asked: nobody put the params to the executor's own `validate` (PT-24).
    """

    task_id: TaskId = TaskId("")
    allocation_id: AllocationId = NO_ALLOCATION
    created: bool = False
    unchanged: bool = False
    removed: bool = False
    record: Task | None = None
    schema_only: bool = False
    deduplicated: bool = False  # another task was active under the key: this is its answer (TM-66)
    cleared: tuple[str, ...] = ()  # executors and settings whose pause has ended (TM-28)
    parts: tuple[Accepted, ...] = ()  # of changes that are one command, in their order (TM-32)


class Refused(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`detail` names the value and what was expected; `current` is the allocation id in force.

    `task_id`: of changes that are one command, the task that was the reason (TM-32).
    """

    code: Refusal
    detail: str = ""
    current: AllocationId = NO_ALLOCATION
    task_id: TaskId = TaskId("")


class Unlogged(Refused, frozen=True, array_like=True, gc=False):
    """A refusal that never reached the log: the leader's word about this try alone.

    Nobody remembers it under the request id, so an earlier try that is still on its way may yet be accepted.
    """


Outcome = Accepted | Refused
