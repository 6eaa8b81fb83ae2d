"""Raft, sans-IO: a member of the group as an object that is told things and asks for things. It knows bytes, no task.

Why our own: the guarantees of the product are this algorithm's, and no library that installs on a supported Python
keeps them. It follows the published semantics of etcd-io/raft, message for message; `tests/conformance` proves that
with stories which nobody here wrote. No clock, no dice, no disk and no network: ticks, dice and messages come in,
`Ready` goes out.

Who may enter: `replica` and `shell` only. Door: `raft.Raft`, with `config.Config`, a `storage.Storage` and dice.

Reading order: `messages` (the words), `ready` (what the owner has to do), `storage` (the port), `raft` (the door),
`quorum`, `membership` and `progress` (arithmetic without state of its own), `log`, `core` (the state of a member and
its roles), then the subjects: `election`, `leading` and `replication`, `following`, `proposals`, `reads`, `changing`.
"""
