"""Commands that say what somebody wishes of one task: they change its intent, and runs follow.

Apart from `commands.py`, which gives them out again, for its length's sake only; the same rules hold.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from coordinator.machine.series_commands import RunNow
from coordinator.model.concurrency import TaskLimit
from coordinator.model.ids import NO_ALLOCATION, AllocationId, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.tasks import Policy, TaskSpec


class CancelTask(msgspec.Struct, frozen=True, array_like=True, tag=6, gc=False):
    """A wish that is final once accepted (G10). `purge`: remove the record when it has ended.

    `finished_only` makes it a removal: refused (`not_finished`) unless the task has ended.
    """

    task_id: TaskId
    purge: bool = False
    finished_only: bool = False
    if_revision: int = 0
    grace_ms: Millis = -1  # how long its run may take to end; -1: as its policy says
    reason: str = ""
    undeclared: bool = False  # the leader's: a task that was declared and is so no more (PT-84)


class UnassignTask(msgspec.Struct, frozen=True, array_like=True, tag=7, gc=False):
    """An operator or a drain takes the task off its node: stop, confirmation, new placement."""

    task_id: TaskId
    allocation_id: AllocationId  # 0 is refused
    if_revision: int = 0
    reason: str = ""


class RemoveTask(msgspec.Struct, frozen=True, array_like=True, tag=8, gc=False):
    """Retention has ended; refused unless the record is finished and expired by `at`."""

    task_id: TaskId
    revision: int


class UpdateTask(msgspec.Struct, frozen=True, array_like=True, tag=30, gc=False):
    """An edit by a caller (PT-33). None: left as it is. `policy` is what `spec` comes to, resolved by the leader.

    What was asked for is merged by the leader into the record as edited at `edited`; after another edit since then it
    is `choice_stale`, to be merged anew. `restart` stops a current run so that all takes effect now. A state is taken
    only while no run exists (PT-27).
    """

    task_id: TaskId
    edited: int
    params: bytes | None = None
    executor_version: int = 0  # goes with params
    spec: TaskSpec | None = None
    policy: Policy | None = None
    restart: bool = False
    has_state: bool = False
    state: bytes | None = None
    state_version: int = 0
    if_revision: int = 0
    reason: str = ""
    limits: tuple[TaskLimit, ...] | None = None  # what params and labels come to (TM-60)
    declared: str = ""  # the leader's: digest of params that the executor declares now
    origin: str = ""  # who set it: code, or empty for an operator (TM-23)


class PauseTask(msgspec.Struct, frozen=True, array_like=True, tag=31, gc=False):
    """Not wanted for now. `finish`: a run in progress ends by itself, else it is stopped (TM-26)."""

    task_id: TaskId
    finish: bool = False
    if_revision: int = 0
    reason: str = ""
    until: Instant = 0  # then it is wanted again; 0: until somebody says so
    clear_state: bool = False  # the state goes when no run exists any more (TM-34)
    origin: str = ""


class ResumeTask(msgspec.Struct, frozen=True, array_like=True, tag=32, gc=False):
    """Wanted again: now, or at its later due time (TM-27). `paused_until`: the end of a pause, which may have got another."""

    task_id: TaskId
    if_revision: int = 0
    paused_until: Instant = 0
    no_catch_up: bool = (
        False  # of a series: not even one run for the fire times that passed meanwhile
    )
    origin: str = ""


class RetryTask(msgspec.Struct, frozen=True, array_like=True, tag=33, gc=False):
    """A finished task runs again under its id, with no attempts counted (TM-56). `again`: one that succeeded, too.

    New params may come along, merged into the record as edited at `edited` (as in UpdateTask).
    """

    task_id: TaskId
    again: bool = False
    edited: int = 0
    params: bytes | None = None
    executor_version: int = 0
    policy: Policy | None = None
    if_revision: int = 0
    limits: tuple[TaskLimit, ...] | None = None


class CancelRun(msgspec.Struct, frozen=True, array_like=True, tag=34, gc=False):
    """End one run (0: the current one), not the task: with `rerun` a one-off runs again, else it is cancelled (PT-30)."""

    task_id: TaskId
    allocation_id: AllocationId = NO_ALLOCATION
    rerun: bool = False
    if_revision: int = 0
    grace_ms: Millis = -1
    reason: str = ""


Change: TypeAlias = CancelTask | UpdateTask | PauseTask | ResumeTask | RetryTask | RunNow


class ChangeTasks(msgspec.Struct, frozen=True, array_like=True, tag=35, gc=False):
    """Changes of different tasks, all of them or none (TM-32): one that the law refuses undoes those before it."""

    changes: tuple[Change, ...]


WishCommand: TypeAlias = (
    CancelTask
    | UnassignTask
    | RemoveTask
    | UpdateTask
    | PauseTask
    | ResumeTask
    | RetryTask
    | CancelRun
)
