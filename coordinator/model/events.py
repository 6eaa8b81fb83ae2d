"""What a command did: past tense, not logged, in the order it happened within one entry.

Everything a coordinator owes others (wanted sets, run history, watches, waiters) is derived from
these, so `apply` itself knows none of them.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from coordinator.model.audit import AuditEvent
from coordinator.model.ids import AllocationId, NodeName, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.nodes import Node
from coordinator.model.schedules import Fate
from coordinator.model.tasks import RunOutcome, Task


class TaskChanged(msgspec.Struct, frozen=True, gc=False):
    """old is None for a creation, new for a removal."""

    old: Task | None
    new: Task | None


class RunEnded(msgspec.Struct, frozen=True, gc=False):
    """The final record of a run: the first outcome committed for its allocation id."""

    task_id: TaskId
    allocation_id: AllocationId
    outcome: RunOutcome
    reported: str  # what the run itself said, where the record says otherwise (PT-16)
    reason: str
    ended_at: Instant
    error: bytes | None
    result: bytes | None
    logs: bytes | None
    started_at: Instant = 0  # 0: user code never began
    node: str = ""
    duration_ms: Millis = 0
    wrote_state: bool = False
    state: bytes | None = None  # that it wrote last
    log_counts: tuple[
        int, ...
    ] = ()  # lines written: debug, info, warning, error; empty: nobody counted
    progress: bytes | None = None  # of a lost run, as far as the leader knew it: JSON


class Fated(msgspec.Struct, frozen=True, gc=False):
    """A fire time got its fate, or several neighbours at once (TM-9). `stored` is the range of the record that now has it.

    `number`: of that range within its series, from 1.
    """

    task_id: TaskId
    executor: str
    fate: Fate
    stored: Fate
    number: int = 0


class NodeChanged(msgspec.Struct, frozen=True, gc=False):
    name: NodeName
    old: Node | None
    new: Node | None


class SettingsChanged(msgspec.Struct, frozen=True, gc=False):
    keys: tuple[str, ...]


class LimitsChanged(msgspec.Struct, frozen=True, gc=False):
    """An operator overrode a concurrency limit, or took that back."""

    keys: tuple[str, ...]


class ExecutorsPaused(msgspec.Struct, frozen=True, gc=False):
    """An operator stopped them from starting, for a reason, or took that back."""

    executors: tuple[str, ...]
    by: str
    reason: str = ""


class ManifestsChanged(msgspec.Struct, frozen=True, gc=False):
    executors: tuple[str, ...]


class MembersChanged(msgspec.Struct, frozen=True, gc=False):
    """A coordinator was added, has introduced itself, or is no member any more."""


class DigestAgreed(msgspec.Struct, frozen=True, gc=False):
    """What a majority of members has for their state at `index` (I3)."""

    index: int
    digest: str


class Audited(msgspec.Struct, frozen=True, gc=False):
    """Somebody changed something, or was refused (TM-75)."""

    event: AuditEvent


Event: TypeAlias = (
    TaskChanged
    | RunEnded
    | Fated
    | NodeChanged
    | SettingsChanged
    | LimitsChanged
    | ExecutorsPaused
    | ManifestsChanged
    | MembersChanged
    | DigestAgreed
    | Audited
)
