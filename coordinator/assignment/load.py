"""What is taken on each node: the state's counters plus what was proposed and not applied yet.

The overlay is why a leader never promises one place twice; it ends with the term.
"""

from __future__ import annotations

import msgspec

from coordinator.model.concurrency import TaskLimit, count
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.nodes import Node, NodeUse, count_labels
from coordinator.model.pauses import ExecutorPause
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Pairs, Task


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A place promised to a task by a proposal that is under way."""

    node: NodeName
    units: int
    executor: str
    limits: tuple[TaskLimit, ...] = ()
    labels: Pairs = ()


def claim_of(task: Task, node: NodeName) -> Claim:
    return Claim(node, task.policy.cost, task.executor, task.limits, task.spec.labels)


def moving_claim(task: Task, node: NodeName) -> Claim:
    """Of a task that has a place under its limits already and takes it along."""
    limits = tuple(limit for limit in task.limits if limit.scope == "node")
    return Claim(node, task.policy.cost, task.executor, limits, task.spec.labels)


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """A node that is kept for the first task in order that fits nowhere now (TM-59)."""

    node: NodeName
    task_id: TaskId


class Load:
    """Counters per node, claims included. O(1) each, but for labels by their key alone."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._claimed: dict[NodeName, NodeUse] = {}
        self._limit_runs: dict[str, int] = {}
        self.reserved: Reservation | None = None
        self.effective: dict[NodeName, int] = {}  # units, of nodes that protect themselves (TM-62)

    def claim(self, claim: Claim) -> None:
        use = self._claimed.setdefault(claim.node, NodeUse())
        use.units += claim.units
        use.runs += 1
        use.by_executor[claim.executor] = use.by_executor.get(claim.executor, 0) + 1
        if claim.limits or claim.labels:
            self._count(use, claim, 1)

    def release(self, claim: Claim) -> None:
        use = self._claimed[claim.node]
        use.units -= claim.units
        use.runs -= 1
        use.by_executor[claim.executor] -= 1
        if claim.limits or claim.labels:
            self._count(use, claim, -1)
        if not use.runs:
            del self._claimed[claim.node]

    def room(self, node: Node) -> int:
        """Units that may be taken there: all that it has, or less while it protects itself."""
        return min(node.units, self.effective.get(node.name, node.units))

    def pause_of(self, executor: str) -> ExecutorPause | None:
        """Who keeps tasks of this kind from starting, if anybody does (TM-28)."""
        return self._state.paused_executors.get(executor)

    def units(self, node: NodeName) -> int:
        claimed = self._claimed.get(node)
        return self._state.use_of(node).units + (claimed.units if claimed else 0)

    def runs(self, node: NodeName) -> int:
        claimed = self._claimed.get(node)
        return self._state.use_of(node).runs + (claimed.runs if claimed else 0)

    def counts(self, node: NodeName, executor: str) -> tuple[int, int, int]:
        """(units taken, runs of this executor, runs): all that a rank needs, in one look."""
        use, claimed = self._state.use.get(node), self._claimed.get(node)
        units = same = runs = 0
        if use is not None:
            units, same, runs = use.units, use.by_executor.get(executor, 0), use.runs
        if claimed is not None:
            units += claimed.units
            same += claimed.by_executor.get(executor, 0)
            runs += claimed.runs
        return units, same, runs

    def limit_in_the_way(
        self, limits: tuple[TaskLimit, ...], node: NodeName | None = None
    ) -> str | None:
        """What a limit says that leaves no place, or None: those of the cluster, or those of a node."""
        for limit in limits:
            if (limit.scope == "node") != (node is not None):
                continue
            claimed = self._limit_runs if node is None else self._by_limit(node)
            runs = self._state.runs_under(limit, node or NodeName(""))
            most = self._state.max_of(limit)
            if runs + claimed.get(limit.key, 0) >= most:
                return limit.said(most)
        return None

    def labelled(self, node: NodeName, label: str) -> bool:
        """Whether a task with this label, `KEY` or `KEY=VALUE`, runs there or is on its way."""
        key, has_value, value = label.partition("=")
        for use in (self._state.use.get(node), self._claimed.get(node)):
            if use is None:
                continue
            if has_value and (key, value) in use.by_label:
                return True
            if not has_value and any(pair[0] == key for pair in use.by_label):
                return True
        return False

    def runs_of(self, node: NodeName, executor: str) -> int:
        claimed = self._claimed.get(node)
        here = self._state.use_of(node).by_executor.get(executor, 0)
        return here + (claimed.by_executor.get(executor, 0) if claimed else 0)

    def _by_limit(self, node: NodeName) -> dict[str, int]:
        use = self._claimed.get(node)
        return use.by_limit if use is not None else {}

    def _count(self, use: NodeUse, claim: Claim, change: int) -> None:
        count(use.by_limit, claim.limits, "node", change)
        count(self._limit_runs, claim.limits, "cluster", change)
        count_labels(use.by_label, claim.labels, change)
