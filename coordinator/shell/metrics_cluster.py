"""Gauges that are read from the replica when somebody scrapes: consensus, and on the leader the nodes."""

from __future__ import annotations

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


def put_nodes(sheet: Sheet, state: ClusterState, leading: Leadership) -> None:
    """The leader's picture. Nodes that have left keep no units, but are counted until they are forgotten."""
    used = units = 0
    for node in state.nodes.values():
        sheet.add("nodes", 1, _word(node), node.version)
        if node.status is not NodeStatus.READY:
            continue
        taken, kept = _taken(leading, node)
        sheet.put("node_units", taken, node.name, "used")
        sheet.put("node_units", kept, node.name, "reserved")
        sheet.put("node_units", node.units, node.name, "capacity")
        sheet.put("node_units", node.units, node.name, "effective")
        sheet.put("executor_load_errors", len(node.load_errors), node.name)
        age = leading.leases.age(node.name, leading.bench.now.steady)
        if age is not None:
            sheet.put("node_heartbeat_age_seconds", age / SECOND, node.name)
        if node.drain is None:
            used, units = used + taken + kept, units + node.units
    if units:
        sheet.put("load_ratio", used / units)


def _taken(leading: Leadership, node: Node) -> tuple[int, int]:
    """(units of runs there, units left that are kept for a task which fits nowhere else (TM-59))."""
    load = leading.bench.view.load
    taken = load.units(node.name)
    is_kept = load.reserved is not None and load.reserved.node == node.name
    return taken, max(0, node.units - taken) if is_kept else 0


def _word(node: Node) -> str:
    """As `taskctl node list` says it."""
    draining = node.drain is not None and node.status is NodeStatus.READY
    return "draining" if draining else node.status.value
