"""Commands that end runs which cannot speak for themselves: of a node that is lost, and those that are simply gone.

Apart from `commands.py`, which gives them out again, for its length's sake only; the same rules hold.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.instants import Instant
from coordinator.model.tasks import Assignment


class LastWords(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the leader had heard of a lost run: log lines as JSON, at most 64 KiB, and its progress as JSON."""

    task_id: TaskId
    allocation_id: AllocationId
    logs: bytes | None = None
    progress: bytes | None = None


class Placement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a task of a lost node goes next: one allocation id for leaving and arriving (PT-4)."""

    task_id: TaskId
    expected: AllocationId
    assignment: Assignment
    retry_at: Instant = 0  # drawn by the leader for a crash loop (PT-66); 0: the longest wait


class LoseNode(msgspec.Struct, frozen=True, array_like=True, tag=10, gc=False):
    """The node's lease is over, or it said goodbye (`left`). Its runs end `lost` (left: `aborted`).

    Tasks without a placement that holds become unassigned with code `node_lost`.
    """

    name: NodeName
    incarnation: Incarnation
    left: bool = False
    reason: str = ""
    placements: tuple[Placement, ...] = ()
    error: bytes | None = None  # JSON, for the history of its runs: how long it was silent
    said: tuple[LastWords, ...] = ()


class LoseRuns(msgspec.Struct, frozen=True, array_like=True, tag=11, gc=False):
    """Runs that the leader knows to be over although nobody reported them (PT-62, PT-64)."""

    name: NodeName
    incarnation: Incarnation
    runs: tuple[tuple[TaskId, AllocationId], ...]
    reason: str = ""  # vanished, disconnected
    placements: tuple[Placement, ...] = ()
    said: tuple[LastWords, ...] = ()


LossCommand: TypeAlias = LoseNode | LoseRuns
