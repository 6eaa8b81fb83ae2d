"""Executors that are called while they run, declared, and poke: for tests with real processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Assignment,
    Call,
    Candidate,
    ClusterView,
    DeclaredTask,
    PersistentTasksExecutor,
    RetryableError,
    ValidationError,
    executor,
)


class Params(BaseModel):
    file: str = ""


class State(BaseModel):
    asked: int = 0


class Counter(PersistentTasksExecutor[Params, State]):
    """Waits, and answers what it is asked meanwhile."""

    name = "c.counter"
    declares = (
        DeclaredTask("the-counter", Params(file="x"), setting="plugins.counter", default=False),
    )

    def __init__(self) -> None:
        self.asked = 0

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[State], params: Params, state: State | None
    ) -> object:
        self.asked = state.asked if state else 0
        task.log.info("here")
        await task.cancelled.wait()
        return self.asked

    @override
    async def on_call(self, task: AllocatedPersistentTask[State], call: Call) -> object:
        match call.method:
            case "ask":
                self.asked += 1
                return {"asked": self.asked, "got": call.payload, "headers": dict(call.headers)}
            case "save":
                await task.update_state(State(asked=self.asked))
                return task.allocation_id
            case "hang":
                await asyncio.Event().wait()
            case "raise":
                raise RuntimeError("broken")
            case "no_text":  # a file name that is no UTF-8
                raise ValidationError("file", "there is no \udcff")
            case "much":
                return "x" * 300 * 1024
            case "die":
                os._exit(9)
            case "poke":
                await task.poke(str(call.payload))
                return "poked"
        raise ValidationError("method", f"there is no {call.method}")


class Threaded(PersistentTasksExecutor[Params, State]):
    """Its code runs in a thread; its calls in the loop beside it."""

    name = "c.threaded"

    @override
    def node_operation(
        self, task: AllocatedPersistentTask[State], params: Params, state: State | None
    ) -> object:
        task.blocking.sleep(3_600)
        return None

    @override
    async def on_call(self, task: AllocatedPersistentTask[State], call: Call) -> object:
        return call.method


class Waits(PersistentTasksExecutor[Params, State]):
    """Runs once its file is there; the leader asks."""

    name = "c.waits"

    @override
    def get_assignment(
        self, params: Params, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        if not Path(params.file).exists():
            return Assignment.none("awaiting_input", "no file yet")
        return Assignment.least_loaded(candidates)

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[State], params: Params, state: State | None
    ) -> object:
        return "done"


@executor("c.deaf")
async def deaf(task: AllocatedPersistentTask[State], params: Params) -> object:
    """Takes no calls."""
    if params.file == "fail":
        raise RetryableError("later", retry_in="1h")
    await task.cancelled.wait()
    return None
