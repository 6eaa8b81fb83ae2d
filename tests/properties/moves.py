"""Random commands that mean something: most fit the state as it is, some are stale on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from coordinator.machine import commands as c
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.nodes import Manifest, NodeStatus, Offer
from coordinator.model.state import ClusterState
from coordinator.model.tasks import (
    Assignment,
    Code,
    Policy,
    RunOutcome,
    Status,
    StopReason,
    Task,
    TaskSpec,
)

TASKS = ("a", "b", "c", "d")
NODES = ("n1", "n2", "n3")
Draw = Callable[[st.SearchStrategy[Any]], Any]


def command_for(state: ClusterState, draw: Draw) -> c.Command:
    """One command, drawn by `draw`, mostly one that could be accepted now."""
    maker = draw(st.sampled_from(_MAKERS))
    command: c.Command = maker(state, draw)
    return command


def beginning() -> tuple[c.JoinNode, ...]:
    """Nodes to begin with, so that a history soon has something to tell."""
    return tuple(
        c.JoinNode(
            NodeName(name), Incarnation(f"1-{name}"), f"uid-{name}", 1, 6, (Offer("demo", 1, "h1"),)
        )
        for name in NODES[:2]
    )


def chance(draw: Draw, percent: int) -> bool:
    return bool(draw(st.integers(0, 99)) < percent)


def choice(state: ClusterState, draw: Draw) -> Assignment:
    ready = [node.name for node in state.nodes_by_name() if node.status is NodeStatus.READY]
    name = NodeName(draw(st.sampled_from(ready or NODES)))
    if chance(draw, 10):
        return Assignment(code=Code.NO_NODES)
    if chance(draw, 10):
        name = NodeName(draw(st.sampled_from(NODES)))
    node = state.nodes.get(name)
    incarnation = node.incarnation if node is not None else Incarnation("1-x")
    return Assignment(name, incarnation, Code.ASSIGNED)


def _task(state: ClusterState, draw: Draw, fits: Callable[[Task], bool] | None = None) -> TaskId:
    """A task, mostly one that fits."""
    names = [t.id for t in state.tasks_by_id() if fits is not None and fits(t)]
    if names and chance(draw, 85):
        return TaskId(draw(st.sampled_from(names)))
    return TaskId(draw(st.sampled_from(TASKS)))


def _placed(task: Task) -> bool:
    return task.has_node


def _placeable(task: Task) -> bool:
    return task.status in (Status.UNASSIGNED, Status.WAITING)


def _over(task: Task) -> bool:
    return task.is_terminal


def _goes_on(task: Task) -> bool:
    return not task.is_terminal


def _policy(draw: Draw) -> Policy:
    return Policy(
        cost=draw(st.integers(0, 3)),
        max_attempts=draw(st.integers(0, 3)),
        on_lost=draw(st.sampled_from(("rerun", "rerun", "fail"))),
        retention_ms=draw(st.sampled_from((-1, 0, 5_000))),
    )


def _allocation(state: ClusterState, draw: Draw, task_id: TaskId) -> AllocationId:
    task = state.tasks.get(task_id)
    current = task.allocation_id if task is not None else 1
    return AllocationId(current - draw(st.sampled_from((0,) * 10 + (1, 2))))


def run(state: ClusterState, draw: Draw) -> tuple[TaskId, AllocationId, Incarnation]:
    task_id = _task(state, draw, _placed)
    task = state.tasks.get(task_id)
    incarnation = task.assignment.incarnation if task is not None else None
    return task_id, _allocation(state, draw, task_id), incarnation or Incarnation("1-x")


def _create(state: ClusterState, draw: Draw) -> c.CreateTask:
    due = draw(st.sampled_from((None, None, state.at + 2_000)))
    parent = _task(state, draw, _goes_on) if chance(draw, 40) else ""
    return c.CreateTask(
        _task(state, draw),
        "demo",
        1,
        draw(st.sampled_from((b"{}", b'{"x":1}'))),
        TaskSpec(due_at=due, parent=parent),
        _policy(draw),
        choice(state, draw),
        paused=chance(draw, 10),
        require_assignment=chance(draw, 10),
        replace_finished=chance(draw, 50),
        by_run=_by_run(state, draw, parent) if parent and chance(draw, 50) else None,
    )


def _by_run(state: ClusterState, draw: Draw, parent_id: str) -> tuple[AllocationId, Incarnation]:
    parent = state.tasks.get(TaskId(parent_id))
    incarnation = parent.assignment.incarnation if parent is not None else None
    return _allocation(state, draw, TaskId(parent_id)), incarnation or Incarnation("1-x")


def _assign(state: ClusterState, draw: Draw) -> c.AssignTask:
    task_id = _task(state, draw, _placeable)
    return c.AssignTask(task_id, _allocation(state, draw, task_id), choice(state, draw))


def _start(state: ClusterState, draw: Draw) -> c.StartRun:
    return c.StartRun(*run(state, draw), state.at)


def _write(state: ClusterState, draw: Draw) -> c.WriteState:
    return c.WriteState(*run(state, draw), draw(st.integers(1, 4)), b"1", 1)


def _end(state: ClusterState, draw: Draw) -> c.EndRun:
    return c.EndRun(
        *run(state, draw),
        draw(st.sampled_from(list(RunOutcome))),
        permanent=chance(draw, 10),
        retry_at=state.at + draw(st.integers(0, 3_000)),
        worker_died=chance(draw, 20),
        has_final_state=chance(draw, 20),
        final_state_seq=draw(st.integers(1, 4)),
        next=choice(state, draw) if chance(draw, 50) else None,
        again_at=state.at + 2_000 if chance(draw, 10) else 0,
        then=draw(st.sampled_from(("", "", "", "", "pause", "end"))),
    )


def _run_now(state: ClusterState, draw: Draw) -> c.RunNow:
    return c.RunNow(_task(state, draw, _goes_on), queue=chance(draw, 50), replace=chance(draw, 30))


def _cancel(state: ClusterState, draw: Draw) -> c.CancelTask:
    return c.CancelTask(_task(state, draw), chance(draw, 30), chance(draw, 20))


def _cancel_run(state: ClusterState, draw: Draw) -> c.CancelRun:
    task_id = _task(state, draw, _placed)
    number = _allocation(state, draw, task_id) if chance(draw, 50) else AllocationId(0)
    return c.CancelRun(task_id, number, rerun=chance(draw, 80))


def _update(state: ClusterState, draw: Draw) -> c.UpdateTask:
    task_id = _task(state, draw, _goes_on)
    task = state.tasks.get(task_id)
    has_spec, has_params = chance(draw, 60), chance(draw, 50)
    due = draw(st.sampled_from((None, state.at - 1, state.at + 2_000)))
    return c.UpdateTask(
        task_id,
        task.edited_revision if task is not None and chance(draw, 90) else 0,
        draw(st.sampled_from((b"{}", b'{"x":2}'))) if has_params else None,
        1,
        TaskSpec(due_at=due) if has_spec else None,
        _policy(draw) if has_spec else None,
        restart=chance(draw, 30),
        has_state=chance(draw, 30),
        state=draw(st.sampled_from((None, b"5"))),
    )


def _pause(state: ClusterState, draw: Draw) -> c.Command:
    if chance(draw, 50):
        task_id = _task(state, draw, _goes_on)
        ended = state.tasks[task_id].paused_until if task_id in state.tasks else 0
        return c.ResumeTask(task_id, paused_until=ended if chance(draw, 50) else 0)
    until = state.at + draw(st.sampled_from((1, 5_000, 60_000))) if chance(draw, 40) else 0
    task_id, finish, clear = _task(state, draw, _goes_on), chance(draw, 50), chance(draw, 20)
    return c.PauseTask(task_id, finish=finish, until=until, clear_state=clear)


def _retry(state: ClusterState, draw: Draw) -> c.RetryTask:
    return c.RetryTask(_task(state, draw, _over), again=chance(draw, 60))


def _unassign(state: ClusterState, draw: Draw) -> c.UnassignTask:
    task_id = _task(state, draw, _placed)
    return c.UnassignTask(task_id, _allocation(state, draw, task_id))


def _remove(state: ClusterState, draw: Draw) -> c.RemoveTask:
    task_id = _task(state, draw, _over)
    task = state.tasks.get(task_id)
    return c.RemoveTask(task_id, task.revision if task is not None else 0)


def _join(state: ClusterState, draw: Draw) -> c.JoinNode:
    name = draw(st.sampled_from(NODES))
    uid = f"uid-{name}" if chance(draw, 90) else "uid-other"
    counter = state.node_counters.get(uid, 0) + draw(st.sampled_from((1, 1, 1, 0)))
    version = draw(st.sampled_from((1, 1, 1, 0)))
    return c.JoinNode(
        NodeName(name),
        Incarnation(f"{counter}-{name}"),
        uid,
        counter,
        draw(st.integers(1, 6)),
        (Offer("demo", version, f"h{version}"),),
        old_is_dead=chance(draw, 60),
        manifests=(Manifest("demo", version, f"h{version}", b"{}"),),
    )


def _node(state: ClusterState, draw: Draw) -> tuple[NodeName, Incarnation]:
    name = NodeName(draw(st.sampled_from(NODES)))
    node = state.nodes.get(name)
    stale = node is None or chance(draw, 20)
    return name, Incarnation("1-x") if stale or node is None else node.incarnation


def _placements(state: ClusterState, draw: Draw, name: NodeName) -> tuple[c.Placement, ...]:
    return tuple(
        c.Placement(task_id, _allocation(state, draw, task_id), choice(state, draw))
        for task_id in sorted(state.on_node.get(name, ()))
    )


def _lose(state: ClusterState, draw: Draw) -> c.LoseNode:
    name, incarnation = _node(state, draw)
    return c.LoseNode(name, incarnation, chance(draw, 30), "", _placements(state, draw, name))


def _lose_runs(state: ClusterState, draw: Draw) -> c.LoseRuns:
    name, incarnation = _node(state, draw)
    runs = tuple((task_id, _allocation(state, draw, task_id)) for task_id in map(TaskId, TASKS))
    return c.LoseRuns(name, incarnation, runs, "", _placements(state, draw, name))


def _drain(state: ClusterState, draw: Draw) -> c.Command:
    name = NodeName(draw(st.sampled_from(NODES)))
    if chance(draw, 70):
        return c.UndrainNode(name)
    kind = draw(st.sampled_from(("restart", "remove")))
    hold = draw(st.sampled_from((0, 1_000, 60_000))) if kind == "restart" else 0
    leaving = bool(hold) and chance(draw, 50)
    return c.DrainNode(name, kind, "because", "ann", hold=hold, leaving=leaving)


def _defer(state: ClusterState, draw: Draw) -> c.DeferMove:
    task_id, allocation_id, _ = run(state, draw)
    return c.DeferMove(
        task_id, allocation_id, draw(st.sampled_from(("no_nodes", "no_capacity: n2")))
    )


def _forget(state: ClusterState, draw: Draw) -> c.Command:
    name, incarnation = _node(state, draw)
    return c.RemoveNode(name) if chance(draw, 30) else c.ForgetNode(name, incarnation)


def _pause_type(draw: Draw) -> c.Command:
    """Seldom for long, so that most of what is drawn finds a place."""
    name = draw(st.sampled_from(("demo", "none", "")))
    if chance(draw, 40):
        return c.PauseExecutor(name, "audit", "ann", chance(draw, 50))
    return c.ResumeExecutor("" if chance(draw, 80) else name)


def _set(state: ClusterState, draw: Draw) -> c.Command:
    if chance(draw, 20):
        return _pause_type(draw)
    if chance(draw, 30):
        return c.ForgetRequests(draw(st.integers(0, 3)))
    if chance(draw, 30):
        floor = state.reassign_floor
        return c.DropReassignFloor(floor.revision if floor is not None else state.revision)
    key, value = draw(
        st.sampled_from(
            (
                ("assignment.enable", "none"),
                ("assignment.enable", "all"),
                ("assignment.enable", "all"),
                ("assignment.enable", "all"),
                ("nodes.lease", "6500ms"),
                ("nodes.lease", "3s"),
                ("nodes.reassign_after", "20s"),
                ("nodes.reassign_after", "8500ms"),
            )
        )
    )
    return c.SetSettings(((key, value),), ("assignment.batch",) if chance(draw, 20) else ())


def _stop(state: ClusterState, draw: Draw) -> c.StopRun:
    task_id, allocation_id, incarnation = run(state, draw)
    reason = draw(st.sampled_from(("timeout", "move")))
    return c.StopRun(task_id, allocation_id, StopReason(reason), incarnation)


RUN_MAKERS = (_start, _stop, _unassign)
NODE_MAKERS = (_join, _join, _lose, _lose_runs, _drain, _set)

# How often each is drawn: the ordinary course of a task first, what ends it all seldom.
_MAKERS = (
    (_create, _assign, _start, _end) * 4
    + (_write, _cancel, _unassign, _stop, _join, _update, _pause, _retry) * 2
    + (_cancel_run, _run_now)
    + (_remove, _lose, _lose_runs, _drain, _defer, _forget, _set)
)
