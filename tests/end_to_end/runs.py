"""What the runs of `executors_for_tests` left behind, and what must hold of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from coordinator.client import Client, ClientError, NewTask, Task
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import is_alive, until

PLUGIN = str(Path(__file__).parent / "executors_for_tests.py")


def boot_time_s() -> float:
    """The clock of the lines: CLOCK_BOOTTIME."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Line:
    task: str
    token: int
    at_s: float
    pid: int


def lines_of(path: Path, task: str = "") -> list[Line]:
    """In the order of the file; a torn last line is left out."""
    text = path.read_text() if path.exists() else ""
    found = []
    for words in (line.split() for line in text.split("\n")[:-1]):
        line = Line(words[0], int(words[1]), int(words[2]) / 1e9, int(words[3]))
        if not task or line.task == task:
            found.append(line)
    return found


def tokens_of(path: Path, task: str = "") -> list[int]:
    """Of the runs that wrote, each once per stretch: growing, if no two overlap."""
    return [token for token, _ in groupby(line.token for line in lines_of(path, task))]


def assert_no_overlap(path: Path) -> None:
    """G6: of every task each run's lines lie together, in the order of the allocation ids, on one process."""
    for task in sorted({line.task for line in lines_of(path)}):
        tokens = tokens_of(path, task)
        assert all(a < b for a, b in pairwise(tokens)), f"{task}: {tokens}"
        stamps = [line.at_s for line in lines_of(path, task)]
        assert stamps == sorted(stamps), task
        runs = {(line.token, line.pid) for line in lines_of(path, task)}
        assert len(runs) == len(tokens), f"{task}: {runs}"


def start(cluster: Cluster, executor: str, task_id: str, **more: object) -> Task:
    """Create a task; `path` and whatever else the executor's params have."""
    task = NewTask(executor=executor, id=task_id, params=more)
    return cluster.call(lambda client: client.create(task), timeout_s=30).task


def get(cluster: Cluster, task_id: str) -> Task:
    return there(task_id, cluster.call(lambda client: client.get(task_id), timeout_s=30).task)


def there(task_id: str, task: Task | None) -> Task:
    """The record, which has not gone."""
    assert task is not None, task_id
    return task


def running_on(cluster: Cluster, path: Path, task_id: str, beyond: int = 0) -> tuple[Task, Line]:
    """The task's record and last line, once a run with a token above `beyond` is seen to write and known to run."""

    def found() -> tuple[Task, Line] | None:
        lines = [line for line in lines_of(path, task_id) if line.token > beyond]
        if not lines:
            return None
        try:
            task = cluster.call(lambda client: client.get(task_id), timeout_s=5).task
        except ClientError:
            return None
        if task is None or (task.status, task.allocation_id) != ("running", lines[-1].token):
            return None
        return task, lines[-1]

    until(found, f"{task_id} runs under a token above {beyond}", 60)
    result = found()
    if result is None:  # it moved on in between
        return running_on(cluster, path, task_id, beyond)
    return result


class Writers:
    """Some exclusive tasks that write to one file, two of them in processes of their own; cancelled at the end."""

    def __init__(self, cluster: Cluster, name: str, count: int = 4) -> None:
        self.cluster = cluster
        self.path = cluster.root / f"{name}.lines"
        self.ids = [f"{name}-{number}" for number in range(count)]
        for number, task_id in enumerate(self.ids):
            executor = "x.alone" if number < count // 2 else "x.writer"
            start(cluster, executor, task_id, path=str(self.path))
        self.wait_settled()

    def records(self) -> dict[str, Task]:
        async def look(client: Client) -> dict[str, Task]:
            return {t: there(t, (await client.get(t)).task) for t in self.ids}

        return self.cluster.call(look, timeout_s=20)

    def running_on(self, task_id: str, beyond: int = 0) -> tuple[Task, Line]:
        return running_on(self.cluster, self.path, task_id, beyond)

    def wait_settled(self) -> None:
        """No record stays assigned to a run that does not exist: each runs as recorded, or waits with nobody at work."""

        def is_so() -> bool:
            try:
                records = self.records()
            except ClientError:
                return False
            last = {line.task: line for line in lines_of(self.path)}
            return all(is_true(record, last.get(t)) for t, record in records.items())

        until(is_so, f"{', '.join(self.ids)} as recorded", 60)

    def end(self) -> None:
        """What must hold of all their runs."""
        for task_id in self.ids:
            self.cluster.call(lambda client, t=task_id: client.cancel(t), timeout_s=30)  # type: ignore[misc]
        until(lambda: all(t.is_finished for t in self.records().values()), "the writers' end", 60)
        assert_no_overlap(self.path)
        for task_id in self.ids:
            page = self.cluster.call(lambda client, t=task_id: client.runs(t))  # type: ignore[misc]
            ids = [run.allocation_id for run in page.runs]
            assert ids == sorted(set(ids), reverse=True)
            assert set(tokens_of(self.path, task_id)) <= set(ids)
            assert all(run.status == "ended" for run in page.runs)


def is_true(record: Task, last: Line | None) -> bool:
    """Whether the record tells what is, as far as the file shows it."""
    if record.status == "running":
        return last is not None and last.token == record.allocation_id and is_alive(last.pid)
    return record.status == "waiting" and record.assignment.code == "backoff"
