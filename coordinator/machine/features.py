"""The feature level: which one a command needs, what a build supports, and how the level rises (U1, U2).

Whoever proposes asks the gate, `Build.objection`; `apply` trusts the log. The level rises by command, when every
coordinator and every node can follow, and never falls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from coordinator.machine.commands import Command, JoinNode, RaiseFeatureLevel
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused, Unlogged
from coordinator.model.features import FIRST, HIGHEST
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.state import ClusterState

COUNTED = (NodeStatus.READY, NodeStatus.LOST)  # the others registered off: they come anew, or not


def level_needed(command: Command) -> int:
    """From which level on this command, with the fields that it has, may be proposed.

    All that there is belongs to the first release. A later command, or a later field that is not at its default, gets
    its line here.
    """
    del command
    return FIRST


class Build(NamedTuple):
    """What one build can do: the highest level it can follow, and what its commands need."""

    supports: int = HIGHEST
    needed: Callable[[Command], int] = level_needed

    def objection(self, command: Command, level: int) -> Unlogged | None:
        """Why the command may not be proposed while `level` is in force, or None."""
        needed = self.needed(command)
        if needed <= level:
            return None
        detail = (
            f"{type(command).__name__} needs feature level {needed}, and {level} is in force: "
            "raise it with `taskctl cluster upgrade` once every coordinator and node runs the new release"
        )
        return Unlogged(Refusal.FEATURE_LEVEL, detail)


THIS_BUILD = Build()


def raise_feature_level(state: ClusterState, command: RaiseFeatureLevel) -> Outcome:
    """From here on entries may mean more. A node that could not follow holds it up."""
    if command.level <= state.feature_level:
        return Accepted(unchanged=True)
    behind = [node.name for node in nodes_behind(state, command.level)]
    if behind:
        return Refused(Refusal.FEATURE_LEVEL, f"nodes that cannot follow yet: {', '.join(behind)}")
    state.feature_level = command.level
    return Accepted()


def nodes_behind(state: ClusterState, level: int) -> Iterator[Node]:
    """Registered nodes that do not support `level`, in name order."""
    for node in state.nodes_by_name():
        if node.status in COUNTED and node.feature_level < level:
            yield node


def nodes_support(state: ClusterState) -> int | None:
    """What every registered node can follow; None where there is none."""
    return min((n.feature_level for n in state.nodes.values() if n.status in COUNTED), default=None)


def refuse_old_node(state: ClusterState, command: JoinNode) -> Refused | None:
    """A node that cannot follow is none of ours any more."""
    if command.feature_level >= state.feature_level:
        return None
    return Refused(
        Refusal.FEATURE_LEVEL,
        f"feature level {state.feature_level} is in force, and {command.name} supports "
        f"{command.feature_level}: start it with a newer release",
    )
