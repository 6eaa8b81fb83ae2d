"""Tasks without a node are placed, on every change that could matter and by a timer.

A trigger only marks; the next turn makes one pass, in slices, so ten triggers lead to one pass and
at most one more (PT-50). The timer is armed exactly while something is left (PT-48).
"""

from __future__ import annotations

from itertools import islice

from coordinator.assignment.backlog import TaskClass
from coordinator.assignment.load import claim_of
from coordinator.assignment.plan import Decision, plan_slice
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import AssignTask
from coordinator.machine.fit import disabled
from coordinator.model.ids import TaskId
from coordinator.model.instants import SECOND, Millis, Now
from coordinator.model.tasks import Assignment, Code

SLICE = 500  # placements per turn: about 10 ms


class Rechecker:
    """When to make a pass, and the pass itself. One per term."""

    def __init__(self) -> None:
        self._wanted = True  # a new leader looks at everything
        self._under_way = 0
        self._timer: Millis | None = None
        self._interval: Millis = 0
        self._tell = False
        self._failures = 0  # passes in a row that could not be committed
        self._hold_until: Millis = 0

    def trigger(self) -> None:
        """Something that could matter has changed."""
        self._wanted = True

    def answered(self, count: int) -> None:
        """Proposals of the pass that were applied."""
        self._under_way = max(0, self._under_way - count)
        self._failures = 0

    def not_committed(self, steady: Millis) -> None:
        """One that was not, although leadership is kept: again after 1 s, doubling (PT-48)."""
        self._under_way = max(0, self._under_way - 1)
        self._wanted = True
        if steady >= self._hold_until:
            self._failures += 1
            wait = min(self._interval, SECOND << min(self._failures - 1, 12))
            self._hold_until = steady + wait

    @property
    def timer(self) -> Millis | None:
        return self._timer

    def run(self, view: LeaderView, now: Now) -> Agenda:
        """The next slice of the pass that is due, if any."""
        self._follow_interval(view, now)
        if self._timer is not None and now.steady >= self._timer:
            self._timer, self._wanted, self._tell = None, True, True
        items: list[Item] = []
        if self._is_due(now):
            items = self._slice(view, now)
        self._arm(view, now)
        return Agenda(tuple(items), now.steady if self._is_due(now) else self._timer)

    def _is_due(self, now: Now) -> bool:
        return self._wanted and not self._under_way and now.steady >= self._hold_until

    def _slice(self, view: LeaderView, now: Now) -> list[Item]:
        if not view.state.settings.assignment_enabled:
            items = _tell_disabled(view)
            self._wanted = len(items) >= SLICE
        else:
            limit = min(SLICE, view.state.settings.number("assignment.batch"))
            decisions = plan_slice(view.backlog, view.pass_view(now), limit)
            self._wanted = len(decisions) >= limit
            items = [assign_item(decision) for decision in decisions]
            if self._tell and not self._wanted:
                reasons = _tell_why(view, limit)
                self._tell = self._wanted = len(reasons) >= limit
                items += reasons
        self._under_way = len(items)
        return items

    def _arm(self, view: LeaderView, now: Now) -> None:
        if not len(view.backlog):
            self._timer = None
        elif self._timer is None:
            self._timer = now.steady + self._interval

    def _follow_interval(self, view: LeaderView, now: Now) -> None:
        """A new interval counts at once."""
        interval = view.state.settings.millis("assignment.recheck_interval")
        if interval != self._interval:
            self._interval = interval
            if self._timer is not None:
                self._timer = min(self._timer, now.steady + interval)


def assign_item(decision: Decision) -> Item:
    """A placement (its claim is in the load already), or a reason."""
    task, assignment = decision
    command = AssignTask(task.id, task.allocation_id, assignment)
    if assignment.node is None:
        return Item(command, (), (task.id,))
    return Item(command, (claim_of(task, assignment.node),), (task.id,))


def _tell_why(view: LeaderView, limit: int) -> list[Item]:
    """Records whose explanation differs from the pass's verdict; by the periodic pass alone (PT-8)."""
    items: list[Item] = []
    for group in view.backlog.classes():
        items += _untold(view, group, limit - len(items))
    return items


def _tell_disabled(view: LeaderView) -> list[Item]:
    code, text = disabled(view.state)
    items: list[Item] = []
    for group in view.backlog.classes():
        group.tell(code, text, view.state.tasks)
        items += _untold(view, group, SLICE - len(items))
    return items


def _untold(view: LeaderView, group: TaskClass, limit: int) -> list[Item]:
    """Up to `limit` reasons for those of the class whose record says something else."""
    if group.told is None or not group.holds:
        return []
    code, text = group.told
    chosen = list(islice(group.untold, limit))
    for task_id in chosen:
        group.untold.pop(task_id)
    return [_reason_item(view, task_id, code, text) for task_id in chosen]


def _reason_item(view: LeaderView, task_id: TaskId, code: Code, text: str) -> Item:
    task = view.state.tasks[task_id]
    return Item(AssignTask(task.id, task.allocation_id, Assignment(None, None, code, text)))
