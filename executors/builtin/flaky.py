"""`demo.flaky`: fails a number of times, then succeeds."""

from __future__ import annotations

from pydantic import BaseModel, Field
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Backoff,
    Duration,
    PermanentError,
    PersistentTasksExecutor,
    RetryableError,
    TaskPolicy,
)


class FlakyParams(BaseModel):
    """Fail `failures` times. `retry_in`: ask for the next try then; `permanent`: fail for good instead."""

    failures: int = Field(default=1, ge=0)
    retry_in: Duration | None = None
    permanent: bool = False


class FlakyState(BaseModel):
    """How often it has failed."""

    failed: int = 0


class Flaky(PersistentTasksExecutor[FlakyParams, FlakyState]):
    """Fails as often as it is told to, then succeeds."""

    name = "demo.flaky"
    policy = TaskPolicy(backoff=Backoff(first="1s", base="1s", cap="10s", jitter="none"))

    @override
    async def node_operation(
        self,
        task: AllocatedPersistentTask[FlakyState],
        params: FlakyParams,
        state: FlakyState | None,
    ) -> dict[str, int]:
        """The result is how often it had failed before."""
        failed = state.failed if state else 0
        if failed >= params.failures:
            return {"failed": failed, "attempt": task.attempt}
        await task.update_state(FlakyState(failed=failed + 1))
        message = f"failure {failed + 1} of {params.failures}, as asked"
        if params.permanent:
            raise PermanentError(message)
        if params.retry_in is not None:
            raise RetryableError(message, retry_in=params.retry_in)
        raise RuntimeError(message)
