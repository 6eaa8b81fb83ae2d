"""Executors that end-to-end tests run in real workers: `--executors .../executors_for_tests.py`.

Whoever writes to a file adds lines `task token boottime_ns pid` with O_APPEND, so that the file's own order shows which
run wrote after which.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Assignment,
    Candidate,
    ClusterView,
    PersistentTasksExecutor,
    TaskPolicy,
    ValidationError,
    executor,
)


class Place(BaseModel):
    path: str


class Nothing(BaseModel):
    pass


class Size(BaseModel):
    size: int = 0
    text: str = ""


class Count(BaseModel):
    n: int


class Text(BaseModel):
    text: str


Handle = AllocatedPersistentTask[Count]


def write_line(task: Handle, path: str) -> None:
    stamp = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    line = f"{task.id} {task.fencing_token} {stamp} {os.getpid()}\n"
    target = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(target, line.encode())
    finally:
        os.close(target)


async def write_on(task: Handle, path: str) -> None:
    while True:
        task.raise_if_cancelled()
        write_line(task, path)
        await task.sleep(0.1)


# --- that run ----------------------------------------------------------------------------------------------------------


@executor("x.writer", policy=TaskPolicy(exclusive=True, cancel_grace="1s"))
async def writer(task: Handle, params: Place) -> None:
    """A line per 100 ms for as long as it lives; no two runs of it may overlap."""
    await write_on(task, params.path)


@executor(
    "x.alone",
    policy=TaskPolicy(exclusive=True, cancel_grace="1s", isolation="process"),
)
async def alone(task: Handle, params: Place) -> None:
    """The same in a process of its own."""
    await write_on(task, params.path)


@executor("x.tolerant", policy=TaskPolicy(exclusive=False, cancel_grace="1s"))
async def tolerant(task: Handle, params: Place) -> None:
    """The same, for which an overlap does not matter."""
    await write_on(task, params.path)


@executor("x.gil", policy=TaskPolicy(exclusive=True, isolation="process"))
async def gil(task: Handle, params: Place) -> None:
    """One call into C that never lets go of the GIL."""
    write_line(task, params.path)
    await task.sleep(0.2)  # so that its start is known
    re.fullmatch(r"(a+)+b", "a" * 64)


@executor("x.deaf", policy=TaskPolicy(exclusive=True, cancel_grace="200ms"))
def deaf(task: Handle, params: Place) -> None:
    """A plain def that goes on writing whatever it is told."""
    while True:
        write_line(task, params.path)
        time.sleep(0.1)


@executor("x.saves", policy=TaskPolicy(exclusive=True, isolation="process"))
async def saves(task: Handle, params: Place, state: Count | None) -> None:
    """Saves three times more, then writes on."""
    done = state.n if state is not None else 0
    for n in range(done + 1, done + 4):
        await task.update_state(Count(n=n))
    await write_on(task, params.path)


@executor("x.waits", policy=TaskPolicy(exclusive=False))
def waits(task: Handle, params: Place) -> int:
    """Writes a line, then ends with its token when the file `<path>.<token>` is there, cancelled or not."""
    write_line(task, params.path)
    while not Path(f"{params.path}.{task.fencing_token}").exists():
        time.sleep(0.02)
    return task.fencing_token


@executor("x.swells")
async def swells(task: AllocatedPersistentTask[Text], params: Size) -> None:
    """Tries to save a state of that size."""
    await task.update_state(Text(text="x" * params.size))


# --- that make trouble for the leader ------------------------------------------------------------------------------------


class Broken(PersistentTasksExecutor[Nothing, Nothing]):
    """Raises in validate."""

    name = "x.validate_raises"

    @override
    def validate(self, params: Nothing, cluster: ClusterView) -> None:
        raise RuntimeError("boom in validate")

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[Nothing], params: Nothing, state: Nothing | None
    ) -> None: ...


class Refuser(Broken):
    """Refuses in validate, as it should."""

    name = "x.refuses"

    @override
    def validate(self, params: Nothing, cluster: ClusterView) -> None:
        raise ValidationError("not on a Tuesday")


class ValidateHangs(Broken):
    """Hangs in validate."""

    name = "x.validate_hangs"

    @override
    def validate(self, params: Nothing, cluster: ClusterView) -> None:
        re.fullmatch(r"(a+)+b", "a" * 64)


class AssignRaises(Broken):
    """Raises in get_assignment."""

    name = "x.assign_raises"

    @override
    def validate(self, params: Nothing, cluster: ClusterView) -> None: ...

    @override
    def get_assignment(
        self, params: Nothing, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        raise RuntimeError("boom in get_assignment")


class Looks(PersistentTasksExecutor[Size, Nothing]):
    """Says what it sees of its tasks: in validate what it was sent, in get_assignment how many there are."""

    name = "x.looks"
    policy = TaskPolicy(cost=0)

    @override
    def validate(self, params: Size, cluster: ClusterView) -> None:
        for task in cluster.tasks():
            if not task.params_left_out and task.params["text"] != params.text:
                raise ValidationError(f"{task.id} has other params")

    @override
    def get_assignment(
        self, params: Size, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        tasks = cluster.tasks("x.looks")
        full = sum(not task.params_left_out for task in tasks)
        return Assignment.to(candidates[0], f"{len(tasks)} tasks, {full} with params")

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[Nothing], params: Size, state: Nothing | None
    ) -> None:
        await task.sleep(3_600)


class AssignHangs(AssignRaises):
    """Hangs in get_assignment, holding the GIL."""

    name = "x.assign_hangs"

    @override
    def get_assignment(
        self, params: Nothing, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        re.fullmatch(r"(a+)+b", "a" * 64)
        return Assignment.least_loaded(candidates)
