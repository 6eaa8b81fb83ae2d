"""ONE COORDINATOR AS ONE DETERMINISTIC OBJECT: `Replica.handle(inputs, now) -> effects`.

It owns the consensus core, the machine's state and, while it leads, the duties, leases and node
sessions. It reads no clock, opens no socket and rolls no dice: all that comes in as inputs, and all
that it wants done goes out as effects, to be done in the order given. The shell's pump is its only
driver in production; the simulator is another.

Read `inputs`, `effects`, `sayings` (what nodes and the leader say), then `replica`. Foreign code is
asked by `creation` (validate) and `assigners` (get_assignment), which say it in `questions`, `shown`.
Who the coordinators are changes by `member_changes`.
"""
