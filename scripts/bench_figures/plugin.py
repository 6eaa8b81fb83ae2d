"""Executors for measuring: they write down when user code began, by the clock that all processes here share.

Nodes load this file with `--executors`; nothing of the bench imports it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from pydantic import BaseModel
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Assignment,
    Candidate,
    ClusterView,
    PersistentTasksExecutor,
)

FOR_EVER_S = 86_400.0


class MarkParams(BaseModel):
    """`path`: a file to which a line is added when a run begins. `hold`: run until asked to stop."""

    path: str = ""
    hold: bool = False


class MarkState(BaseModel):
    """No fields."""


class Mark(PersistentTasksExecutor[MarkParams, MarkState]):
    """Says when it began: in nanoseconds of the steady clock, as its result and as a line of a file."""

    name = "bench.mark"

    @override
    async def node_operation(
        self,
        task: AllocatedPersistentTask[MarkState],
        params: MarkParams,
        state: MarkState | None,
    ) -> dict[str, int]:
        """A line is `allocation id, instant, process id`."""
        began = time.monotonic_ns()
        if params.path:
            line = f"{task.allocation_id} {began} {os.getpid()}\n"
            fd = os.open(params.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(fd, line.encode())
            os.close(fd)
        if params.hold:
            await task.sleep(FOR_EVER_S)
        return {"began_ns": began}


class Chosen(Mark):
    """The same, with a `get_assignment` of its own."""

    name = "bench.chosen"

    @override
    def get_assignment(
        self, params: MarkParams, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        return Assignment.least_loaded(candidates)


class Tick(Mark):
    """Writes down when it was due and when it began, both in milliseconds since 1970."""

    name = "bench.tick"

    @override
    async def node_operation(
        self,
        task: AllocatedPersistentTask[MarkState],
        params: MarkParams,
        state: MarkState | None,
    ) -> dict[str, int]:
        """A line is `task id, due, began`; all runs of a worker share one file."""
        began = time.time_ns() // 1_000_000
        due = round(task.due_at.timestamp() * 1_000) if task.due_at is not None else 0
        _append(f"{params.path}.{os.getpid()}", f"{task.id} {due} {began}\n")
        return {}


_files: dict[str, int] = {}


def _append(path: str, line: str) -> None:
    """One write to a file that stays open."""
    fd = _files.get(path)
    if fd is None:
        fd = _files[path] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, line.encode())
