"""The choice of a node for many tasks at once, without a cluster: one pass over all that have none."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

from coordinator.assignment.backlog import Backlog
from coordinator.assignment.load import Load
from coordinator.assignment.plan import PassView, plan_slice
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.nodes import Node, NodeStatus, Offer
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Desired, Policy, Status, Task, TaskSpec
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.figure import Bound, Figure, at_most

NODES = 100
EXECUTORS = 10
PRIORITIES = (10, 50, 90)
SLICE = 1_000  # as `assignment.batch` has it
ROUNDS = 3
_AT = 1_700_000_000_000


def _node(number: int, capacity: int) -> Node:
    return Node(
        name=NodeName(f"n{number:03}"),
        incarnation=Incarnation("1-aaaaaaaa"),
        uid=f"uid-{number}",
        counter=1,
        status=NodeStatus.READY,
        capacity=capacity,
        offers=tuple(Offer(f"bench.e{n}", 1, "") for n in range(EXECUTORS)),
        joined_at=_AT,
    )


def _task(number: int, executors: int) -> Task:
    return Task(
        id=TaskId(f"task-{number:06}"),
        executor=f"bench.e{number % executors}",
        executor_version=1,
        params=b"{}",
        spec=TaskSpec(),
        policy=Policy(priority=PRIORITIES[number % len(PRIORITIES)]),
        desired=Desired.RUNNING,
        status=Status.UNASSIGNED,
        assignment=Assignment(),
        allocation_id=AllocationId(0),
        created_at=_AT + number,
        updated_at=_AT + number,
        created_revision=number,
        revision=number,
    )


def _state(tasks: int, executors: int) -> ClusterState:
    state = ClusterState()
    for number in range(NODES):
        state.put_node(_node(number, capacity=2 * tasks // NODES))
    for number in range(tasks):
        state.put_task(_task(number, executors))
    state.take_events()
    return state


def _pass(state: ClusterState) -> tuple[float, float]:
    """Seconds, and seconds of the processor, until each task without a node has one, sorting them into classes included."""
    nodes = list(state.nodes_by_name())
    view = PassView(
        state.tasks, nodes, Load(state), set(state.nodes), lambda _: {}, lambda _: False
    )
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    backlog = Backlog()
    for task_id in state.unassigned:
        backlog.add(state.tasks[task_id])
    placed = 0
    while decisions := plan_slice(backlog, view, SLICE):
        placed += len(decisions)
    seconds = (time.perf_counter() - began, time.process_time() - cpu)
    if placed != len(state.tasks):
        raise ValueError(f"{placed} of {len(state.tasks)} tasks were placed")
    return seconds


def _place(name: str, tasks: int, bound: Bound) -> Figure:
    alike, _ = _pass(_state(tasks, 1))
    state = _state(tasks, EXECUTORS)
    passes = [_pass(state) for _ in range(ROUNDS)]
    more: dict[str, object] = {
        "cpu_s": round(min(cpu for _, cpu in passes), 3),
        "one_executor_s": round(alike, 3),
    }
    return Figure(name, "s", [seconds for seconds, _ in passes], bound, more)


def place_10000(_bench: Bench) -> Iterator[Figure]:
    """10,000 tasks of 10 executors onto 100 nodes, the choice alone."""
    yield _place("place_10000", 10_000, at_most(1, 0.3))


def place_100000(_bench: Bench) -> Iterator[Figure]:
    """100,000 tasks of 10 executors onto 100 nodes, the choice alone."""
    yield _place("place_100000", 100_000, at_most(10, 3))


FIGURES = (
    Entry("place_10000", place_10000),
    Entry("place_100000", place_100000, is_large=True),
)
