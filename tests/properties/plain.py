"""A plain model of tasks: a few facts per task, kept from commands and answers alone."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.machine import commands as c
from coordinator.machine.outcome import Accepted
from coordinator.model.events import Event, RunEnded, TaskChanged
from coordinator.model.state import ClusterState
from coordinator.model.tasks import RunOutcome, Status

COUNTED = (RunOutcome.FAILED, RunOutcome.TIMED_OUT)


@dataclass
class Fact:
    """What one task must look like."""

    attempts: int = 0
    cancelled: bool = False
    over: bool = False
    max_attempts: int = 0
    on_lost: str = "rerun"


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
        match command:
            case c.CreateTask() if answer.created:
                policy = command.policy
                self.facts[command.task_id] = Fact(
                    max_attempts=policy.max_attempts, on_lost=policy.on_lost
                )
            case c.CancelTask() if not answer.removed and not answer.unchanged:
                fact = self.facts[command.task_id]
                fact.cancelled = True
                fact.over = not _has_node(events)
        if answer.removed and answer.task_id:
            del self.facts[answer.task_id]
        for event in events:
            if isinstance(event, TaskChanged) and event.new is None and event.old is not None:
                assert event.old.is_terminal, "only what has ended is removed"
                if event.old.purge:  # removed by the very end of its run
                    self.facts.pop(event.old.id, None)

    def agree(self, state: ClusterState) -> None:
        """The state shows what the plain model expects."""
        assert sorted(self.facts) == sorted(state.tasks)
        for task in state.tasks_by_id():
            fact = self.facts[task.id]
            assert (task.attempts, task.is_terminal) == (fact.attempts, fact.over), task
            if fact.cancelled:
                assert task.status in (Status.STOPPING, Status.CANCELLED)  # G10

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

    def _run_ended(self, event: RunEnded, command: c.Command) -> None:
        run = (event.task_id, event.allocation_id)
        assert run not in self.ended, "a run has one outcome"
        self.ended.add(run)
        fact = self.facts[event.task_id]
        permanent = isinstance(command, c.EndRun) and command.permanent
        if event.outcome in COUNTED:
            fact.attempts += 1
            fact.over = permanent or 0 < fact.max_attempts <= fact.attempts
        elif event.outcome is RunOutcome.LOST:
            fact.over = fact.on_lost == "fail"
        else:
            fact.over = event.outcome is not RunOutcome.ABORTED
        if fact.cancelled:
            assert event.outcome is RunOutcome.CANCELLED


def _has_node(events: list[Event]) -> bool:
    return any(isinstance(e, TaskChanged) and e.new is not None and e.new.has_node for e in events)
