"""When: intervals, cron expressions and rrules turned into fire times, and what is to become of them.

Only the leader comes in here: it hands in the time, and what it finds goes into commands (TM-5), so that members with other
zone data stay identical. All of it is pure; zone data is that of the `tzdata` package.

A fire time is an instant of the timetable, also where it will be skipped. Local time for cron with a fixed hour and for
rrules: a local time that comes twice fires the first time only; one that does not exist has the first instant after the gap
as its fire time, where it is skipped as `dst_gap`, or starts with `dst_gap = shift`; several local times of one gap, and a
real one at its end, are one fire time. Cron with `*` or a step in its hour field goes by elapsed time (TM-14).

Read in this order: `zones` (walls and instants), `times`, `cron`, `rule_text`, `rule_days`, `rules` (matching walls),
`steps` (from one fire time to the next), `windows` (black-outs), `firing` (when they are due, the first one, after edits),
`stretches` and `misfires` (what the leader proposes), `problems` (what is refused at the door).

Who may enter: duties and what stands above them. It imports the model and nothing else of ours.
"""

from coordinator.timetable.firing import (
    edited,
    fate_of,
    first_firing,
    jitter_of,
    next_firing,
    resumed,
)
from coordinator.timetable.misfires import WALK_MAX, Plan, plan
from coordinator.timetable.problems import Problem, problem, shortest_gap

__all__ = [
    "WALK_MAX",
    "Plan",
    "Problem",
    "edited",
    "fate_of",
    "first_firing",
    "jitter_of",
    "next_firing",
    "plan",
    "problem",
    "resumed",
    "shortest_gap",
]
