"""The choice of a node for many tasks at once, without a cluster: one pass over all that have none."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from coordinator.assignment.backlog import Backlog
from coordinator.assignment.load import Load
from coordinator.assignment.plan import Pass
from coordinator.assignment.ranking import PassView
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
RECHECKED, RECHECKS = 100_000, 5  # tasks that find no place; passes over them
COSTS = 100  # times the executors: classes
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


def _task(number: int, executors: int, costs: int = 1) -> Task:
    """Executors and costs by turns: as many classes as both make together."""
    return Task(
        id=TaskId(f"task-{number:06}"),
        executor=f"bench.e{number % executors}",
        executor_version=1,
        params=b"{}",
        spec=TaskSpec(),
        policy=Policy(
            priority=PRIORITIES[number % len(PRIORITIES)], cost=2 + number // executors % costs
        ),
        desired=Desired.RUNNING,
        status=Status.UNASSIGNED,
        assignment=Assignment(),
        allocation_id=AllocationId(0),
        created_at=_AT + number,
        updated_at=_AT + number,
        created_revision=number,
        revision=number,
    )


def _state(tasks: int, executors: int, *, room: bool = True, costs: int = 1) -> ClusterState:
    state = ClusterState()
    for number in range(NODES):
        state.put_node(_node(number, capacity=2 * tasks // NODES if room else 0))
    for number in range(tasks):
        state.put_task(_task(number, executors, costs))
    state.take_events()
    return state


def _view(state: ClusterState) -> PassView:
    nodes = list(state.nodes_by_name())
    return PassView(
        state.tasks, nodes, Load(state), set(state.nodes), lambda _: {}, lambda _: False
    )


def _sorted(state: ClusterState) -> Backlog:
    """Every task without a node, in its class."""
    backlog = Backlog()
    for task_id in state.unassigned:
        backlog.add(state.tasks[task_id])
    return backlog


def _pass(state: ClusterState) -> tuple[float, float]:
    """Seconds, and seconds of the processor, until each task without a node has one, sorting them into classes included."""
    view = _view(state)
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    backlog = _sorted(state)
    placed = 0
    one = Pass(backlog, view.load)
    while not one.is_over:
        placed += len(one.slice(view, SLICE))
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


class _Recheck(NamedTuple):
    first_ms: float  # the pass that tells every class why
    later_ms: list[float]  # those after it, which find nothing new
    longest_slice_ms: float


def _rechecks(costs: int) -> _Recheck:
    state = _state(RECHECKED, EXECUTORS, room=False, costs=costs)
    view, backlog = _view(state), _sorted(state)
    taken, slices = [], []
    for _ in range(1 + RECHECKS):
        gc.collect()
        one = Pass(backlog, view.load)
        parts = []
        while not one.is_over:
            began = time.process_time()
            if one.slice(view, SLICE):
                raise ValueError("a task was placed where there is no room")
            parts.append((time.process_time() - began) * 1_000)
        taken.append(sum(parts))
        slices.append(max(parts))
    return _Recheck(taken[0], taken[1:], statistics.median(slices))


def recheck_100000(_bench: Bench) -> Iterator[Figure]:
    """A pass over 100,000 tasks in 10 classes, then in 1,000, without room on any of 100 nodes: time of the processor."""
    for costs in (1, COSTS):
        found = _rechecks(costs)
        classes = EXECUTORS * costs
        more: dict[str, object] = {
            "first_ms": round(found.first_ms, 1),
            "longest_slice_ms": round(found.longest_slice_ms, 1),
            "us_per_class": round(1_000 * min(found.later_ms) / classes, 1),
        }
        yield Figure(f"recheck_100000_in_{classes}", "ms", found.later_ms, None, more)


FIGURES = (
    Entry("place_10000", place_10000),
    Entry("place_100000", place_100000, is_large=True),
    Entry("recheck_100000", recheck_100000, is_large=True),
)
