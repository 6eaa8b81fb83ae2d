"""Why the consensus core is our own: what raftos 0.2.6 does, shown on its real source.

`scripts/raftos-evidence` fetches the source into a temporary directory with an environment of its own (current msgpack
and cryptography), never into the project's, and runs each row in a process of its own. Nothing of raftos is changed;
`shims` gives back, from outside, what Python and msgpack have removed since 2017.

Reading order: `rows` (what a row is, and the list), `one_process` (a single raftos state on a stub that records what is
sent), `cluster` with `node_process` and `three_processes` (real nodes on loopback), `reading` (what the source says),
`main` (sets up, runs, prints).
"""
