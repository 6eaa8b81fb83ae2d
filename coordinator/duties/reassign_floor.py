"""After a lease was shortened: R follows when every node counts with the shorter one (PT section 10).

Until then a node that nobody hears may live on by the longer lease, so the larger R holds for all;
it is in the state, because the next leader has to keep it, too.
"""

from __future__ import annotations

from collections.abc import Container

from coordinator.duties.agenda import Agenda, Item
from coordinator.machine.commands import DropReassignFloor
from coordinator.model.ids import NodeName
from coordinator.model.nodes import NodeStatus
from coordinator.model.state import ClusterState


def drop_floor(state: ClusterState, confirmed: Container[NodeName]) -> Agenda:
    """A DropReassignFloor once all nodes that are not lost, connected or not, have confirmed."""
    floor = state.reassign_floor
    if floor is None:
        return Agenda()
    for node in state.nodes.values():
        live = node.status in (NodeStatus.READY, NodeStatus.REMOVED)
        if live and node.name not in confirmed:
            return Agenda()
    return Agenda((Item(DropReassignFloor(floor.revision)),))
