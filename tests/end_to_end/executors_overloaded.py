"""Executors that are too much for their node: one says so, the other blocks the event loop of its worker."""

from __future__ import annotations

import time

from pydantic import BaseModel

from executors import (
    AllocatedPersistentTask,
    PersistentTasksExecutor,
    RetryableError,
    TaskPolicy,
)


class Block(BaseModel):
    seconds: float = 0.0


class SaysSo(PersistentTasksExecutor[Block, Block]):
    """Fails, and asks for patience."""

    name = "over.says_so"
    version = 1
    policy = TaskPolicy(exclusive=False)

    async def node_operation(
        self, task: AllocatedPersistentTask[Block], params: Block, state: Block | None
    ) -> object:
        raise RetryableError("the mill is full", retry_in="1h", overload=True)


class Blocks(PersistentTasksExecutor[Block, Block]):
    """Does not let go of the loop."""

    name = "over.blocks"
    version = 1
    policy = TaskPolicy(exclusive=False)

    async def node_operation(
        self, task: AllocatedPersistentTask[Block], params: Block, state: Block | None
    ) -> object:
        time.sleep(params.seconds)  # noqa: ASYNC251 - the point of it
        return None
