"""A leader's view over a small state, and a clock moved by hand."""

from __future__ import annotations

from coordinator.duties.agenda import Agenda
from coordinator.duties.view import ExecutorFacts, LeaderView
from coordinator.machine.commands import Command
from coordinator.model.instants import Now
from coordinator.model.nodes import Node
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task

WALL = 1_700_000_000_000


class Term:
    """`at(ms)` moves both clocks; `view` is the leader's."""

    def __init__(self, *nodes: Node, tasks: tuple[Task, ...] = ()) -> None:
        self.state = ClusterState()
        for one in nodes:
            self.state.put_node(one)
        for task in tasks:
            self.state.put_task(task)
        self.view = LeaderView(self.state)
        self.view.connected = {one.name: number for number, one in enumerate(nodes)}
        self.now = Now(0, WALL)

    def at(self, ms: int) -> Now:
        self.now = Now(ms, WALL + ms)
        return self.now

    def choosing(self, *executors: str) -> None:
        """These have a `get_assignment` of their own."""
        for name in executors:
            self.view.facts[name] = ExecutorFacts(1, False, True, {})


def commands(agenda: Agenda) -> list[Command]:
    return [item.command for item in agenda.items]
