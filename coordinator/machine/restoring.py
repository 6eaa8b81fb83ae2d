"""A state begun anew: what a new cluster takes over from one that is gone (B2).

Not a command: it happens before the new cluster has a log, to the state of a backup or of the one member that is left,
and gives every member that does the same the same state. Tasks, history, settings and request ids stay. Runs are over,
as if their nodes had been lost; nodes are forgotten, but not which incarnations they had; members are others.

The old cluster's nodes may not know yet that it is gone: their exclusive runs end with their leases. So the state says
that no node is taken in before R has passed (`ReassignFloor.restored`), whoever leads the new cluster meanwhile.

Three numbers leap by the same stride, so that nothing the old cluster did after this state was written can pass for
something of the new one: allocation ids (and so fencing tokens), revisions (a watch that goes on from an old one is
told `compacted`), and the epoch itself.
"""

from __future__ import annotations

from coordinator.machine.commands import LoseNode
from coordinator.machine.nodes import GONE, lose_node
from coordinator.model.events import Event, TaskChanged
from coordinator.model.ids import AllocationId
from coordinator.model.settings import ReassignFloor
from coordinator.model.state import ClusterState

STRIDE = 2**32
EPOCH_MAX = (
    2**20
)  # beyond it numbers would no longer be exact in JSON readers that know floats only
PREDECESSORS_KEPT = 16
RESTORED = "restored"  # why the runs ended


class EpochRefused(ValueError):
    """The epoch asked for is not above that of the state, or too far above."""


def begin_anew(state: ClusterState, epoch: int) -> list[Event]:
    """Change the state into that of a cluster yet to be founded; cluster id and members are empty.

    Returns the events for the history of runs: each run that was under way, then its end. Raises EpochRefused.
    """
    if not state.restore_epoch < epoch <= EPOCH_MAX:
        raise EpochRefused(
            f"epoch {epoch} is not above {state.restore_epoch} and at most {EPOCH_MAX}"
        )
    leap = STRIDE * (epoch - state.restore_epoch)
    state.restore_epoch = epoch
    state.predecessors = (*state.predecessors, state.cluster_id)[-PREDECESSORS_KEPT:]
    state.cluster_id = ""
    state.members, state.last_member_id, state.member_change = {}, 0, None
    under_way = [task for task in state.tasks_by_id() if task.has_node]
    state.take_events()
    state.events += [TaskChanged(None, task) for task in under_way]
    state.begin_entry(state.revision + leap, state.at)
    state.last_allocation_id = AllocationId(state.last_allocation_id + leap)
    state.reassign_floor = ReassignFloor(state.reassign_ms, state.revision, restored=True)
    for node in list(state.nodes_by_name()):
        if node.status not in GONE:
            lose_node(state, LoseNode(node.name, node.incarnation, reason=RESTORED))
        state.drop_node(node.name)
    state.drains.clear()
    return state.take_events()
