"""Moving healthy tasks from full nodes to empty ones, a few at a time (PT-80). Off unless switched on.

A move is what an operator's move is: stop, confirmation, new placement, with the old node kept away
from for a while. Where a task goes is decided once more when it is placed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from coordinator.assignment.load import Claim, moving_claim
from coordinator.assignment.objections import Need, need_of, objection_to
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import UnassignTask
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.instants import MINUTE, SECOND, Millis, Now
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.tasks import Desired, Status, StopReason, Task

LOOK_EVERY_MS = SECOND
CALM_MS = MINUTE  # since a node came, went or changed its mind about leaving
LOOKED_AT = 1_000  # tasks per look
LISTED = 1_000  # moves of a dry run


class Move(NamedTuple):
    task: Task
    source: NodeName
    target: NodeName


class Rebalancer:
    """What a term remembers: when nodes last came or went, what is on its way, who was moved before."""

    def __init__(self, steady: Millis) -> None:
        self._calm_since = steady
        self._look_at = steady
        self._under_way: set[TaskId] = set()
        self._moves: dict[TaskId, int] = {}

    def node_changed(self, old: Node | None, new: Node | None, steady: Millis) -> None:
        """Another capacity or attribute is no change of membership."""
        if _membership(old) != _membership(new):
            self._calm_since = steady

    def task_changed(self, old: Task | None, new: Task | None) -> None:
        if old is None:
            return
        if new is None or new.is_terminal:
            self._moves.pop(old.id, None)
        elif old.stop_reason is StopReason.MOVE and new.stop_reason is None:
            self._moves[old.id] = self._moves.get(old.id, 0) + 1

    def is_moving(self, task_id: TaskId) -> bool:
        """Whether it was this duty that asked for the move under way."""
        return task_id in self._under_way

    def held_back(self, view: LeaderView, now: Now) -> str:
        """Why nothing is moved at present; empty if something may be."""
        settings = view.state.settings
        if settings.text("rebalance.enable") == "off":
            return "rebalance.enable = off"
        if not settings.assignment_enabled:
            return "assignment.enable = none"
        window, at = settings.window("rebalance.window"), view.time(now)
        if window and not any(span.covers(at) for span in window):
            return f"outside rebalance.window = {settings.text('rebalance.window')}"
        if now.steady - self._calm_since < CALM_MS:
            return "a node came, went or began to drain less than 60 s ago"
        return ""

    def run(self, view: LeaderView, now: Now) -> Agenda:
        """The moves that may begin now; their old nodes are kept away from."""
        if now.steady < self._look_at:
            return Agenda()
        self._look_at = now.steady + LOOK_EVERY_MS
        if self.held_back(view, now):
            return Agenda()
        self._under_way = {one for one in self._under_way if _on_its_way(one, view)}
        budget = view.state.settings.number("rebalance.max_moves") - len(self._under_way)
        items = []
        for move in self.moves(view, now, budget):
            self._under_way.add(move.task.id)
            view.exclusions.moved(move.task.id, (move.source,), now.steady)
            command = UnassignTask(move.task.id, move.task.allocation_id)
            items.append(Item(command, (), (move.task.id,)))
        return Agenda(tuple(items))

    def moves(self, view: LeaderView, now: Now, limit: int = LISTED) -> list[Move]:
        """One after the other, each as if those before it were done; at most `limit`."""
        picture = _Picture(view, now)
        found: list[Move] = []
        while len(found) < limit and (move := self._next(picture)) is not None:
            picture.take(move)
            found.append(move)
        picture.release()
        return found

    def why_none(self, view: LeaderView, now: Now) -> str:
        """For people: why there is nothing to move although nothing holds all of it back."""
        picture = _Picture(view, now)
        full = picture.fullest_first()
        if not full:
            gain = view.state.settings.text("rebalance.min_gain")
            return f"no node is fuller than another by more than rebalance.min_gain = {gain}"
        resting = sum(1 for node in full for _ in picture.resting_on(node))
        if resting:
            pause = view.state.settings.text("rebalance.cool_down")
            return f"{resting} tasks came to full nodes less than rebalance.cool_down = {pause} ago"
        return "no task of a fuller node may move, or no other node takes one"

    def _next(self, picture: _Picture) -> Move | None:
        for source in picture.fullest_first():
            for task in sorted(picture.movable_on(source), key=self._preferred):
                target = picture.target_for(task, source)
                if target is not None:
                    return Move(task, source.name, target)
        return None

    def _preferred(self, task: Task) -> tuple[int, int, TaskId]:
        """Whoever was moved least; of those, who has the least work to lose."""
        return self._moves.get(task.id, 0), -task.assigned_at, task.id


class _Picture:
    """The nodes and their shares in use, with the moves found so far."""

    def __init__(self, view: LeaderView, now: Now) -> None:
        self._view = view
        self._gain = view.state.settings.percent("rebalance.min_gain")
        self._moved_before = view.time(now) - view.state.settings.millis("rebalance.cool_down")
        self._nodes = [node for node in view.state.nodes_by_name() if _takes_part(node, view)]
        self._freed: dict[NodeName, int] = {}
        self._gone: set[TaskId] = set()
        self._claims: list[Claim] = []
        self._nowhere: set[tuple[Need, NodeName]] = set()
        self._looks = LOOKED_AT

    def fullest_first(self) -> list[Node]:
        """Those that are fuller than the emptiest by more than the gain asked for."""
        if not self._nodes:
            return []
        least = min(self._percent(node) for node in self._nodes)
        full = [node for node in self._nodes if self._percent(node) - least > self._gain]
        return sorted(full, key=lambda node: (-self._percent(node), node.name))

    def movable_on(self, node: Node) -> Iterator[Task]:
        for task_id in self._view.state.on_node.get(node.name, ()):
            task = self._view.state.tasks[task_id]
            if task_id not in self._gone and self._may_move(task):
                yield task

    def resting_on(self, node: Node) -> Iterator[Task]:
        """Moved there too short a time ago to be moved again."""
        for task_id in self._view.state.on_node.get(node.name, ()):
            task = self._view.state.tasks[task_id]
            if not self._is_settled(task):
                yield task

    def target_for(self, task: Task, source: Node) -> NodeName | None:
        """The emptiest node that takes the task and gains enough by it; None: it stays."""
        need = need_of(task).of_nodes()
        if (need, source.name) in self._nowhere or not self._looks:
            return None
        self._looks -= 1
        here, gain = self._percent(source), self._gain
        for target in sorted(self._nodes, key=lambda node: (self._percent(node), node.name)):
            if here - self._percent(target) <= gain:
                break
            after = self._percent(target, task.policy.cost)
            if after < here and self._takes(need, target):
                return target.name
        self._nowhere.add((need, source.name))
        return None

    def take(self, move: Move) -> None:
        claim = moving_claim(move.task, move.target)
        self._view.load.claim(claim)
        self._claims.append(claim)
        self._gone.add(move.task.id)
        self._freed[move.source] = self._freed.get(move.source, 0) + move.task.policy.cost
        self._nowhere.clear()

    def release(self) -> None:
        for claim in self._claims:
            self._view.load.release(claim)

    def _takes(self, need: Need, node: Node) -> bool:
        return objection_to(need, node, self._view.load, self._view.connected) is None

    def _percent(self, node: Node, more: int = 0) -> float:
        used = self._view.load.units(node.name) - self._freed.get(node.name, 0) + more
        return 100 * used / max(1, self._view.load.room(node))

    def _is_settled(self, task: Task) -> bool:
        return task.cause != "moved" or task.assigned_at <= self._moved_before

    def _may_move(self, task: Task) -> bool:
        """What chooses for itself may find no place elsewhere, so it is left where it runs."""
        return (
            task.status is Status.RUNNING
            and task.policy.movable
            and task.policy.cost > 0
            and self._is_settled(task)
            and task.id not in self._view.busy
            and not self._view.asks_itself(task.executor)
            and task.executor not in self._view.state.paused_executors
        )


def _takes_part(node: Node, view: LeaderView) -> bool:
    return node.status is NodeStatus.READY and node.drain is None and node.name in view.connected


def _membership(node: Node | None) -> Iterable[object]:
    return () if node is None else (node.incarnation, node.status, node.drain)


def _on_its_way(task_id: TaskId, view: LeaderView) -> bool:
    """From the wish to the start of the next run."""
    task = view.state.tasks.get(task_id)
    if task is None or task.is_terminal or task.desired is not Desired.RUNNING:
        return False
    if task_id in view.busy or task.stop_reason is StopReason.MOVE:
        return True
    return task.cause == "moved" and task.status in (Status.UNASSIGNED, Status.ASSIGNED)
