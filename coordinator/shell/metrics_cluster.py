"""Gauges that are read from the replica when somebody scrapes: consensus, and on the leader the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coordinator.client.metric_parts import Sheet
from coordinator.model.instants import SECOND
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.state import ClusterState
from coordinator.replica.leadership import Leadership
from coordinator.replica.replica import Replica


def put_consensus(sheet: Sheet, replica: Replica) -> None:
    """Of this member, whether it leads or not."""
    raft = replica.raft
    sheet.put("raft_term", replica.term)
    sheet.put("raft_is_leader", replica.is_leader)
    sheet.put("raft_has_leader", replica.leader_id != 0)
    sheet.put("raft_commit_index", raft.commit_index)
    sheet.put("raft_applied_index", replica.state.revision)
    sheet.put("raft_snapshot_index", replica.snapshot_index)
    sheet.put("raft_log_entries", replica.log_entries)
    sheet.put("raft_log_bytes", replica.log_bytes)
    sheet.put("feature_level", replica.state.feature_level)
    for kind, count in replica.stale_reports.items():
        sheet.put("stale_messages_total", count, kind)
    sheet.put("replica_digest_differs_total", replica.digests_differing)
    if raft.is_leader:
        for number, progress in raft.status().progress.items():
            member = replica.state.members.get(number)
            if member is not None and number != raft.id:
                lag = max(0, raft.last_index - progress.match)
                sheet.put("raft_peer_lag_entries", lag, member.name)


class NodeLook(NamedTuple):
    """What there is to show of a node. `room`: units that may be taken there; `kept`: of those free, for one task."""

    name: str
    status: str
    version: str
    is_ready: bool
    is_drained: bool
    units: int
    room: int
    taken: int
    kept: int
    load_errors: int
    age_ms: int | None  # of the last accepted heartbeat


def look_at_nodes(state: ClusterState, leading: Leadership) -> list[NodeLook]:
    """The leader's picture, taken on the loop: some microseconds for each."""
    return [_look(leading, node) for node in state.nodes.values()]


def put_nodes(sheet: Sheet, looks: Sequence[NodeLook]) -> None:
    """Nodes that have left keep no units, but are counted until they are forgotten."""
    used = units = 0
    for one in looks:
        sheet.add("nodes", 1, one.status, one.version)
        if not one.is_ready:
            continue
        sheet.put("node_units", one.taken, one.name, "used")
        sheet.put("node_units", one.kept, one.name, "reserved")
        sheet.put("node_units", one.units, one.name, "capacity")
        sheet.put("node_units", one.room, one.name, "effective")
        sheet.put("executor_load_errors", one.load_errors, one.name)
        if one.age_ms is not None:
            sheet.put("node_heartbeat_age_seconds", one.age_ms / SECOND, one.name)
        if not one.is_drained:
            used, units = used + one.taken + one.kept, units + one.room
    sheet.put("overload_active", any(one.room < one.units for one in looks))
    if units:
        sheet.put("load_ratio", used / units)


def _look(leading: Leadership, node: Node) -> NodeLook:
    taken, kept = _taken(leading, node)
    is_ready, is_drained = node.status is NodeStatus.READY, node.drain is not None
    return NodeLook(
        node.name,
        "draining" if is_ready and is_drained else node.status,  # as `taskctl node list` says it
        node.version,
        is_ready,
        is_drained,
        node.units,
        leading.bench.view.load.room(node),
        taken,
        kept,
        len(node.load_errors),
        leading.leases.age(node.name, leading.bench.now.steady),
    )


def _taken(leading: Leadership, node: Node) -> tuple[int, int]:
    """(units of runs there, units left that are kept for a task which fits nowhere else (TM-59))."""
    load = leading.bench.view.load
    taken = load.units(node.name)
    is_kept = load.reserved is not None and load.reserved.node == node.name
    return taken, max(0, load.room(node) - taken) if is_kept else 0
