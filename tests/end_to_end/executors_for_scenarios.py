"""Executors of single scenarios: `--executors .../executors_for_scenarios.py`, beside those of `executors_for_tests`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, field_validator
from typing_extensions import override

from executors import (
    Assignment,
    Candidate,
    ClusterView,
    PersistentTasksExecutor,
    TaskPolicy,
    executor,
)
from tests.end_to_end.executors_for_tests import (
    Count,
    Handle,
    Nothing,
    Place,
    write_line,
    write_on,
)

LINES_AFTER_STOP = 15


@executor("s31.lingers", policy=TaskPolicy(exclusive=True, cancel_grace="20s"))
async def lingers(task: Handle, params: Place) -> None:
    """Writes on for a while after it was asked to stop."""
    try:
        await write_on(task, params.path)
    except asyncio.CancelledError:
        for _ in range(LINES_AFTER_STOP):
            write_line(task, params.path)
            await asyncio.sleep(0.1)
        raise


@executor("s45.rare")
async def rare(task: Handle, params: Place) -> None:
    """Writes; few nodes offer it."""
    await write_on(task, params.path)


@executor("s45.crashes", policy=TaskPolicy(isolation="process"))
async def crashes(task: Handle, params: Nothing) -> None:
    """Takes its process along at once."""
    os.abort()


# --- the life of a task ----------------------------------------------------------------------------------------------


class Even(BaseModel):
    """Its schema lets every number pass; only the model itself knows better."""

    n: int

    @field_validator("n")
    @classmethod
    def is_even(cls, n: int) -> int:
        if n % 2:
            raise ValueError("odd numbers bring bad luck")
        return n


@executor("life.even")
async def even(task: Handle, params: Even) -> int:
    """Half of it."""
    return params.n // 2


@executor("life.raises")
async def raises(task: Handle, params: Nothing) -> None:
    """Fails, always."""
    raise LookupError("no such bucket")


@executor("life.quiet")
async def quiet(task: Handle, params: Nothing) -> None:
    """Returns at once and reports nothing."""


@executor("life.told", policy=TaskPolicy(cancel_grace="10s"))
async def told(task: Handle, params: Place) -> int:
    """Saves, waits to be asked to end, writes down why, and reports a success all the same."""
    await task.update_state(Count(n=1))
    try:
        await write_on(task, params.path)
    except asyncio.CancelledError:
        assert task.stop_reason is not None
        write_down(params.path + ".said", [task.stop_reason.value])
    return 7


@executor("life.gives_back")
async def gives_back(task: Handle, params: Place, state: Count | None) -> object:
    """Gives its first run back, does not let go, and writes down what its further calls raise."""
    if state is not None:
        return await write_on(task, params.path)
    await task.update_state(Count(n=1))
    said = []
    for call in (
        lambda: task.abort_locally("no licence here"),
        lambda: task.update_state(Count(n=2)),
        lambda: task.checkpoint(Count(n=3)),
        lambda: task.start_child("demo.noop", Nothing(), key="late"),
        lambda: task.abort_locally("again"),
    ):
        try:
            await call()
        except BaseException as error:  # noqa: BLE001  (what a stubborn author writes)
            said.append(f"{type(error).__name__}: {error}")
    write_down(params.path + ".said", said)
    return {"ignored": True}


def write_down(path: str, lines: Sequence[str]) -> None:
    Path(path).write_text("\n".join(lines))


class Picky(PersistentTasksExecutor[Place, Count]):
    """Runs where the disk is an ssd, and nowhere else."""

    name = "life.picky"
    policy = TaskPolicy(cancel_grace="1s")

    @override
    def get_assignment(
        self, params: Place, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        fit = [one for one in candidates if one.attributes.get("disk") == "ssd"]
        if not fit:
            return Assignment.none("executor_refused", "needs disk=ssd")
        return Assignment.least_loaded(fit)

    @override
    async def node_operation(self, task: Handle, params: Place, state: Count | None) -> None:
        await write_on(task, params.path)
