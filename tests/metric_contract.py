"""The table of EX-73, written out: name without prefix, type, labels. Code and documentation are compared with this."""

from __future__ import annotations

KINDS = {"G": "gauge", "C": "counter", "H": "histogram"}

_COORDINATOR = """
tasks                          G status executor
overdue                        G executor
overdue_age_seconds            G executor
unassigned                     G code
lazy_cost_units                G executor
dead_letters                   G reason
created_total                  C executor result
runs_total                     C executor outcome
retries_total                  C executor
cancels_total                  C
moves_total                    C reason
schedule_fates_total           C executor fate
start_delay_seconds            H executor
assign_seconds                 H executor
schedule_lateness_seconds      H executor
run_seconds                    H executor outcome
passes_total                   C
assigner_errors_total          C executor hook
stale_messages_total           C kind
records_dropped_total          C status
pass_seconds                   H
executor_hook_seconds          H executor hook
executor_load_errors           G node
raft_term                      G
raft_is_leader                 G
raft_has_leader                G
raft_commit_index              G
raft_applied_index             G
raft_snapshot_index            G
raft_log_entries               G
raft_log_bytes                 G
raft_peer_lag_entries          G peer
raft_elections_total           C
raft_leader_changes_total      C
replica_digest_differs_total   C
raft_proposals_refused_total   C reason
raft_snapshots_total           C kind
raft_commit_seconds            H
raft_fsync_seconds             H
raft_apply_seconds             H
raft_batch_entries             H
nodes                          G status version
node_units                     G node state
node_heartbeat_age_seconds     G node
load_ratio                     G
overload_active                G
node_losses_total              C
node_session_resets_total      C reason
grpc_requests_total            C method code
grpc_request_seconds           H method
grpc_in_flight                 G
http_requests_total            C route code
watchers                       G door
watch_resets_total             C door reason
event_loop_lag_seconds         H
disk_free_bytes                G
disk_full                      G
damaged                        G
clock_spread_seconds           G
feature_level                  G
tls_expiry_seconds             G file
build_info                     G version python tzdata
"""

_NODE = """
node_lease_remaining_seconds   G
outbox_entries                 G
outbox_oldest_seconds          G
node_runs                      G executor
worker_restarts_total          C reason
worker_stalls_total            C executor
lease_stops_total              C step
"""

Row = tuple[str, tuple[str, ...]]


def _read(table: str) -> dict[str, Row]:
    lines = (line.split() for line in table.strip().splitlines())
    return {name: (KINDS[kind], tuple(labels)) for name, kind, *labels in lines}


COORDINATOR = _read(_COORDINATOR)
NODE = _read(_NODE)
