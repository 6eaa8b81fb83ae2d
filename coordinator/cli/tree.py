"""The tree of commands: what there is, where it lives, and one line about it."""

from __future__ import annotations

from coordinator.cli.lazy import Entry, LazyGroup

_HERE = "coordinator.cli"
_TREE = {
    "start": Entry(f"{_HERE}.start_command", "start", "Start a task, or many from a file."),
    "list": Entry(
        f"{_HERE}.list_command", "list_tasks", "Unfinished and failed tasks; --all: all."
    ),
    "get": Entry(f"{_HERE}.read_commands", "get", "Everything known about tasks."),
    "explain": Entry(f"{_HERE}.explain_command", "explain", "Why a task is where it is."),
    "watch": Entry(f"{_HERE}.watch_command", "watch", "Changes as they happen, in order."),
    "wait": Entry(f"{_HERE}.wait_command", "wait", "Wait for tasks; the exit code tells."),
    "logs": Entry(f"{_HERE}.logs_command", "logs", "The log of a run, live with -f."),
    "call": Entry(f"{_HERE}.call_command", "call", "Ask the run of a task something."),
    "history": Entry(f"{_HERE}.history_command", "history", "The last runs of a task."),
    "cancel": Entry(f"{_HERE}.change_commands", "cancel", "Cancel tasks, for good."),
    "move": Entry(f"{_HERE}.change_commands", "move", "Stop a task here, start it elsewhere."),
    "pause": Entry(f"{_HERE}.edit_commands", "pause", "Tasks that are not wanted for now."),
    "resume": Entry(f"{_HERE}.edit_commands", "resume", "Paused tasks are wanted again."),
    "run-now": Entry(f"{_HERE}.edit_commands", "run_now", "Run tasks once, now."),
    "retry": Entry(f"{_HERE}.edit_commands", "retry", "Failed tasks run again, under their ids."),
    "update": Entry(f"{_HERE}.edit_commands", "update", "Change params, spec or state of a task."),
    "rm": Entry(f"{_HERE}.change_commands", "rm", "Remove finished tasks."),
    "node": Entry(f"{_HERE}.node_commands", "node", "Nodes: list, get, drain, undrain, rm."),
    "schedule": Entry(
        f"{_HERE}.schedule_commands", "schedule", "Schedules: list, preview, lint, apply."
    ),
    "executor": Entry(
        f"{_HERE}.executor_commands", "executor", "Executors: list, get, schema, validate."
    ),
    "cluster": Entry(
        f"{_HERE}.cluster_commands",
        "cluster",
        "The cluster: status, health, members, settings, ...",
    ),
    "limit": Entry(f"{_HERE}.limit_commands", "limit", "Limits of runs at a time: list, set, rm."),
    "dev": Entry(
        f"{_HERE}.dev_commands", "dev", "A cluster on this machine, for trying things out."
    ),
    "context": Entry(f"{_HERE}.context_commands", "context", "Named ways to clusters."),
    "completion": Entry(f"{_HERE}.completion_commands", "completion", "Completion for shells."),
    "new-executor": Entry(
        f"{_HERE}.new_executor_command", "new_executor", "A package to begin an executor with."
    ),
    "version": Entry(f"{_HERE}.version_command", "version", "The version of this program."),
}

root = LazyGroup(
    name="taskctl",
    entries=_TREE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Talk to a ptasks cluster. The task is the default noun: its verbs stand alone.",
    epilog="Start a cluster on this machine with: taskctl dev up",
)
