"""Names and numbers that must not be mixed up."""

from __future__ import annotations

from typing import NewType

TaskId = NewType("TaskId", str)
NodeName = NewType("NodeName", str)
Incarnation = NewType("Incarnation", str)  # "<counter>-<random tail>": one life of a node's agent
AllocationId = NewType("AllocationId", int)  # one counter for the cluster; shown as fencing token

NO_ALLOCATION = AllocationId(0)


def run_name(task_id: TaskId, allocation_id: AllocationId) -> str:
    """`<task id>#<allocation id>`: the name of one run."""
    return f"{task_id}#{allocation_id}"
