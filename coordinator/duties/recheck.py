"""Tasks without a node are placed, on every change that could matter and by a timer.

A trigger only marks; the next turn makes one pass, in slices, so ten triggers lead to one pass and
at most one more (PT-50). The timer is armed exactly while something is left (PT-48).
"""

from __future__ import annotations

from coordinator.assignment.backlog import TaskClass
from coordinator.assignment.load import claim_of
from coordinator.assignment.plan import Decision, Pass
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import AssignTask
from coordinator.machine.fit import disabled
from coordinator.model.instants import SECOND, Millis, Now
from coordinator.model.tasks import Assignment

SLICE = 500  # placements per turn: about 10 ms


class Rechecker:
    """When to make a pass, and the pass itself. One per term."""

    def __init__(self) -> None:
        self._wanted = True  # a new leader looks at everything
        self._pass: Pass | None = None  # begun and not over
        self._under_way = 0
        self._timer: Millis | None = None
        self._interval: Millis = 0
        self._tell = False
        self._failures = 0  # passes in a row that could not be committed
        self._hold_until: Millis = 0
        self.passes = 0  # that are over

    @property
    def is_passing(self) -> bool:
        """A pass is begun, and goes on in the next turn."""
        return self._pass is not None

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
        is_wanted = self._wanted or self._pass is not None or self._tell
        return is_wanted and not self._under_way and now.steady >= self._hold_until

    def _slice(self, view: LeaderView, now: Now) -> list[Item]:
        if not view.state.settings.assignment_enabled:
            items, all_told = _tell_disabled(view)
            self._wanted, self._pass = not all_told, None
        else:
            limit = min(SLICE, view.state.settings.number("assignment.batch"))
            items = []
            if self._wanted or self._pass is not None:
                items = [assign_item(decision) for decision in self._decide(view, now, limit)]
            if self._tell and not self._wanted and self._pass is None:
                reasons, all_told = _tell_why(view, limit)
                self._tell = not all_told
                items += reasons
        self._under_way = len(items)
        return items

    def _decide(self, view: LeaderView, now: Now, limit: int) -> list[Decision]:
        """A slice of the pass; what triggers from now on asks for another one."""
        if self._pass is None:
            self._pass, self._wanted = Pass(view.backlog, view.load), False
        decisions = self._pass.slice(view.pass_view(now), limit)
        if self._pass.is_over:
            self._pass = None
            self.passes += 1
        return decisions

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


def _tell_why(view: LeaderView, limit: int) -> tuple[list[Item], bool]:
    """Records whose explanation differs from the pass's verdict; by the periodic pass alone (PT-8). True: all of them."""
    items: list[Item] = []
    for group in view.backlog.classes():
        if group.holds and not group.is_told:
            items += _untold(view, group, limit - len(items))
            if len(items) >= limit or not group.is_told:
                return items, False
    return items, True


def _tell_disabled(view: LeaderView) -> tuple[list[Item], bool]:
    code, text = disabled(view.state)
    for group in view.backlog.classes():
        group.tell(code, text)
    return _tell_why(view, SLICE)


def _untold(view: LeaderView, group: TaskClass, limit: int) -> list[Item]:
    """Up to `limit` reasons for those of the class whose record says something else."""
    if group.told is None:
        return []
    reason = Assignment(None, None, *group.told)
    return [
        Item(AssignTask(task.id, task.allocation_id, reason))
        for task in group.take_untold(view.state.tasks, limit)
    ]
