"""Waiting tasks whose time has come: retries, first due times. Placed, or told why not. And the ends of pauses."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.assignment.choose import choose
from coordinator.assignment.load import Claim, claim_of
from coordinator.assignment.objections import need_of
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import AssignTask, ResumeTask
from coordinator.machine.fit import disabled, type_paused
from coordinator.model.instants import Now
from coordinator.model.tasks import Assignment, Code, Desired, Status, Task

BATCH = 500


def wake_due(view: LeaderView, now: Now) -> Agenda:
    """One decision for each due task that none is under way for."""
    at = view.time(now)
    due = [t for t in view.state.wakes_until(at, BATCH) if t.id not in view.busy]
    items = tuple(item for task in due for item in _decided(task, view, now))
    nxt = view.state.next_wake()
    return Agenda(items, None if nxt is None else view.steady_of(nxt, now))


def place_now(task: Task, view: LeaderView, now: Now) -> tuple[Assignment, tuple[Claim, ...]]:
    """A default choice for one task with its claim taken, or the reason why there is none.

    Tasks whose executor chooses for itself come back unassigned: the recheck asks it.
    """
    if not view.state.settings.assignment_enabled:
        code, text = disabled(view.state)
        return Assignment(None, None, code, text), ()
    if (held := type_paused(view.state, task.executor)) is not None:
        return Assignment(None, None, *held), ()
    if view.asks_itself(task.executor):
        return Assignment(None, None, Code.AWAITING_FIRST_ASSIGNMENT, ""), ()
    need = need_of(task)
    exclusions = view.exclusions.of(task.id, now.steady)
    nodes = view.state.nodes_by_name()
    chosen = choose(need, task.id, nodes, view.load, view.connected, exclusions)
    if chosen.node is None:
        return chosen, ()
    claim = claim_of(task, chosen.node)
    view.load.claim(claim)
    return chosen, (claim,)


def _decided(task: Task, view: LeaderView, now: Now) -> Iterator[Item]:
    if task.desired is Desired.PAUSED and task.status is not Status.WAITING:
        yield Item(ResumeTask(task.id, paused_until=task.paused_until), (), (task.id,))
        if task.has_node or task.due_at > view.time(now):
            return
    assignment, claims = place_now(task, view, now)
    yield Item(AssignTask(task.id, task.allocation_id, assignment), claims, (task.id,))
