"""WHAT A LEADER OWES: (state, view, now) -> commands, and when to be woken. Pure.

A duty belongs to one term: the view it looks at is made at the term's first commit and thrown away
when leadership ends, so a deposed leader has nothing left to propose from (N8, PT-49). Read
`agenda`, `view`, `recheck`, then the others in any order.
"""
