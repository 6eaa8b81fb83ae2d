"""Nodes, tasks and passes in a few words."""

from __future__ import annotations

from typing import Any

from coordinator.assignment.backlog import Backlog
from coordinator.assignment.exclusions import Exclusions
from coordinator.assignment.load import Load
from coordinator.assignment.order import Order
from coordinator.assignment.plan import Decision, Pass
from coordinator.assignment.ranking import PassView
from coordinator.model.ids import AllocationId, NodeName, TaskId
from coordinator.model.nodes import Drain, Node, NodeStatus, Offer
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, Policy, Status, Task, TaskSpec

NOOP = "demo.noop"
DRAIN = Drain("restart", "new kernel", "ann", 0)


def node(name: str, capacity: int = 10, *offers: str, version: int = 1, **more: Any) -> Node:
    offered = tuple(Offer(executor, version, "h") for executor in offers or (NOOP,))
    values: dict[str, Any] = {"status": NodeStatus.READY, "uid": name, "counter": 1, **more}
    return Node(
        NodeName(name), f"1-{name}", capacity=capacity, offers=offered, joined_at=0, **values
    )


def task(task_id: str, **more: Any) -> Task:
    """`priority` and `cost` are those of the policy; `on` places it there."""
    policy = Policy(priority=more.pop("priority", 50), cost=more.pop("cost", 2))
    on = more.pop("on", None)
    assignment = Assignment()
    if on is not None:
        assignment = Assignment(on, f"1-{on}", Code.ASSIGNED)
    values: dict[str, Any] = {
        "executor": NOOP,
        "executor_version": 1,
        "params": b"{}",
        "spec": TaskSpec(),
        "policy": policy,
        "desired": Desired.RUNNING,
        "status": Status.ASSIGNED if on else Status.UNASSIGNED,
        "assignment": assignment,
        "allocation_id": AllocationId(1),
        "created_at": 0,
        "updated_at": 0,
        "created_revision": 0,
        "revision": 0,
        **more,
    }
    return Task(TaskId(task_id), **values)


class Scene:
    """Some nodes, all connected, and tasks that want one."""

    def __init__(self, *nodes: Node) -> None:
        self.state = ClusterState()
        for one in nodes:
            self.state.put_node(one)
        self.connected = {one.name for one in nodes}
        self.load = Load(self.state)
        self.backlog = Backlog()
        self.exclusions = Exclusions()
        self.asking: set[str] = set()
        self.steady = 0
        self.order = Order()

    def put(self, *tasks: Task) -> Scene:
        for one in tasks:
            self.state.put_task(one)
            if one.status is Status.UNASSIGNED:
                self.backlog.add(one)
        return self

    def view(self) -> PassView:
        return PassView(
            self.state.tasks,
            list(self.state.nodes_by_name()),
            self.load,
            self.connected,
            lambda task_id: self.exclusions.of(task_id, self.steady),
            self.asking.__contains__,
            self.order,
        )

    def plan(self, limit: int = 1_000) -> list[Decision]:
        return Pass(self.backlog, self.load).slice(self.view(), limit)

    def placed(self, limit: int = 1_000) -> dict[str, str | None]:
        return {one.task.id: one.assignment.node for one in self.plan(limit)}
