"""A real cluster under random faults, round by round, and what must be true after each round.

Three coordinators and three nodes, real processes on real disks, every link of theirs through a proxy of its own. Load
goes on all the time: callers that write down what they were promised, and executors that write down what they did. A
round inflicts some faults, heals them, waits until the cluster works again and then compares promises with facts.

`scripts/chaos` runs as many rounds as one likes; `tests/end_to_end/test_chaos.py` runs a few. One seed decides which
faults a round has, and where and when; how the processes then meet them is up to the machine.

Reading order: `plan` (which faults, pure), `arena` (the cluster), `inflict` (doing them), `ledger` (promises, and what
contradicts them, pure), `load` and `callers` (who asks), `plugin` and `standing` (what runs), `lines` (what runs
wrote), `checks` and `looking` (after each round), `rounds` (all of it in order), `flips` and `flip_many` (rot in the
files of a stopped coordinator), `main`.
"""
