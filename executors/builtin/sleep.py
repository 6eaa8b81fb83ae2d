"""`demo.sleep`: takes its time."""

from __future__ import annotations

from pydantic import BaseModel, Field
from typing_extensions import override

from executors import AllocatedPersistentTask, Duration, PersistentTasksExecutor


class SleepParams(BaseModel):
    """How long: `seconds` as a number, or `duration` such as 1m30s; both add up."""

    seconds: float = Field(default=0.0, ge=0)
    duration: Duration = Duration("0s")


class SleepState(BaseModel):
    """No fields: a run that was cut off sleeps anew."""


class Sleep(PersistentTasksExecutor[SleepParams, SleepState]):
    """Sleeps, and wakes when it is asked to end."""

    name = "demo.sleep"

    @override
    async def node_operation(
        self,
        task: AllocatedPersistentTask[SleepState],
        params: SleepParams,
        state: SleepState | None,
    ) -> dict[str, float]:
        """The result is how long it slept."""
        seconds = params.seconds + params.duration.total_seconds()
        await task.sleep(seconds)
        return {"slept_seconds": seconds}
