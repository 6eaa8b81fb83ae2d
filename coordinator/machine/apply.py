"""All that the cluster ever decides goes through here. No clock, no dice, no await.

`apply_batch` executes one log entry; its requests succeed or fail alone, and later ones see
earlier ones (PT-17). A refused command leaves no trace but its remembered answer. What happened
lies in `state.events` until the caller takes it with `state.take_events()`.
"""

from __future__ import annotations

from typing import assert_never

from coordinator.machine import commands as c
from coordinator.machine.assign import assign_task
from coordinator.machine.audit import audit
from coordinator.machine.cancel import (
    cancel_run,
    cancel_task,
    remove_task,
    stop_run,
    unassign_task,
)
from coordinator.machine.children import take_descendants_along
from coordinator.machine.create import create_task
from coordinator.machine.dependencies import release_dependents
from coordinator.machine.drains import (
    defer_move,
    drain_node,
    forget_node,
    remove_node,
    undrain_node,
)
from coordinator.machine.edit import update_task
from coordinator.machine.executor_pauses import pause_executor, resume_executor
from coordinator.machine.failures import InvariantBroken
from coordinator.machine.features import raise_feature_level
from coordinator.machine.firing import fire_schedule, miss_occurrence, time_series
from coordinator.machine.limits import remove_limit, set_limit
from coordinator.machine.members import (
    add_member,
    bind_member,
    finish_member_change,
    remove_member,
)
from coordinator.machine.nodes import join_node, lose_node, lose_runs
from coordinator.machine.outcome import Accepted, Outcome
from coordinator.machine.pause import pause_task, resume_task, retry_task
from coordinator.machine.report import end_run, start_run, write_state
from coordinator.machine.requests import answer_again, forget_requests, remember
from coordinator.machine.run_now import run_now
from coordinator.machine.settings import drop_reassign_floor, set_settings
from coordinator.machine.together import change_tasks
from coordinator.model.events import DigestAgreed
from coordinator.model.state import ClusterState


def apply_batch(state: ClusterState, index: int, batch: c.Batch) -> list[Outcome]:
    """Apply the entry at this index: one outcome per request, in their order.

    Raises InvariantBroken if the entry was applied before, UpgradeNeeded if it asks for more than
    this build knows. Either stops the process.
    """
    if index <= state.revision:
        raise InvariantBroken(f"entry {index} comes after entry {state.revision} was applied")
    state.begin_entry(index, batch.at)
    return [_answer(state, request) for request in batch.requests]


def _answer(state: ClusterState, request: c.Request) -> Outcome:
    outcome = answer_again(state, request)
    if outcome is None:
        outcome = apply(state, request.command)
        audit(state, request, outcome)
        remember(state, request, outcome)
    return outcome


def apply(state: ClusterState, command: c.Command) -> Outcome:
    """One command. Same state, same command, same outcome, on every member, for ever."""
    before = len(state.events)
    outcome = _apply(state, command)
    if state.children or state.dependents:
        _follow(state, before)
    return outcome


def _follow(state: ClusterState, since: int) -> None:
    """What the end of a task means for those that belong to it or wait for it. Their own events are looked at in turn."""
    while since < len(state.events):
        take_descendants_along(state, state.events[since])
        release_dependents(state, state.events[since])
        since += 1


def _apply(state: ClusterState, command: c.Command) -> Outcome:
    match command:
        case c.CreateTask():
            return create_task(state, command)
        case c.StartRun():
            return start_run(state, command)
        case c.EndRun():
            return end_run(state, command)
        case c.WriteState():
            return write_state(state, command)
        case c.AssignTask():
            return assign_task(state, command)
        case c.StopRun():
            return stop_run(state, command)
        case c.ChangeTasks():
            return change_tasks(state, command, _apply)
        case _:
            return _apply_to_series(state, command)


def _apply_to_series(
    state: ClusterState,
    command: c.SeriesCommand | c.WishCommand | c.NodeCommand | c.ClusterCommand | c.MemberCommand,
) -> Outcome:
    match command:
        case c.FireSchedule():
            return fire_schedule(state, command)
        case c.TimeSeries():
            return time_series(state, command)
        case c.MissOccurrence():
            return miss_occurrence(state, command)
        case c.RunNow():
            return run_now(state, command)
        case _:
            return _apply_wish(state, command)


def _apply_wish(
    state: ClusterState,
    command: c.WishCommand | c.NodeCommand | c.ClusterCommand | c.MemberCommand,
) -> Outcome:
    match command:
        case c.CancelTask():
            return cancel_task(state, command)
        case c.UnassignTask():
            return unassign_task(state, command)
        case c.RemoveTask():
            return remove_task(state, command)
        case c.UpdateTask():
            return update_task(state, command)
        case c.PauseTask():
            return pause_task(state, command)
        case c.ResumeTask():
            return resume_task(state, command)
        case c.RetryTask():
            return retry_task(state, command)
        case c.CancelRun():
            return cancel_run(state, command)
        case _:
            return _apply_elsewhere(state, command)


def _apply_elsewhere(
    state: ClusterState, command: c.NodeCommand | c.ClusterCommand | c.MemberCommand
) -> Outcome:
    match command:
        case c.JoinNode():
            return join_node(state, command)
        case c.LoseNode():
            return lose_node(state, command)
        case c.LoseRuns():
            return lose_runs(state, command)
        case c.DrainNode():
            return drain_node(state, command)
        case c.UndrainNode():
            return undrain_node(state, command)
        case c.DeferMove():
            return defer_move(state, command)
        case c.RemoveNode():
            return remove_node(state, command)
        case c.ForgetNode():
            return forget_node(state, command)
        case _:
            return _apply_to_cluster(state, command)


def _apply_to_cluster(state: ClusterState, command: c.ClusterCommand | c.MemberCommand) -> Outcome:
    match command:
        case c.SetSettings():
            return set_settings(state, command)
        case c.ForgetRequests():
            return forget_requests(state, command)
        case c.RaiseFeatureLevel():
            return raise_feature_level(state, command)
        case c.DropReassignFloor():
            return drop_reassign_floor(state, command)
        case c.SetLimit():
            return set_limit(state, command)
        case c.RemoveLimit():
            return remove_limit(state, command)
        case c.CheckDigest():
            state.events.append(DigestAgreed(command.index, command.digest))
            return Accepted(unchanged=True)
        case _:
            return _apply_to_executors(state, command)


def _apply_to_executors(
    state: ClusterState, command: c.ExecutorCommand | c.MemberCommand
) -> Outcome:
    match command:
        case c.PauseExecutor():
            return pause_executor(state, command)
        case c.ResumeExecutor():
            return resume_executor(state, command)
        case _:
            return _apply_to_members(state, command)


def _apply_to_members(state: ClusterState, command: c.MemberCommand) -> Outcome:
    match command:
        case c.AddMember():
            return add_member(state, command)
        case c.BindMember():
            return bind_member(state, command)
        case c.RemoveMember():
            return remove_member(state, command)
        case c.FinishMemberChange():
            return finish_member_change(state, command)
        case _:
            assert_never(command)
