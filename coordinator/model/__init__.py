"""VALUES: ids, instants, limits, tasks, nodes, settings and the cluster state. Imports nothing of ours.

Records are frozen; the one aggregate, `ClusterState`, is changed only by the machine, through its
`put_*` methods, which move every index along and note what changed. Everybody inside the
coordinator may read it. Read `tasks`, then `nodes`, then `state`.
"""
