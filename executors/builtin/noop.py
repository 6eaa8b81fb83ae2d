"""`demo.noop`: does nothing, successfully."""

from __future__ import annotations

from pydantic import BaseModel
from typing_extensions import override

from executors import AllocatedPersistentTask, PersistentTasksExecutor


class NoopParams(BaseModel):
    """No fields."""


class NoopState(BaseModel):
    """No fields."""


class Noop(PersistentTasksExecutor[NoopParams, NoopState]):
    """Does nothing, successfully."""

    name = "demo.noop"

    @override
    async def node_operation(
        self,
        task: AllocatedPersistentTask[NoopState],
        params: NoopParams,
        state: NoopState | None,
    ) -> None:
        """Return at once."""
