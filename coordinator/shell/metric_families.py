"""The metrics of a coordinator: names, types and labels are a contract (EX-73); docs/operations.md tells the same.

Of the cluster: what the leader alone shows or counts, so that a sum over coordinators is right. Counters stay where they
were counted, so none falls when another leads.
"""

from __future__ import annotations

from typing import Final

from coordinator.client.metric_parts import Family

_OF_TASKS: Final = (
    Family("tasks", "gauge", "Task records, finished ones included.", ("status", "executor")),
    Family("overdue", "gauge", "Tasks that are wanted, due and not started.", ("executor",)),
    Family(
        "overdue_age_seconds", "gauge", "Since when the oldest overdue task is due.", ("executor",)
    ),
    Family("unassigned", "gauge", "Tasks without a node, by the reason why.", ("code",)),
    Family(
        "lazy_cost_units", "gauge", "Units asked for by tasks that wait for a node to be added.",
        ("executor",),
    ),
    Family("dead_letters", "gauge", "Failed tasks that are kept, by why they failed.", ("reason",)),
    Family(
        "created_total", "counter", "Answers to wishes for a task: created, existing, refused.",
        ("executor", "result"),
    ),
    Family("runs_total", "counter", "Runs that have ended.", ("executor", "outcome")),
    Family("retries_total", "counter", "Runs placed to try again: the one before failed, or was cancelled alone.", ("executor",)),
    Family("cancels_total", "counter", "Tasks whose cancel was accepted."),
    Family(
        "moves_total", "counter",
        "Runs asked to end so that their task runs elsewhere: drain, rebalance, operator.",
        ("reason",),
    ),
    Family(
        "schedule_fates_total", "counter", "Fire times, by what became of them.",
        ("executor", "fate"),
    ),
    Family(
        "start_delay_seconds", "histogram", "From being due to the first line of user code.",
        ("executor",),
    ),
    Family(
        "assign_seconds", "histogram", "From being due to having a node.", ("executor",)
    ),
    Family(
        "schedule_lateness_seconds", "histogram", "From a fire time that starts a run to its start.",
        ("executor",),
    ),
    Family("run_seconds", "histogram", "How long user code ran.", ("executor", "outcome")),
)  # fmt: skip

_OF_PLACING: Final = (
    Family("passes_total", "counter", "Passes over the tasks without a node."),
    Family(
        "assigner_errors_total", "counter",
        "Questions to an executor's own code that it raised on, overran, or whose code is missing.",
        ("executor", "hook"),
    ),
    Family(
        "stale_messages_total", "counter", "Reports of runs that are not the current one.",
        ("kind",),
    ),
    Family(
        "records_dropped_total", "counter", "Records of finished tasks that were removed.",
        ("status",),
    ),
    Family("pass_seconds", "histogram", "Turns of the loop in which a pass was made, summed per pass."),
    Family(
        "executor_hook_seconds", "histogram", "How long an executor's own code took to answer.",
        ("executor", "hook"),
    ),
    Family("executor_load_errors", "gauge", "Plugins that a node could not load.", ("node",)),
)  # fmt: skip

_OF_CONSENSUS: Final = (
    Family("raft_term", "gauge", "Term of this member."),
    Family("raft_is_leader", "gauge", "1 while this member leads."),
    Family("raft_has_leader", "gauge", "1 while this member knows a leader."),
    Family("raft_commit_index", "gauge", "Last entry known to be committed."),
    Family("raft_applied_index", "gauge", "Last entry applied here."),
    Family("raft_snapshot_index", "gauge", "Last entry of the newest snapshot here."),
    Family("raft_log_entries", "gauge", "Entries in the log."),
    Family("raft_log_bytes", "gauge", "Payload of the entries in the log."),
    Family(
        "raft_peer_lag_entries", "gauge", "Entries that a member has not acknowledged yet.",
        ("peer",),
    ),
    Family("raft_elections_total", "counter", "Terms that began, as seen here."),
    Family("raft_leader_changes_total", "counter", "Times another member became leader, as seen here."),
    Family(
        "replica_digest_differs_total", "counter",
        "Digests of a member, this one or one it leads, that differ from the majority's.",
    ),
    Family(
        "raft_proposals_refused_total", "counter", "Calls whose wishes were not taken.",
        ("reason",),
    ),
    Family(
        "raft_snapshots_total", "counter", "Snapshots taken, sent, received, failed.", ("kind",)
    ),
    Family("raft_commit_seconds", "histogram", "From writing entries on the leader to their commit."),
    Family("raft_fsync_seconds", "histogram", "Transactions of the store, fsync included."),
    Family("raft_apply_seconds", "histogram", "Turns of the loop in which entries were applied."),
    Family("raft_batch_entries", "histogram", "Entries in one write to disk."),
)  # fmt: skip

_OF_NODES: Final = (
    Family("nodes", "gauge", "Nodes by status and release.", ("status", "version")),
    Family("node_units", "gauge", "Units of a node.", ("node", "state")),
    Family(
        "node_heartbeat_age_seconds", "gauge", "Since the last accepted heartbeat.", ("node",)
    ),
    Family("load_ratio", "gauge", "Units used or kept, of all units of nodes that take work."),
    Family("overload_active", "gauge", "1 while a node lowers its capacity because it is overloaded."),
    Family("node_losses_total", "counter", "Nodes given up for lost."),
    Family(
        "node_session_resets_total", "counter", "Sessions of nodes that ended.", ("reason",)
    ),
)  # fmt: skip

_OF_DOORS: Final = (
    Family("grpc_requests_total", "counter", "Calls that have ended.", ("method", "code")),
    Family("grpc_request_seconds", "histogram", "How long calls took; of streams, how long they lasted.", ("method",)),
    Family("grpc_in_flight", "gauge", "Calls and streams under way."),
    Family("http_requests_total", "counter", "Requests to this door.", ("route", "code")),
    Family("watchers", "gauge", "Open watches.", ("door",)),
    Family(
        "watch_resets_total", "counter", "Watches told to begin anew.", ("door", "reason")
    ),
)  # fmt: skip

_OF_THE_PROCESS: Final = (
    Family("event_loop_lag_seconds", "histogram", "How late the event loop called a timer."),
    Family("disk_free_bytes", "gauge", "Free space beside the data directory."),
    Family("disk_full", "gauge", "1 while writes fail for want of space, or too little is left to begin one."),
    Family("damaged", "gauge", "1 where the disk has lost data: this member has to be replaced."),
    Family("clock_spread_seconds", "gauge", "Between the furthest clocks of the members this one hears."),
    Family("feature_level", "gauge", "Feature level in force."),
    Family("tls_expiry_seconds", "gauge", "Until a certificate expires.", ("file",)),
    Family("build_info", "gauge", "Always 1.", ("version", "python", "tzdata")),
)  # fmt: skip

FAMILIES: Final = (
    *_OF_TASKS,
    *_OF_PLACING,
    *_OF_CONSENSUS,
    *_OF_NODES,
    *_OF_DOORS,
    *_OF_THE_PROCESS,
)
