"""Random wishes and reports about a few series, which become one-offs and series again."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from coordinator.machine import commands as c
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Policy, RunOutcome, TaskSpec
from tests.properties import moves
from tests.properties.moves import chance
from tests.properties.timekeeper import Draw

NAMES = ("a", "b")


def command_for(state: ClusterState, draw: Draw) -> c.Command:
    """One command, drawn by `draw`, mostly one that could be accepted now."""
    maker = draw(st.sampled_from(_MAKERS))
    command: c.Command = maker(state, draw)
    return command


def choice(state: ClusterState, draw: Draw) -> Assignment:
    """A node, or none at this moment."""
    if draw(st.integers(0, 9)) < 3:
        return Assignment(code=Code.NO_CAPACITY)
    return moves.choice(state, draw)


def drawn_schedule(draw: Draw, at: int) -> Schedule:
    every = draw(st.integers(2, 7))
    return Schedule(
        every_ms=every,
        end=draw(st.sampled_from((0, 0, 0, at + 30))),
        count_from=draw(st.sampled_from(("due", "due", "due", "start", "end"))),
        jitter_ms=draw(st.integers(0, every // 2)),
        misfire=draw(st.sampled_from(("once", "all", "skip"))),
        max_catch_up=draw(st.integers(1, 3)),
        overlap=draw(st.sampled_from(("skip", "queue_one", "replace"))),
        start_deadline_ms=draw(st.sampled_from((0, 0, 4))),
        pause_after_failures=draw(st.sampled_from((0, 0, 2))),
    )


def _name(draw: Draw) -> TaskId:
    return TaskId(draw(st.sampled_from(NAMES)))


def _policy(draw: Draw) -> Policy:
    return Policy(
        cost=1,
        max_attempts=draw(st.integers(0, 3)),
        on_lost=draw(st.sampled_from(("rerun", "rerun", "fail"))),
        within_occurrence=draw(st.booleans()),
        reset_after_ms=draw(st.sampled_from((0, 2))),
        retention_ms=0,
    )


def _create(state: ClusterState, draw: Draw) -> c.CreateTask:
    return c.CreateTask(
        _name(draw),
        "demo",
        1,
        b"{}",
        TaskSpec(schedule=drawn_schedule(draw, state.at) if chance(draw, 90) else None),
        _policy(draw),
        choice(state, draw),
        paused=chance(draw, 10),
        replace_finished=chance(draw, 80),
    )


def _end(state: ClusterState, draw: Draw) -> c.EndRun:
    again, schedule, then = 0, None, ""
    match draw(st.integers(0, 15)):
        case 0:
            again = state.at + draw(st.integers(0, 5))
        case 1:
            schedule = drawn_schedule(draw, state.at)
        case 2:
            then = draw(st.sampled_from(("pause", "end")))
        case _:
            pass
    permanent = chance(draw, 10)
    reasons = ("permanent", "self_reported", "invalid_state")
    return c.EndRun(
        *moves.run(state, draw),
        draw(st.sampled_from(list(RunOutcome))),
        reason=draw(st.sampled_from(reasons)) if permanent else "",
        permanent=permanent,
        retry_at=state.at + draw(st.integers(0, 6)),
        retry_given=chance(draw, 20),
        lasted_ms=draw(st.integers(0, 3)),
        worker_died=chance(draw, 10),
        next=choice(state, draw) if chance(draw, 60) else None,
        again_at=again,
        schedule=schedule,
        then=then,
    )


def _update(state: ClusterState, draw: Draw) -> c.UpdateTask:
    task_id = _name(draw)
    task = state.tasks.get(task_id)
    present = task.spec.schedule if task is not None else None
    schedule = present
    match draw(st.integers(0, 4)):
        case 0 | 1:
            schedule = drawn_schedule(draw, state.at)
        case 2:
            schedule = None
        case 3 if present is not None:
            other = drawn_schedule(draw, state.at)
            policies = ("misfire", "max_catch_up", "overlap", "start_deadline_ms")
            schedule = replace(present, **{name: getattr(other, name) for name in policies})
        case _:
            pass
    due_at = state.at + 4 if chance(draw, 20) else None
    return c.UpdateTask(
        task_id,
        task.edited_revision if task is not None else 0,
        spec=TaskSpec(schedule=schedule, due_at=due_at),
        policy=_policy(draw),
        restart=chance(draw, 20),
    )


def _pause(state: ClusterState, draw: Draw) -> c.PauseTask:
    until = state.at + 5 if chance(draw, 20) else 0
    return c.PauseTask(
        _name(draw), finish=chance(draw, 60), until=until, clear_state=chance(draw, 20)
    )


def _resume(state: ClusterState, draw: Draw) -> c.ResumeTask:
    return c.ResumeTask(_name(draw), no_catch_up=chance(draw, 30))


def _run_now(state: ClusterState, draw: Draw) -> c.RunNow:
    return c.RunNow(_name(draw), queue=chance(draw, 50), replace=chance(draw, 30))


def _retry(state: ClusterState, draw: Draw) -> c.RetryTask:
    return c.RetryTask(_name(draw), again=chance(draw, 80))


def _cancel(state: ClusterState, draw: Draw) -> c.Command:
    if chance(draw, 60):
        return c.CancelRun(_name(draw), rerun=chance(draw, 70))
    return c.CancelTask(_name(draw), purge=chance(draw, 30))


def _assign(state: ClusterState, draw: Draw) -> c.AssignTask:
    task_id = _name(draw)
    task = state.tasks.get(task_id)
    expected: Any = task.allocation_id if task is not None else 1
    return c.AssignTask(task_id, expected, choice(state, draw))


_MAKERS = (
    (_create,) * 3
    + (_assign, _end) * 5
    + (_pause, _resume, _run_now, _update) * 2
    + (_retry, _cancel)
    + moves.RUN_MAKERS
    + moves.NODE_MAKERS
)
