"""Tasks that run for ever: exclusive ones of every kind, and one that tolerates overlap."""

from __future__ import annotations

from coordinator.client import Client, NewTask, Task
from scripts.chaos_rounds.lines import WrittenRun
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import is_alive

FOR_EVER = {
    "writer-1": "chaos.writer",
    "writer-2": "chaos.writer",
    "alone-1": "chaos.alone",
    "alone-2": "chaos.alone",
    "deaf-1": "chaos.deaf",
    "tolerant-1": "chaos.tolerant",
}
TOLERANT = {task_id for task_id, executor in FOR_EVER.items() if "tolerant" in executor}
MOVABLE = [task_id for task_id, executor in FOR_EVER.items() if "deaf" not in executor]


def start_all(cluster: Cluster, path: str) -> None:
    """All of them, writing to that file."""

    async def start(client: Client) -> None:
        for task_id, executor in FOR_EVER.items():
            task = NewTask(executor=executor, id=task_id, params={"path": path}, max_attempts=0)
            await client.create(task)

    cluster.call(start, timeout_s=60)


async def records(client: Client) -> list[Task]:
    """As they are now."""
    found = [(await client.get(task_id)).task for task_id in FOR_EVER]
    return [task for task in found if task is not None]


def is_as_recorded(task: Task, last: WrittenRun | None) -> bool:
    """Whether it runs where its record says, as far as its lines show it."""
    if task.status != "running" or last is None:
        return False
    return last.interval.token == task.allocation_id and is_alive(last.pid)
