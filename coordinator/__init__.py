"""The coordinator: three or five processes that hold one replicated cluster state and decide which node runs what.

Rooms, street door first: `shell` (the one loop, disk, sockets, clock, dice) feeds `replica` (one coordinator as one
deterministic object), which drives `consensus` (Raft, sans-IO) and applies what it commits through `codec` to
`machine` (the law) on the values of `model`. On the leader `duties` say what is owed, asking `assignment` (where) and
`timetable` (when). `api`, `cli` and `dashboard` are doors for people and nodes; `client` is the library they use, and
`wire` is generated from `proto/`.

Start with `model`, one story in `tests/stories`, `machine/apply.py`, `consensus`, `replica/replica.py`, `shell/pump.py`.
"""
