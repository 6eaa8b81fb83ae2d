"""`taskctl dev`: a cluster of real processes on this machine, made to be broken."""

from __future__ import annotations

from coordinator.cli.lazy import Entry, LazyGroup

_UP = "coordinator.cli.dev_up"
_CONTROL = "coordinator.cli.dev_control"
_STATUS = "coordinator.cli.dev_status"
dev = LazyGroup(
    name="dev",
    help="A cluster on this machine, for trying things out.",
    entries={
        "up": Entry(_UP, "up", "Start coordinators and nodes, then the demonstration."),
        "demo": Entry(_UP, "demo", "The demonstration: kill, watch it go on, check the result."),
        "status": Entry(_STATUS, "status", "What runs, with the pids of agents and workers."),
        "kill": Entry(_CONTROL, "kill", "SIGKILL, no goodbye. NAME may be leader or node-of:TASK."),
        "start": Entry(_CONTROL, "start", "Start what is down, continue what is paused."),
        "pause": Entry(_CONTROL, "pause", "SIGSTOP to a process and all it started."),
        "logs": Entry(_STATUS, "logs", "What the processes say."),
        "down": Entry(_CONTROL, "down", "Stop everything; --purge: delete the data, too."),
    },
)
