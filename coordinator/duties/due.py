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
LOOKS = 5_000  # at nodes, for tasks that come due in one turn


def wake_due(view: LeaderView, now: Now) -> Agenda:
    """One decision for each due task that none is under way for."""
    at = view.time(now)
    due = [t for t in view.state.wakes_until(at, BATCH) if t.id not in view.busy]
    places = Places(view, now)
    items = tuple(item for task in due for item in _decided(task, view, now, places))
    nxt = view.state.next_wake()
    return Agenda(items, None if nxt is None else view.steady_of(nxt, now))


class Places:
    """For tasks that come due in one turn: the first ones get a place at once, each after a look at every node. The
    others are left to a pass, which looks at the nodes once for many (G8).
    """

    def __init__(self, view: LeaderView, now: Now) -> None:
        self._view, self._now = view, now
        self._left = max(1, LOOKS // max(1, len(view.state.nodes)))

    def place(self, task: Task) -> tuple[Assignment, tuple[Claim, ...]]:
        """As `place_now`."""
        self._left -= 1
        return place_now(task, self._view, self._now, may_look=self._left >= 0)


def place_now(
    task: Task, view: LeaderView, now: Now, *, may_look: bool = True
) -> tuple[Assignment, tuple[Claim, ...]]:
    """A default choice for one task with its claim taken, or the reason why there is none.

    Tasks whose executor chooses for itself come back unassigned: the recheck asks it.
    """
    if not view.state.settings.assignment_enabled:
        code, text = disabled(view.state)
        return Assignment(None, None, code, text), ()
    if (held := type_paused(view.state, task.executor)) is not None:
        return Assignment(None, None, *held), ()
    if view.asks_itself(task.executor) or not may_look:
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


def _decided(task: Task, view: LeaderView, now: Now, places: Places) -> Iterator[Item]:
    if task.desired is Desired.PAUSED and task.status is not Status.WAITING:
        yield Item(ResumeTask(task.id, paused_until=task.paused_until), (), (task.id,))
        if task.has_node or task.due_at > view.time(now):
            return
    assignment, claims = places.place(task)
    yield Item(AssignTask(task.id, task.allocation_id, assignment), claims, (task.id,))
