"""Nodes and what they offer."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from coordinator.model.features import FIRST
from coordinator.model.ids import Incarnation, NodeName
from coordinator.model.instants import Instant, Millis
from coordinator.model.tasks import Pairs

UNITS_PER_NORMAL_TASK = 2
ITSELF = "itself"  # who drained a node that was asked to stop; no operator has this name


class NodeStatus(StrEnum):
    READY = "ready"
    LOST = "lost"
    LEFT = "left"
    REMOVED = "removed"  # by an operator: heartbeats refused, forgotten after R


class Offer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One executor a node offers; the manifest itself is kept once per content."""

    executor: str
    version: int
    manifest: str  # content hash


class LoadError(msgspec.Struct, frozen=True, array_like=True, gc=False):
    plugin: str
    error: str


class Drain(msgspec.Struct, frozen=True, array_like=True, gc=False):
    kind: str  # restart remove terminate
    reason: str
    by: str
    since: Instant
    deadline: Instant = 0
    hold: Millis = (
        0  # of kind restart: so long its tasks wait for it once it is away (PT-72); 0: they move
    )
    leaving: bool = False  # it was asked to stop, and has said so

    @property
    def ends_with_the_node(self) -> bool:
        """Gone with the next incarnation: one for a restart (PT-70), and one that a node asked for as it stopped."""
        return self.kind == "restart" or self.by == ITSELF


class Node(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A machine identity that runs executors: name + incarnation."""

    name: NodeName
    incarnation: Incarnation
    uid: str
    counter: int  # of the incarnation; grows for ever per uid
    status: NodeStatus
    capacity: int  # normal tasks
    offers: tuple[Offer, ...]
    joined_at: Instant
    attributes: Pairs = ()
    load_errors: tuple[LoadError, ...] = ()
    drain: Drain | None = None
    gone_at: Instant = 0
    version: str = ""
    python: str = ""
    boot_id: str = ""
    pid_namespace: str = ""
    feature_level: int = FIRST  # the highest it can follow (U2)
    boot_counter: int = 0  # larger for a later boot of the same machine; 0: unknown
    machine: str = ""  # over its boots; empty: unknown

    @property
    def units(self) -> int:
        return self.capacity * UNITS_PER_NORMAL_TASK

    def version_of(self, executor: str) -> int | None:
        """Highest version of this executor offered here, or None."""
        versions = [o.version for o in self.offers if o.executor == executor]
        return max(versions) if versions else None


class Manifest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an executor says of itself: JSON made by a worker, opaque to the machine."""

    executor: str
    version: int
    hash: str
    body: bytes


class NodeUse(msgspec.Struct, gc=False):
    """What is taken on one node: units, runs; runs by executor, by key of a limit per node, by label.

    Counters kept by `put_task`.
    """

    units: int = 0
    runs: int = 0
    by_executor: dict[str, int] = msgspec.field(default_factory=dict)
    by_limit: dict[str, int] = msgspec.field(default_factory=dict)
    by_label: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)


def count_labels(counts: dict[tuple[str, str], int], labels: Pairs, change: int) -> None:
    """Move the counters by `change`; what falls to nothing leaves the dictionary."""
    for pair in labels:
        runs = counts.get(pair, 0) + change
        if runs:
            counts[pair] = runs
        else:
            del counts[pair]
