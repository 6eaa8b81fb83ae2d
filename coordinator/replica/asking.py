"""The recheck of tasks whose executor chooses for itself: a pass asks about each of them, best first.

One pass at most is under way for an executor; triggers meanwhile lead to exactly one more (PT-50).
What an executor holds up, it holds up for itself alone (PT-44).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from coordinator.assignment.load import Claim
from coordinator.assignment.order import Place
from coordinator.machine.commands import AssignTask, Request
from coordinator.machine.outcome import Refused
from coordinator.model.ids import TaskId
from coordinator.model.instants import Millis
from coordinator.model.tasks import Assignment, Code, Status, Task
from coordinator.replica.assigners import Assigners, Job
from coordinator.replica.bench import Bench
from coordinator.replica.proposals import Answer, Proposal, Proposals

AT_ONCE = 200  # decisions of one turn that need no asking


class _Pass(msgspec.Struct, gc=False):
    left: deque[TaskId]
    tell: bool  # reasons that changed are written, too (PT-8)
    asking: bool = False  # about one of them


class AskingPass:
    """Which tasks to ask about, and what becomes of the answers."""

    def __init__(self, bench: Bench, assigners: Assigners, proposals: Proposals) -> None:
        self._bench = bench
        self._assigners = assigners
        self._proposals = proposals
        self._passes: dict[str, _Pass] = {}
        self._again: set[str] = set()  # triggered while a pass was under way
        self._wanted = True
        self._tell = False
        self._timer: Millis | None = None
        self._interval = bench.state.settings.millis("assignment.recheck_interval")

    @property
    def timer(self) -> Millis | None:
        return self._timer

    def trigger(self) -> None:
        """Something that could matter has changed."""
        self._wanted = True

    def look_later(self) -> None:
        """A task was created without a node: its executor has just been asked."""
        self._arm(left=True)

    def tick(self) -> None:
        """The periodic pass: asks again, and writes explanations that changed (PT-8)."""
        self._follow_interval()
        steady = self._bench.now.steady
        if self._timer is not None and steady >= self._timer:
            self._timer = None
            self._tell = self._wanted = True
        if self._assigners.wait_is_over(steady):
            self._wanted = True

    def run(self) -> None:
        """Begin the passes that are wanted and go on with those under way."""
        for _ in range(2):  # a pass that ends here may have to be followed by another
            if self._wanted:
                self._wanted = False
                self._begin()
            for executor in list(self._passes):
                self._go_on(executor)

    # -- passes -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        waiting = self._waiting()
        enabled = self._bench.state.settings.assignment_enabled
        for executor, places in waiting.items() if enabled else ():
            if executor in self._passes:
                self._again.add(executor)
            elif self._assigners.may_ask(executor) or self._tell:
                ordered = deque(place.task_id for place in sorted(places))
                self._passes[executor] = _Pass(ordered, self._tell)
        self._tell = False
        self._arm(left=bool(waiting))

    def _waiting(self) -> dict[str, list[Place]]:
        """Tasks without a node by executor, of those that choose for themselves."""
        found: dict[str, list[Place]] = {}
        order = self._bench.view.order(self._bench.now)
        for group in self._bench.view.backlog.classes():
            executor = group.need.executor
            if self._bench.view.asks_itself(executor):
                found.setdefault(executor, []).extend(group.places(order))
        return found

    def _go_on(self, executor: str) -> None:
        """The next question; those that are answered without asking come one after the other."""
        under_way = self._passes[executor]
        for _ in range(AT_ONCE):
            if under_way.asking or not under_way.left:
                break
            task = self._bench.state.tasks.get(under_way.left.popleft())
            if task is not None and self._is_open(task):
                under_way.asking = True
                self._assigners.submit(Job(task, self._decided(task, under_way)))
        if not under_way.asking and not under_way.left:
            del self._passes[executor]
            if executor in self._again:
                self._again.discard(executor)
                self._wanted = True

    def _is_open(self, task: Task) -> bool:
        return task.status is Status.UNASSIGNED and task.id not in self._bench.view.busy

    def _arm(self, *, left: bool) -> None:
        if not left:
            self._timer = None
        elif self._timer is None:
            self._timer = self._bench.now.steady + self._interval

    def _follow_interval(self) -> None:
        """A new interval counts at once."""
        interval = self._bench.state.settings.millis("assignment.recheck_interval")
        if interval != self._interval:
            self._interval = interval
            if self._timer is not None:
                self._timer = min(self._timer, self._bench.now.steady + interval)

    # -- answers ----------------------------------------------------------------------------------

    def _decided(
        self, task: Task, under_way: _Pass
    ) -> Callable[[Assignment, tuple[Claim, ...]], None]:
        def decided(assignment: Assignment, claims: tuple[Claim, ...]) -> None:
            if assignment.node is None and not _is_news(task, assignment, tell=under_way.tell):
                self._settled(task, under_way)
                return
            command = AssignTask(task.id, task.allocation_id, assignment)

            def answered(answer: Answer) -> None:
                self._settled(task, under_way)
                if isinstance(answer, Refused):
                    self._again.add(task.executor)  # the choice no longer held (PT-34)

            self._bench.view.backlog.discard(task.id)
            self._proposals.add(Proposal(Request(command), answered, claims, (task.id,)))

        return decided

    def _settled(self, task: Task, under_way: _Pass) -> None:
        under_way.asking = False
        now = self._bench.state.tasks.get(task.id)
        if now is not None and now.status is Status.UNASSIGNED:
            self._bench.view.backlog.add(now)
        self._assigners.settled(task.executor)


def _is_news(task: Task, assignment: Assignment, *, tell: bool) -> bool:
    """A first reason is written at once, a changed one by the periodic pass alone. Equal code, and
    the same words in any order, are no change (PT-8).
    """
    said = task.assignment
    if said.code is Code.AWAITING_FIRST_ASSIGNMENT:
        return True
    if not tell:
        return False
    if said.code is not assignment.code:
        return True
    return sorted(said.explanation.split()) != sorted(assignment.explanation.split())
