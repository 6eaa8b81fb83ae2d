"""The recheck of tasks whose executor chooses for itself: each is asked about once per pass."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.assignment.load import Claim
from coordinator.machine.commands import AssignTask, Request
from coordinator.model.ids import TaskId
from coordinator.model.instants import Millis
from coordinator.model.tasks import Assignment, Status, Task
from coordinator.replica.assigners import Assigners, Job
from coordinator.replica.bench import Bench
from coordinator.replica.proposals import Answer, Proposal, Proposals

AT_ONCE = 50  # questions queued per executor and pass


class AskingPass:
    """Which tasks to ask about, and what becomes of the answers."""

    def __init__(self, bench: Bench, assigners: Assigners, proposals: Proposals) -> None:
        self._bench = bench
        self._assigners = assigners
        self._proposals = proposals
        self._wanted = True
        self._tell = False
        self._asked: dict[TaskId, None] = {}
        self._timer: Millis | None = None

    def trigger(self) -> None:
        self._wanted = True

    def tick(self) -> None:
        """The periodic pass: asks again, and writes explanations that changed (PT-8)."""
        steady = self._bench.now.steady
        if self._timer is not None and steady >= self._timer:
            self._timer = None
            self._tell = self._wanted = True

    def run(self) -> None:
        """Start a pass if one is wanted and none is under way."""
        if not self._wanted or self._asked:
            return
        self._wanted = False
        state, view = self._bench.state, self._bench.view
        if not state.settings.assignment_enabled:
            return
        left = False
        for group in view.backlog.classes():
            executor = group.need.executor
            if not view.asks_itself(executor):
                continue
            left = True
            if self._assigners.is_asking(executor) or not self._assigners.may_ask(executor):
                continue
            for task_id in group.first(AT_ONCE):
                self._submit(state.tasks[task_id])
        self._arm(left)

    def _arm(self, left: bool) -> None:  # noqa: FBT001 - private, named at its one call
        if left and self._timer is None:
            interval = self._bench.state.settings.millis("assignment.recheck_interval")
            self._timer = self._bench.now.steady + interval

    def _submit(self, task: Task) -> None:
        self._asked[task.id] = None
        self._assigners.submit(Job(task, self._decided(task, self._tell)))

    def _decided(
        self,
        task: Task,
        tell: bool,  # noqa: FBT001 - private, named at its one call
    ) -> Callable[[Assignment, tuple[Claim, ...]], None]:
        def decided(assignment: Assignment, claims: tuple[Claim, ...]) -> None:
            same = _says_the_same(task, assignment)
            if assignment.node is None and (same or not tell):
                self._settled(task)
                return
            command = AssignTask(task.id, task.allocation_id, assignment)

            def answered(_: Answer) -> None:
                self._settled(task)

            self._bench.view.backlog.discard(task.id)
            proposal = Proposal(Request(command), answered, claims, (task.id,))
            self._proposals.add(proposal)

        return decided

    def _settled(self, task: Task) -> None:
        self._asked.pop(task.id, None)
        if not self._asked:
            self._tell = False
        now = self._bench.state.tasks.get(task.id)
        if now is not None and now.status is Status.UNASSIGNED:
            self._bench.view.backlog.add(now)
        self._assigners.settled(task.executor)


def _says_the_same(task: Task, assignment: Assignment) -> bool:
    """Equal code, and the same words in any order (PT-8)."""
    said = task.assignment
    if said.code is not assignment.code:
        return False
    return sorted(said.explanation.split()) == sorted(assignment.explanation.split())
