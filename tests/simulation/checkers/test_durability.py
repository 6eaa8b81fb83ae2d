"""Acknowledged operations that left no trace have to be convicted."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from coordinator.machine.outcome import Accepted
from coordinator.model.events import Event, TaskChanged
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Desired, Policy, Status, Task, TaskSpec
from tests.simulation.checkers.durability import objections
from tests.simulation.history import Operation

TASK = Task(
    TaskId("t"), "sim.brief", 1, b"{}", TaskSpec(), Policy(), Desired.RUNNING, Status.UNASSIGNED,
    Assignment(), AllocationId(4), 0, 0, 10, 10,
)  # fmt: skip
CANCELLED = replace(TASK, desired=Desired.CANCELLED, status=Status.CANCELLED)
MADE = {10: (TaskChanged(None, TASK),)}
GONE = {20: (TaskChanged(TASK, None),)}


def state(*tasks: Task) -> ClusterState:
    found = ClusterState()
    for task in tasks:
        found.put_task(task)
    return found


def did(kind: str, revision: int, argument: object = None, *, created: bool = False) -> Operation:
    told = Accepted(TASK.id, TASK.allocation_id, created=created)
    return Operation("k1", kind, "t", argument, 0, "", 5, "ok", told, revision)


def judged(
    operations: Iterable[Operation], events: dict[int, tuple[Event, ...]], *tasks: Task
) -> list[str]:
    return list(objections(operations, events, state(*tasks)))


def test_what_was_made_and_is_there_is_fine() -> None:
    assert judged([did("create", 12, created=True)], {**MADE}, TASK) == []


def test_g1_a_creation_that_left_no_trace_is_found() -> None:
    assert judged([did("create", 12, created=True)], {})


def test_g1_a_creation_after_its_answer_is_found() -> None:
    assert judged([did("create", 9, created=True)], {**MADE}, TASK)


def test_g1_a_record_that_went_without_anybody_asking_is_found() -> None:
    assert judged([did("create", 12, created=True)], {**MADE, **GONE})
    assert judged([did("purge", 20)], {**MADE, **GONE}) == []


def test_a_state_that_does_not_follow_from_the_events_is_found() -> None:
    assert judged([], {**MADE})
    assert judged([did("purge", 20)], {**MADE, **GONE}, TASK)


def test_g10_a_cancel_that_left_no_trace_is_found() -> None:
    over = {15: (TaskChanged(TASK, CANCELLED),)}
    assert judged([did("cancel", 16)], {**MADE, **over}, CANCELLED) == []
    assert judged([did("cancel", 14)], {**MADE, **over}, CANCELLED)
    assert judged([did("cancel", 16)], {**MADE}, TASK)


@pytest.mark.parametrize(
    "kind, argument, after",
    [
        ("update", (2, False), {"params": b'{"n":2}'}),
        ("priority", 70, {"spec": TaskSpec(priority=70)}),
        ("pause", False, {"desired": Desired.PAUSED}),
        ("retry", False, {"cause": "retry"}),
    ],
)
def test_g1_a_change_that_left_no_trace_is_found(
    kind: str, argument: object, after: dict[str, object]
) -> None:
    changed = replace(TASK, **after)
    events = {**MADE, 15: (TaskChanged(TASK, changed),)}
    assert judged([did(kind, 16, argument)], events, changed) == []
    assert judged([did(kind, 14, argument)], events, changed)
    assert judged([did(kind, 16, argument)], {**MADE}, TASK)


def test_a_task_that_runs_again_without_anybody_asking_is_found() -> None:
    failed = replace(TASK, status=Status.FAILED)
    again = replace(TASK, cause="retry")
    events = {**MADE, 15: (TaskChanged(TASK, failed),), 18: (TaskChanged(failed, again),)}
    assert judged([], events, again)
    assert judged([did("retry", 18)], events, again) == []
