"""Calls to a run under test, by the rules of a worker (PT-85)."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Call,
    PersistentTasksExecutor,
    ValidationError,
    executor,
)
from executors.testing import HarnessError, HarnessFactory


class P(BaseModel):
    rows: int = 3


class S(BaseModel):
    seen: int = 0


class Asked(PersistentTasksExecutor[P, S]):
    """Counts what it is asked."""

    name = "k.asked"

    def __init__(self) -> None:
        self.seen = 0
        self.rows = 0
        self.more = asyncio.Event()

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[S], params: P, state: S | None
    ) -> object:
        self.seen, self.rows = state.seen if state else 0, params.rows
        await task.update_state(S(seen=self.seen))
        await self.more.wait()
        return self.seen

    @override
    async def on_call(self, task: AllocatedPersistentTask[S], call: Call) -> object:
        self.seen += 1
        match call.method:
            case "stats":
                return {"seen": self.seen, "rows": self.rows, "run": task.allocation_id}
            case "model":
                return S(seen=self.seen)
            case "save":
                await task.update_state(S(seen=self.seen))
                return None
            case "end":
                self.more.set()
                return call.payload
            case "hang":
                await asyncio.Event().wait()
                return None
            case "much":
                return "x" * 256 * 1024
            case "odd":
                return {1, 2}
            case other:
                raise ValidationError("method", f"there is no {other}")


@executor("k.deaf")
async def deaf(task: AllocatedPersistentTask[S], params: P) -> None:
    await task.sleep("1h")


async def test_pt_85_a_run_answers_beside_its_code(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(Asked).start(P())
    await run.until(checkpoints=1)
    run.go_on()
    assert await run.call("stats") == {"seen": 1, "rows": 3, "run": run.allocation_id}
    assert await run.call("model") == {"seen": 2}
    assert await run.call("end", {"last": [1, None]}) == {"last": [1, None]}
    assert await run.result() == 3


async def test_pt_85_what_it_saves_while_it_answers_outlives_it(
    executor_harness: HarnessFactory,
) -> None:
    run = await executor_harness(Asked).start(P())
    await run.until(checkpoints=1)
    run.go_on()
    await run.call("save")
    again = await run.crash_and_resume()
    await again.until(checkpoints=1)
    again.go_on()
    assert (await again.call("stats"))["seen"] == 2


async def test_pt_85_what_it_does_not_take_is_the_callers_to_know(
    executor_harness: HarnessFactory,
) -> None:
    run = await executor_harness(Asked).start(P())
    await run.until(checkpoints=1)
    run.go_on()
    with pytest.raises(ValidationError, match="there is no x"):
        await run.call("x")
    with pytest.raises(ValueError, match="at most 262144"):
        await run.call("much")
    with pytest.raises(TypeError, match="not JSON"):
        await run.call("odd")
    await run.call("end")
    assert await run.result() == 4
    with pytest.raises(HarnessError, match="not running"):
        await run.call("stats")


async def test_pt_85_a_call_does_not_outlive_its_run(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(Asked).start(P())
    await run.until(checkpoints=1)
    run.go_on()
    hanging = asyncio.ensure_future(run.call("hang"))
    await run.call("stats")
    run.crash()
    with pytest.raises(HarnessError, match="before it answered"):
        await hanging
    other = await executor_harness(Asked).start(P())
    await other.until(checkpoints=1)
    other.go_on()
    hanging = asyncio.ensure_future(other.call("hang"))
    await other.call("end")
    assert await other.result() == 2
    with pytest.raises(HarnessError, match="before it answered"):
        await hanging


async def test_pt_85_an_executor_without_on_call(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(deaf).start(P())
    with pytest.raises(TypeError, match="has no on_call"):
        await run.call("stats")
