"""ASYNCIO, DISK, SOCKETS, CLOCK, DICE: the one loop that feeds the replica and does its effects in order.

Everything that touches the outer world on behalf of a coordinator lives here, and nothing else does: the rooms below
are told what happened as inputs and ask for what they want as effects. Nobody imports the shell but its own programs.

Read `pump` (the one loop) first, then what its effects lead to: `store`, `wal_check` and `data_dir` (disk),
`standing`, `peer_links`, `peer_server` and `neighbours` (other coordinators), `snapshots_io`, `plugins` (foreign code in helper processes:
`plugin_helper`, and at the other end of the pipes `plugin_process`).
`metrics` is what a process counts beside its work for whoever scrapes it: `metric_families` (the names), `metrics_tasks`, `metrics_turns`,
`metrics_cluster`, `grpc_counts`, `door_counts`.
`founding` is how a cluster is born, `joining` how a member comes to one that is there, `settings` how a coordinator is told what to be, `daemon` where all is built.
`offline` is what the program does to files and directories while nothing runs: `inspect_command`, `restore_command`,
`recover_command` and `verify_command`, over `backup_reading`, `survivor`, `new_directory` and `seed`.
"""
