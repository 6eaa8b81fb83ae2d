"""A task that was cancelled or has failed for good takes its unfinished descendants along, whoever leads (PT-77, PT-78)."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Desired, Status, Task


def objections(state: ClusterState) -> Iterator[str]:
    """Children that go on although their parent is over."""
    for parent_id in sorted(state.children):
        parent = state.tasks.get(TaskId(parent_id))
        if parent is None or not _takes_along(parent):
            continue
        for child_id in sorted(state.children[parent_id]):
            child = state.tasks[child_id]
            theirs = child.created_revision >= parent.created_revision
            if theirs and not child.is_terminal and child.desired is not Desired.CANCELLED:
                yield f"{child.id} is {child.status}, its parent {parent.status}, {parent.desired}"


def _takes_along(parent: Task) -> bool:
    return parent.desired is Desired.CANCELLED or parent.status is Status.FAILED
