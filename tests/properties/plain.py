"""A plain model of tasks: a few facts per task, kept from commands and answers alone."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.machine import commands as c
from coordinator.machine.outcome import Accepted
from coordinator.model.events import Event, RunEnded, TaskChanged
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Desired, Policy, RunOutcome, Status, StopReason

COUNTED = (RunOutcome.FAILED, RunOutcome.TIMED_OUT)
SUCCESSES = (RunOutcome.SUCCEEDED, RunOutcome.WARNING)


def _lives_on(report: c.EndRun | None) -> bool:
    """What a run that succeeded said is to follow (TM-4)."""
    if report is None:
        return False
    return report.then == "pause" or (report.again_at > 0 and report.then != "end")


@dataclass
class Fact:
    """What one task must look like."""

    attempts: int = 0
    cancelled: bool = False
    over: bool = False
    max_attempts: int = 0
    on_lost: str = "rerun"
    placed: bool = False
    replaced: bool = False  # its run was asked to stop for another one
    run_again: bool = False  # somebody wants one more run after the present one (TM-29)


class Plain:
    """Knows which tasks there are, which are over, and how often each has failed."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}
        self.ended: set[tuple[str, int]] = set()
        self.given = 0

    def learn(self, command: c.Command, answer: Accepted, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, RunEnded):
                self._run_ended(event, command)
        self._wished(command, answer)
        for event in events:
            if isinstance(event, TaskChanged) and event.new is None and event.old is not None:
                assert event.old.is_terminal, "only what has ended is removed"
        self._follow_families(events)
        gone = [e.old.id for e in events if isinstance(e, TaskChanged) and e.new is None and e.old]
        for task_id in gone:
            created = isinstance(command, c.CreateTask) and command.task_id == task_id
            if not created:  # dropped to be made anew
                self.facts.pop(task_id, None)

    def _wished(self, command: c.Command, answer: Accepted) -> None:
        match command:
            case c.CreateTask() if answer.created:
                policy = command.policy
                self.facts[command.task_id] = Fact(
                    max_attempts=policy.max_attempts,
                    on_lost=policy.on_lost,
                )
            case c.UpdateTask(policy=Policy() as policy) if not answer.unchanged:
                fact = self.facts[command.task_id]
                fact.max_attempts, fact.on_lost = policy.max_attempts, policy.on_lost
            case c.RetryTask():
                fact = self.facts[command.task_id]
                assert fact.over
                assert not fact.cancelled
                fact.over, fact.attempts = False, 0
            case c.RunNow():
                fact = self.facts[command.task_id]
                fact.run_again = fact.placed
            case _:
                pass

    def _follow_families(self, events: list[Event]) -> None:
        """Who was cancelled, and that all who belong to it were, too."""
        for event in events:
            if not isinstance(event, TaskChanged) or event.new is None:
                continue
            fact = self.facts[event.new.id]
            fact.placed = event.new.has_node
            fact.replaced = event.new.stop_reason is StopReason.REPLACE
            if event.new.desired is Desired.CANCELLED and not fact.cancelled:
                fact.cancelled = True
                fact.over = event.new.is_terminal

    def agree(self, state: ClusterState) -> None:
        """The state shows what the plain model expects."""
        assert sorted(self.facts) == sorted(state.tasks)
        for task in state.tasks_by_id():
            fact = self.facts[task.id]
            assert (task.attempts, task.is_terminal) == (fact.attempts, fact.over), task
            if fact.cancelled:
                assert task.status in (Status.STOPPING, Status.CANCELLED)  # G10
            parent = state.tasks.get(TaskId(task.spec.parent))
            if parent is not None and parent.created_revision < task.created_revision:
                gone = parent.desired is Desired.CANCELLED
                assert fact.cancelled or task.is_terminal or not gone, "PT-77"

    def allocations(self, events: list[Event]) -> None:
        """PT-4: every change of node takes a new, higher allocation id; nothing else takes one."""
        for event in events:
            if not isinstance(event, TaskChanged) or event.new is None:
                continue
            new, old = event.new, event.old
            if old is not None and old.allocation_id == new.allocation_id:
                assert old.assignment.node == new.assignment.node
                assert old.assignment.incarnation == new.assignment.incarnation
            else:
                assert new.allocation_id > self.given, "allocation ids grow for ever"
                self.given = new.allocation_id
                assert old is None or old.has_node or new.has_node

    @staticmethod
    def _once_more(fact: Fact, outcome: RunOutcome, report: c.EndRun | None) -> None:
        """A task that is over and was to run once more does so, with no failures to its name."""
        gave_way = fact.replaced and outcome in (RunOutcome.LOST, RunOutcome.ABORTED)
        paused = report is not None and report.then == "pause" and outcome in SUCCESSES
        wanted = fact.run_again and not gave_way and not paused and not fact.cancelled
        if wanted and fact.over:
            fact.over, fact.attempts, wanted = False, 0, False
        fact.run_again = wanted

    def _run_ended(self, event: RunEnded, command: c.Command) -> None:
        run = (event.task_id, event.allocation_id)
        assert run not in self.ended, "a run has one outcome"
        self.ended.add(run)
        fact, report = self.facts[event.task_id], command if isinstance(command, c.EndRun) else None
        if event.outcome in COUNTED:
            fact.attempts += 1
            permanent = report is not None and report.permanent
            fact.over = permanent or 0 < fact.max_attempts <= fact.attempts
        elif event.outcome is RunOutcome.LOST:
            fact.over = fact.on_lost == "fail"
        elif event.outcome is RunOutcome.CANCELLED:
            fact.over = fact.cancelled  # else the run alone was (PT-30)
        elif event.outcome is not RunOutcome.ABORTED:
            fact.over = not _lives_on(report)
            fact.attempts = fact.attempts if fact.over else 0
        self._once_more(fact, event.outcome, report)
        if fact.cancelled:
            assert event.outcome is RunOutcome.CANCELLED
