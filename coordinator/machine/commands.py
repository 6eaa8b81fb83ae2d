"""Commands: imperative and logged. A tag is for ever; fields are only appended.

Time is not in them: a batch carries one `at` for all its commands, and the entry's index is the
revision. What was decided (which node, when to retry) is in the command; `apply` checks that it
still holds and never decides anew.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from coordinator.machine.executor_commands import (
    ExecutorCommand,
    PauseExecutor,
    ResumeExecutor,
)
from coordinator.machine.loss_commands import LastWords, LoseNode, LoseRuns, Placement
from coordinator.machine.series_commands import (
    FireSchedule,
    MissOccurrence,
    RunNow,
    SeriesCommand,
    TimeSeries,
)
from coordinator.machine.wish_commands import (
    CancelRun,
    CancelTask,
    Change,
    ChangeTasks,
    PauseTask,
    RemoveTask,
    ResumeTask,
    RetryTask,
    UnassignTask,
    UpdateTask,
    WishCommand,
)
from coordinator.model.audit import Asker
from coordinator.model.concurrency import TaskLimit
from coordinator.model.features import FIRST
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.nodes import LoadError, Manifest, Offer
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Assignment, Pairs, Policy, RunOutcome, StopReason, TaskSpec

__all__ = [
    "AddMember",
    "AssignTask",
    "Batch",
    "BindMember",
    "CancelRun",
    "CancelTask",
    "Change",
    "ChangeTasks",
    "CheckDigest",
    "ClusterCommand",
    "Command",
    "CreateTask",
    "DeferMove",
    "DrainNode",
    "DropReassignFloor",
    "EndRun",
    "ExecutorCommand",
    "FinishMemberChange",
    "FireSchedule",
    "ForgetNode",
    "ForgetRequests",
    "JoinNode",
    "LastWords",
    "LoseNode",
    "LoseRuns",
    "MemberCommand",
    "MissOccurrence",
    "NodeCommand",
    "PauseExecutor",
    "PauseTask",
    "Placement",
    "RaiseFeatureLevel",
    "RemoveMember",
    "RemoveNode",
    "RemoveTask",
    "Request",
    "ResumeExecutor",
    "ResumeTask",
    "RetryTask",
    "RunNow",
    "SeriesCommand",
    "SetSettings",
    "StartRun",
    "StopRun",
    "TaskCommand",
    "TimeSeries",
    "UnassignTask",
    "UndrainNode",
    "UpdateTask",
    "WishCommand",
    "WriteState",
]


class CreateTask(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """A new record, with the leader's choice of node in `assignment` (or why there is none)."""

    task_id: TaskId
    executor: str
    executor_version: int
    params: bytes
    spec: TaskSpec
    policy: Policy
    assignment: Assignment
    paused: bool = False
    require_assignment: bool = False
    replace_finished: bool = False
    description: str = ""
    by_run: tuple[AllocationId, Incarnation] | None = None  # of the parent, which starts it (PT-77)
    limits: tuple[TaskLimit, ...] = ()
    declared: str = ""  # digest of the params, of a task that its executor declares (PT-84)
    first_at: Instant = (
        0  # due time of a series' first occurrence, where the leader spreads many (TM-21)
    )


