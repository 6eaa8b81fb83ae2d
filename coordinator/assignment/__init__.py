"""WHERE: candidates -> objections -> a choice with its reason. Pure; only the leader asks.

An executor's own `get_assignment` is foreign code: it is asked through an effect with a deadline,
and `judge` here looks at its answer. Read `load`, `objections`, `choose`, then `plan` (many at once).
"""
