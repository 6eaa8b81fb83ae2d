"""When: intervals, cron expressions and rrules turned into fire times, and what is to become of them.

Only the leader comes in here: it hands in the time, and what it finds goes into commands (TM-5), so that members with other
zone data stay identical. All of it is pure; zone data is that of the `tzdata` package.

A fire time is an instant of the timetable, also where it will be skipped. Local time for cron with a fixed hour and for
rrules: a local time that comes twice fires the first time only; one that does not exist has the first instant after the gap
as its fire time, where it is skipped as `dst_gap`, or starts with `dst_gap = shift`; several local times of one gap, and a
real one at its end, are one fire time. Cron with `*` or a step in its hour field goes by elapsed time (TM-14).

Read in this order: `zones` (walls and instants), `times`, `cron`, `rule_text`, `rule_days`, `rules` (matching walls),
`steps` (from one fire time to the next), `windows` (black-outs), `firing` (when they are due, the first one, after edits),
`counting`, `stretches` and `misfires` (what the leader proposes), `problems` (what is refused at the door), `preview` and `words` (for
people), `estimates`, `blackout_text`.

Who may enter: duties and what stands above them. It imports the model and nothing else of ours.
"""

from coordinator.timetable.blackout_text import blackout_text, parse_blackout
from coordinator.timetable.estimates import fires_per_minute, spread
from coordinator.timetable.firing import (
    edited,
    fate_of,
    first_firing,
    jitter_of,
    next_firing,
    resumed,
)
from coordinator.timetable.misfires import WALK_MAX, Plan, plan
from coordinator.timetable.preview import PREVIEW_MAX, Previewed, lint, preview
from coordinator.timetable.problems import Problem, problem, shortest_gap
from coordinator.timetable.windows import after_blackouts
from coordinator.timetable.words import reading

__all__ = [
    "PREVIEW_MAX",
    "WALK_MAX",
    "Plan",
    "Previewed",
    "Problem",
    "after_blackouts",
    "blackout_text",
    "edited",
    "fate_of",
    "fires_per_minute",
    "first_firing",
    "jitter_of",
    "lint",
    "next_firing",
    "parse_blackout",
    "plan",
    "preview",
    "problem",
    "reading",
    "resumed",
    "shortest_gap",
    "spread",
]
