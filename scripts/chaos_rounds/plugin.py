"""Executors that write down what they do: `task token boottime_ns pid what [number]`, a line each, in one file.

Loaded with `--executors`. Lines are added with O_APPEND, so the file's own order
shows who wrote after whom.
"""

from __future__ import annotations

import os
import subprocess
import time

from pydantic import BaseModel

from executors import AllocatedPersistentTask, Backoff, TaskPolicy, executor

TICK_S = 0.1
QUICK = Backoff.fixed("300ms")  # runs are lost again and again here, and shall come back
CHILD_MARK = "CHAOS_RUN"


class Place(BaseModel):
    """The file of all lines."""

    path: str


class Steps(BaseModel):
    """Saves its state so many times with a pause before each, then ends."""

    path: str
    steps: int = 1
    pause_ms: int = 20


class Count(BaseModel):
    """Steps that are done."""

    n: int


Handle = AllocatedPersistentTask[Count]


def write_line(task: Handle, path: str, what: str) -> None:
    """One write, so that no line is cut by another."""
    stamp = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    line = f"{task.id} {task.fencing_token} {stamp} {os.getpid()} {what}\n"
    target = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(target, line.encode())
    finally:
        os.close(target)


async def tick(task: Handle, path: str) -> None:
    """A line per 100 ms for as long as it lives."""
    while True:
        task.raise_if_cancelled()
        write_line(task, path, "tick")
        await task.sleep(TICK_S)


@executor("chaos.writer", policy=TaskPolicy(exclusive=True, cancel_grace="1s", backoff=QUICK))
async def writer(task: Handle, params: Place) -> None:
    """Ticks in a worker that it shares."""
    await tick(task, params.path)


@executor(
    "chaos.alone",
    policy=TaskPolicy(exclusive=True, cancel_grace="1s", isolation="process", backoff=QUICK),
)
async def alone(task: Handle, params: Place) -> None:
    """Ticks in a process of its own, and starts another that detaches itself and would live for a day."""
    mark = {CHILD_MARK: f"{task.id}#{task.fencing_token}"}
    subprocess.Popen(  # noqa: ASYNC220 - it is not waited for
        ["sleep", "86400"], env={**os.environ, **mark}, start_new_session=True
    )
    await tick(task, params.path)


@executor("chaos.deaf", policy=TaskPolicy(exclusive=True, cancel_grace="300ms", backoff=QUICK))
def deaf(task: Handle, params: Place) -> None:
    """Ticks on, whatever it is told."""
    while True:
        write_line(task, params.path, "tick")
        time.sleep(TICK_S)


@executor("chaos.tolerant", policy=TaskPolicy(exclusive=False, cancel_grace="1s", backoff=QUICK))
async def tolerant(task: Handle, params: Place) -> None:
    """Ticks; an overlap does not matter."""
    await tick(task, params.path)


@executor("chaos.steps", policy=TaskPolicy(exclusive=True, backoff=QUICK))
async def steps(task: Handle, params: Steps, state: Count | None) -> int:
    """Goes on where the last durable state left off; writes down each save that was acknowledged."""
    done = state.n if state is not None else 0
    write_line(task, params.path, "begin")
    for n in range(done + 1, params.steps + 1):
        await task.sleep(params.pause_ms / 1000)
        task.raise_if_cancelled()
        await task.update_state(Count(n=n))
        write_line(task, params.path, f"saved {n}")
    write_line(task, params.path, "end")
    return params.steps
