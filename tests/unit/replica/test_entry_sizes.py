"""What travels in one entry is weighed with all that makes it large: one that is too large would be refused to all in it."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.assignment.load import Load
from coordinator.codec.envelope import decode_batch
from coordinator.duties.agenda import Freshness
from coordinator.machine.commands import (
    ChangeTasks,
    Command,
    CreateTask,
    FireSchedule,
    Request,
    UpdateTask,
)
from coordinator.model.concurrency import TaskLimit
from coordinator.model.ids import TaskId
from coordinator.model.limits import AFTER_MAX, ENTRY_BYTES_MAX, LIMITS_PER_TASK_MAX
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Policy, TaskSpec
from coordinator.replica.proposals import Answer, Proposal, Proposals

T, AT = TaskId("t"), 1_790_000_000_000
LABELS = tuple((f"{n:063d}", "v" * 255) for n in range(64))
LIMITS = tuple(TaskLimit("node", f"{n:0511d}", 1) for n in range(LIMITS_PER_TASK_MAX))
LABELLED = TaskSpec(labels=LABELS)
WAITING = TaskSpec(after=tuple(f"{n:0255d}" for n in range(AFTER_MAX)))
LATE = tuple(Occurrence("schedule", AT + n, AT + n) for n in range(1_000))
FATES = tuple(Fate(FateWord.SKIPPED, "blackout", AT + n, AT + n) for n in range(1_000))

LARGE: tuple[Command, ...] = (
    UpdateTask(T, 0, spec=LABELLED),
    UpdateTask(T, 0, spec=WAITING),
    UpdateTask(T, 0, limits=LIMITS),
    ChangeTasks((UpdateTask(T, 0, spec=LABELLED),) * 3),
    CreateTask(T, "e", 1, b"{}", WAITING, Policy(), Assignment()),
    CreateTask(T, "e", 1, b"{}", TaskSpec(), Policy(), Assignment(), limits=LIMITS),
    FireSchedule(T, 0, AT, Firing(AT, AT), catch_up=LATE),
    FireSchedule(T, 0, AT, Firing(AT, AT), fates=FATES),
)


class Log:
    """A raft that takes everything."""

    term, last_index = 1, 0

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def propose(self, data: bytes) -> None:
        self.last_index += 1
        self.entries.append(data)


@pytest.mark.parametrize("command", LARGE)
def test_no_entry_of_many_large_commands_is_too_large(command: Command) -> None:
    log: Any = Log()
    state = ClusterState()
    proposals = Proposals(log, Load(state), {})
    refused: list[Answer] = []
    for _ in range(500):
        proposals.add(Proposal(Request(command), refused.append))
    proposals.flush(1, 1, 500)
    assert not refused
    (entry,) = log.entries
    assert len(entry) < ENTRY_BYTES_MAX / 4
    assert len(proposals) == 500 - len(decode_batch(entry).requests)


def test_what_is_decided_again_is_weighed_again() -> None:
    log: Any = Log()
    proposals = Proposals(log, Load(ClusterState()), {})
    again = LARGE[-1]
    for _ in range(500):
        small = Request(FireSchedule(T, 0, AT, Firing(AT, AT)))
        proposals.add(Proposal(small, lambda _: None, fresh=Freshness(0, lambda _: again)))
    proposals.flush(1, 1, 500)
    (entry,) = log.entries
    assert len(entry) < ENTRY_BYTES_MAX / 4
