"""Raft, sans-IO: one member of the group, an object told things and asking for things. It knows bytes, no task.

Why our own: the guarantees of the product are this algorithm's, and no library that installs on a supported Python
keeps them. It follows the published semantics of etcd-io/raft, message for message; `tests/conformance` proves that
with stories which nobody here wrote. No clock, no dice, no disk and no network: ticks, dice and messages come in,
`Ready` goes out. What was contested stands in `DECISIONS.md`.

Who may enter: `replica` and `shell` only. Door: `raft.Raft`, with `config.Config`, a `storage.Storage` and dice.

Reading order: `messages` (the words), `ready` (what the owner has to do), `storage` (the port), `raft` (the door);
`quorum`, `membership`, `progress` and `tracker` (who counts, and what is known of them), `unstable` and `log`; `core`
(the state of a member and its roles), `terms` and `dispatch` (whom a message concerns); then the subjects:
`election`, `leading`, `replication`, `following`, `proposals`, `reads` and `reading`, `changing`; last `handout` (what
is new since the last `Ready`).
"""
