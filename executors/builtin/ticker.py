"""`demo.ticker`: counts, one durable step at a time."""

from __future__ import annotations

from pydantic import BaseModel, Field
from typing_extensions import override

from executors import AllocatedPersistentTask, Duration, PersistentTasksExecutor


class TickerParams(BaseModel):
    """Count to `until`, one tick per `interval`."""

    interval: Duration = Duration("1s")
    until: int = Field(default=10, ge=1)


class TickerState(BaseModel):
    """The last tick that was counted."""

    tick: int = 0


class Ticker(PersistentTasksExecutor[TickerParams, TickerState]):
    """Counts to a number and goes on where it was when its node dies."""

    name = "demo.ticker"

    @override
    async def node_operation(
        self,
        task: AllocatedPersistentTask[TickerState],
        params: TickerParams,
        state: TickerState | None,
    ) -> int:
        """The result is the last tick, as the state has it."""
        tick = state.tick if state else 0
        while tick < params.until:
            await task.sleep(params.interval)
            tick += 1
            await task.update_state(TickerState(tick=tick))
            task.progress(tick, params.until)
        return tick
