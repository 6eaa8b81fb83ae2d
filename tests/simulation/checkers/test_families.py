"""Children that outlive a parent that takes them along have to be convicted."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Desired, Policy, Status, Task, TaskSpec
from tests.simulation.checkers.families import objections

PARENT = Task(
    TaskId("p"), "sim.parent", 1, b"{}", TaskSpec(), Policy(), Desired.RUNNING, Status.UNASSIGNED,
    Assignment(), AllocationId(4), 0, 0, 10, 10,
)  # fmt: skip
CHILD = replace(
    PARENT, id=TaskId("p/c1"), spec=TaskSpec(parent="p"), allocation_id=AllocationId(5),
    created_revision=12, revision=12,
)  # fmt: skip
CANCELLED = {"desired": Desired.CANCELLED, "status": Status.CANCELLED}


def judged(*tasks: Task) -> list[str]:
    state = ClusterState()
    for task in tasks:
        state.put_task(task)
    return list(objections(state))


@pytest.mark.parametrize(
    "over", [{"status": Status.FAILED}, CANCELLED, {"desired": Desired.CANCELLED}]
)
def test_pt_78_a_child_that_goes_on_after_its_parent_is_found(over: dict[str, object]) -> None:
    parent = replace(PARENT, **over)
    assert judged(parent, CHILD)
    assert judged(parent, replace(CHILD, **CANCELLED)) == []
    assert judged(parent, replace(CHILD, desired=Desired.CANCELLED)) == []


@pytest.mark.parametrize("status", [Status.UNASSIGNED, Status.SUCCEEDED])
def test_a_child_of_a_parent_that_goes_on_or_succeeded_may_go_on(status: Status) -> None:
    assert judged(replace(PARENT, status=status), CHILD) == []


def test_a_child_of_an_earlier_record_of_that_id_is_nobodys() -> None:
    assert judged(replace(PARENT, status=Status.FAILED, created_revision=20), CHILD) == []
