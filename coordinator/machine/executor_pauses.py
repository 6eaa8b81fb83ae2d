"""Operators pause a type of work, or all of it (TM-28). What has a node goes on, unless it is to stop as well."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.machine.commands import PauseExecutor, ResumeExecutor, SetSettings
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.settings import set_settings
from coordinator.machine.stopping import ask_to_stop
from coordinator.model import limits
from coordinator.model.events import ExecutorsPaused
from coordinator.model.pauses import ExecutorPause
from coordinator.model.state import ClusterState
from coordinator.model.tasks import StopReason, Task

SWITCH = "assignment.enable"


def pause_executor(state: ClusterState, command: PauseExecutor) -> Outcome:
    """Whoever pauses what is paused keeps the first one's word; runs may be stopped later all the same."""
    if not command.reason:
        return Refused(Refusal.INVALID_FIELD, "reason: a pause needs one, for whoever looks at it")
    name = command.executor
    outcome = _pause_one(state, command) if name else _pause_all(state, command)
    if isinstance(outcome, Refused) or not command.stop:
        return outcome
    stopped = [
        ask_to_stop(state, task, StopReason.MOVE, command.reason)
        for task in list(_placed(state, name))
    ]
    return outcome if all(one.unchanged for one in stopped) else Accepted()


def resume_executor(state: ClusterState, command: ResumeExecutor) -> Outcome:
    """Also one that nobody knows any more. The answer names what was paused and is not any longer."""
    name = command.executor
    held = [name] if name in state.paused_executors else []
    if not name:
        held = sorted(state.paused_executors)
    for one in held:
        del state.paused_executors[one]
    if held:
        state.events.append(ExecutorsPaused(tuple(held), command.by))
    if not name and not state.settings.assignment_enabled:
        set_settings(state, SetSettings((), (SWITCH,), command.by))
        held = [SWITCH, *held]
    return Accepted(unchanged=not held, cleared=tuple(held))


def _pause_one(state: ClusterState, command: PauseExecutor) -> Outcome:
    name = command.executor
    if name in state.paused_executors:
        return Accepted(unchanged=True)
    if name not in state.manifests and name not in state.of_executor:
        return Refused(Refusal.EXECUTOR_NOT_FOUND, f"no node ever offered {name}")
    most = limits.PAUSED_EXECUTORS_MAX
    if len(state.paused_executors) >= most:
        return Refused(Refusal.LIMIT_REACHED, f"{most} executors are paused; at most {most}")
    state.paused_executors[name] = ExecutorPause(command.reason, command.by, state.at)
    state.events.append(ExecutorsPaused((name,), command.by, command.reason))
    return Accepted()


def _pause_all(state: ClusterState, command: PauseExecutor) -> Outcome:
    return set_settings(state, SetSettings(((SWITCH, "none"),), (), command.by, command.reason))


def _placed(state: ClusterState, executor: str) -> Iterator[Task]:
    """Its tasks that have a node, or all of them, by node: no walk over those that have none."""
    for node in sorted(state.on_node):
        if executor and executor not in state.use[node].by_executor:
            continue
        tasks = (state.tasks[task_id] for task_id in sorted(state.on_node[node]))
        yield from (task for task in tasks if executor in ("", task.executor))
