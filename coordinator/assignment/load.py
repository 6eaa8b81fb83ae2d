"""What is taken on each node: the state's counters plus what was proposed and not applied yet.

The overlay is why a leader never promises one place twice; it ends with the term.
"""

from __future__ import annotations

import msgspec

from coordinator.model.ids import NodeName
from coordinator.model.nodes import NodeUse
from coordinator.model.state import ClusterState


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A place promised to a task by a proposal that is under way."""

    node: NodeName
    units: int
    executor: str


class Load:
    """Counters per node, claims included. O(1) each."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._claimed: dict[NodeName, NodeUse] = {}

    def claim(self, claim: Claim) -> None:
        use = self._claimed.setdefault(claim.node, NodeUse())
        use.units += claim.units
        use.runs += 1
        use.by_executor[claim.executor] = use.by_executor.get(claim.executor, 0) + 1

    def release(self, claim: Claim) -> None:
        use = self._claimed[claim.node]
        use.units -= claim.units
        use.runs -= 1
        use.by_executor[claim.executor] -= 1
        if not use.runs:
            del self._claimed[claim.node]

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

    def runs_of(self, node: NodeName, executor: str) -> int:
        claimed = self._claimed.get(node)
        here = self._state.use_of(node).by_executor.get(executor, 0)
        return here + (claimed.by_executor.get(executor, 0) if claimed else 0)