class AssignTask(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """A decision about a task without a node: unassigned, or waiting and due by now.

    With a node: place it there. Without: the reason, and a waiting task becomes unassigned.
    """

    task_id: TaskId
    expected: AllocationId
    assignment: Assignment


class StartRun(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """The node reports that user code has begun."""

    task_id: TaskId
    allocation_id: AllocationId
    incarnation: Incarnation
    started_at: Instant


class WriteState(msgspec.Struct, frozen=True, array_like=True, tag=4, gc=False):
    """A durable state write of the current run. `seq` grows by one per write of a run (PT-27)."""

    task_id: TaskId
    allocation_id: AllocationId
    incarnation: Incarnation
    seq: int
    state: bytes | None
    state_version: int


class EndRun(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    """How the run ended, fenced. `retry_at`: when a failed run is tried again, drawn by the leader.

    `outcome` aborted with `handed_back` or a local abort puts the task back to unassigned; `lost`
    with `worker_died` is a dead worker process; both leave `attempts` alone. `final_state` is
    applied with the outcome as one (PT-6). `next` is the leader's choice for a task that is to
    run again at once, taken only if it still holds.
    """

    task_id: TaskId
    allocation_id: AllocationId
    incarnation: Incarnation
    outcome: RunOutcome
    reason: str = ""
    error: bytes | None = None
    result: bytes | None = None
    logs: bytes | None = None
    permanent: bool = False
    retry_at: Instant = 0
    started_at: Instant = 0  # 0: user code never began
    lasted_ms: Millis = 0
    handed_back: bool = False
    worker_died: bool = False
    has_final_state: bool = False
    final_state: bytes | None = None
    final_state_version: int = 0
    final_state_seq: int = 0
    error_text: str = ""
    next: Assignment | None = None
    reported: str = ""  # what the code did, where a stop made another outcome of it (PT-16)
    retry_given: bool = False  # `retry_at` is the run's own word, not drawn
    again_at: Instant = 0  # the run asks to run once more then (TM-4)
    schedule: Schedule | None = None  # the run asks for this one from now on
    then: str = ""  # pause, end: what is to follow a success
    log_counts: tuple[
        int, ...
    ] = ()  # lines written: debug, info, warning, error; empty: nobody counted
    progress: bytes | None = None  # of a lost run, what the leader heard last: JSON
    policy: Policy | None = None  # with `schedule`: in force where the task asks for nothing else


class JoinNode(msgspec.Struct, frozen=True, array_like=True, tag=9, gc=False):
    """A node registers an incarnation, or the present one changes what it offers.

    `old_is_dead`: the leader takes the earlier incarnation of the same uid for proven dead (N6);
    then its tasks are unassigned here and now. Without proof an incarnation of the same uid is
    refused while the old one holds tasks (`node_name_in_use`); so is another uid under the name.
    """

    name: NodeName
    incarnation: Incarnation
    uid: str
    counter: int
    capacity: int
    offers: tuple[Offer, ...]
    attributes: Pairs = ()
    load_errors: tuple[LoadError, ...] = ()
    version: str = ""
    python: str = ""
    boot_id: str = ""
    pid_namespace: str = ""
    old_is_dead: bool = False
    manifests: tuple[Manifest, ...] = ()
    feature_level: int = FIRST  # the highest it can follow (U2)
    boot_counter: int = 0
    machine: str = ""
    said: tuple[LastWords, ...] = ()  # of runs of the life before


class DrainNode(msgspec.Struct, frozen=True, array_like=True, tag=12, gc=False):
    name: NodeName
    kind: str
    reason: str
    by: str
    deadline: Instant = 0
    hold: Millis = 0  # of kind restart: its tasks are kept for it so long while it is away
    leaving: bool = False  # the leader's: the node has said that it is asked to stop


class UndrainNode(msgspec.Struct, frozen=True, array_like=True, tag=13, gc=False):
    name: NodeName


class RemoveNode(msgspec.Struct, frozen=True, array_like=True, tag=14, gc=False):
    """An operator's `node rm`. A live node becomes `removed`: R later LoseNode, then ForgetNode."""

    name: NodeName


class ForgetNode(msgspec.Struct, frozen=True, array_like=True, tag=15, gc=False):
    """A lost, left or removed node without tasks leaves the list."""

    name: NodeName
    incarnation: Incarnation


class SetSettings(msgspec.Struct, frozen=True, array_like=True, tag=16, gc=False):
    """All or nothing. Values are canonical texts; `reset` keys go back to their default."""

    values: tuple[tuple[str, str], ...]
    reset: tuple[str, ...] = ()
    by: str = ""
    reason: str = ""


class ForgetRequests(msgspec.Struct, frozen=True, array_like=True, tag=17, gc=False):
    """Drop the `count` oldest remembered request ids."""

    count: int


class RaiseFeatureLevel(msgspec.Struct, frozen=True, array_like=True, tag=18, gc=False):
    """Every coordinator can follow, as the leader saw; that every node can is for the law to say (U2)."""

    level: int


class StopRun(msgspec.Struct, frozen=True, array_like=True, tag=19, gc=False):
    """A run is asked to end: its node has done so at the time limit, or said nothing long after it (TM-41)."""

    task_id: TaskId
    allocation_id: AllocationId
    reason: StopReason
    incarnation: Incarnation


class DropReassignFloor(msgspec.Struct, frozen=True, array_like=True, tag=20, gc=False):
    """All nodes count with the lease that was shortened at `revision`, or are lost: R may fall, too."""

    revision: int


class DeferMove(msgspec.Struct, frozen=True, array_like=True, tag=21, gc=False):
    """A run stays on its draining node, because no other will have it: code `move_pending` (PT-70)."""

    task_id: TaskId
    allocation_id: AllocationId
    explanation: str  # the objection of the others, canonical (PT-8)


class AddMember(msgspec.Struct, frozen=True, array_like=True, tag=22, gc=False):
    """A new coordinator; `replaces`: id of the one that goes when it votes, 0 for none."""

    name: str
    address: str
    replaces: int = 0


class BindMember(msgspec.Struct, frozen=True, array_like=True, tag=23, gc=False):
    """An added coordinator has introduced itself, with the storage id of its directory (D11)."""

    id: int
    storage_id: str
    http: str = ""


class RemoveMember(msgspec.Struct, frozen=True, array_like=True, tag=24, gc=False):
    id: int


class FinishMemberChange(msgspec.Struct, frozen=True, array_like=True, tag=25, gc=False):
    """The change wished for at `revision` is done; `gone` are no part of the configuration any more."""

    revision: int
    gone: tuple[int, ...] = ()


class CheckDigest(msgspec.Struct, frozen=True, array_like=True, tag=26, gc=False):
    """A majority of members has this digest at entry `index`; one that has another stops itself (I3)."""

    index: int
    digest: str


class SetLimit(msgspec.Struct, frozen=True, array_like=True, tag=40, gc=False):
    """An operator's `max` in the place of the declared one, for a key or a family of keys (TM-60)."""

    scope: str  # cluster node
    key: str
    max: int
    by: str = ""


class RemoveLimit(msgspec.Struct, frozen=True, array_like=True, tag=41, gc=False):
    """What the executor declares counts again."""

    scope: str
    key: str


TaskCommand: TypeAlias = (
    CreateTask
    | AssignTask
    | StartRun
    | WriteState
    | EndRun
    | StopRun
    | SeriesCommand
    | WishCommand
    | ChangeTasks
)

NodeCommand: TypeAlias = (
    JoinNode | LoseNode | LoseRuns | DrainNode | UndrainNode | DeferMove | RemoveNode | ForgetNode
)

MemberCommand: TypeAlias = AddMember | BindMember | RemoveMember | FinishMemberChange

ClusterCommand: TypeAlias = (
    SetSettings
    | ForgetRequests
    | RaiseFeatureLevel
    | DropReassignFloor
    | CheckDigest
    | SetLimit
    | RemoveLimit
    | ExecutorCommand
)

Command: TypeAlias = TaskCommand | NodeCommand | ClusterCommand | MemberCommand


class Request(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One command in a batch, with the caller's request id ("" for duties and nodes)."""

    command: Command
    request_id: str = ""
    content: int = 0  # 64-bit hash of what was asked; compared when the id is known
    asker: Asker | None = None  # of a change that operators are to find again (TM-75)


class Batch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The payload of one log entry: operations that arrived together; each succeeds or fails alone.

    `nonce` ties the entry to the proposal that made it, so a leader recognises its own.
    """

    at: Instant
    requests: tuple[Request, ...]
    nonce: int = 0
