"""THE LAW: commands, outcomes, `apply(state, command)` and the invariants `check(state)`.

Same state, same command, same outcome, on every member, for ever: no clock, no dice, no set order.
Read `commands`, then `apply`, then the clauses by subject, then `invariants`.
"""
