"""The harness of the test kit: sudden death, a clock that nobody waits for, and what it says when a wait is in vain."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

import pytest
from pydantic import BaseModel, Field
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Assignment,
    Candidate,
    ClusterView,
    Fenced,
    PersistentTasksExecutor,
    TaskPolicy,
    ValidationError,
    executor,
)
from executors.builtin.flaky import Flaky, FlakyParams
from executors.builtin.ticker import Ticker, TickerParams, TickerState
from executors.testing import HarnessError, HarnessFactory


class P(BaseModel):
    mode: str = ""


class S(BaseModel):
    n: int = 0
    note: str = Field(default="")


SEEN: list[str] = []


@executor("k.handlers")
async def handlers(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Notes which of its handlers run, those of a task of its own in the loop too."""

    async def beside() -> None:
        try:
            await asyncio.sleep(3_600)
        finally:
            SEEN.append("beside")

    mine = asyncio.create_task(beside())
    try:
        await asyncio.sleep(0)
        await task.update_state(S(n=1))
        await task.sleep("1h")
    except BaseException:
        SEEN.append("except")
        raise
    finally:
        SEEN.append("finally")
    await mine
    return None


@executor("k.waits_for_nobody")
async def waits_for_nobody(task: AllocatedPersistentTask[S], params: P) -> None:
    """Waits for what does not come."""
    task.log.info("waiting")
    await asyncio.Event().wait()


@executor("k.limited", policy=TaskPolicy(timeout="10m"))
async def limited(task: AllocatedPersistentTask[S], params: P) -> None:
    """Goes on for longer than it may."""
    await task.sleep("1h")


@executor("k.logs")
async def logs(task: AllocatedPersistentTask[S], params: P) -> object:
    """Writes one line by standard logging."""
    getattr(logging.getLogger("shop"), params.mode)("by %s", "logging")
    return 1


@executor("k.many")
async def many(task: AllocatedPersistentTask[S], params: P) -> None:
    """A hundred checkpoints in no time."""
    for n in range(1, 101):
        await task.checkpoint(S(n=n))
    await task.sleep("1s")
    await task.sleep("1h")


@executor("k.thread")
def in_thread(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Sleeps and writes in a thread."""
    me = task.blocking
    for n in range(state.n if state else 0, 3):
        me.sleep("1h")
        me.update_state(S(n=n + 1))
    return 3


class Chooser(PersistentTasksExecutor[P, S]):
    """Has opinions."""

    name = "k.chooser"

    @override
    def validate(self, params: P, cluster: ClusterView) -> None:
        if params.mode == "bad":
            raise ValidationError("mode", "must not be bad")

    @override
    def get_assignment(
        self, params: P, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        match params.mode:
            case "stranger":
                return Assignment.to("elsewhere")
            case "none":
                return Assignment.none("lazy", "too small")
            case "raise":
                raise RuntimeError("no idea")
            case _:
                return Assignment.to(max(candidates, key=lambda one: one.name), "the last")

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[S], params: P, state: S | None
    ) -> None:
        return None


async def test_a_crash_runs_no_handler(executor_harness: HarnessFactory) -> None:
    SEEN.clear()
    run = await executor_harness(handlers).start(P())
    await run.until(checkpoints=1)
    again = await run.crash_and_resume()
    await again.until(checkpoints=1)
    assert SEEN == []
    end = await again.cancel()
    assert (end.outcome, end.was_killed) == ("cancelled", False)
    assert SEEN == ["except", "finally", "beside"]


async def test_x30_a_crash_costs_neither_state_nor_attempt(
    executor_harness: HarnessFactory,
) -> None:
    run = await executor_harness(Ticker).start(TickerParams(until=6))
    await run.until(checkpoints=3)
    again = await run.crash_and_resume()
    assert again.attempt == run.attempt == 1
    assert again.fencing_token > run.fencing_token
    assert again.state == TickerState(tick=3)
    assert await again.result() == 6
    assert again.checkpoints == 3


async def test_a_failure_is_an_attempt(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(Flaky).start(FlakyParams(failures=1))
    assert (await run.ended()).error == "RuntimeError: failure 1 of 1, as asked"
    again = await run.resume()
    assert await again.result() == {"failed": 1, "attempt": 2}


async def test_an_hour_takes_no_time_in_a_thread_either(executor_harness: HarnessFactory) -> None:
    harness = executor_harness(in_thread)
    began = time.monotonic()
    run = await harness.start(P())
    await run.until(checkpoints=2)
    again = await run.crash_and_resume()
    assert await again.result() == 3
    assert harness.clock.elapsed >= 3 * 3_600 > time.monotonic() - began


@executor("k.thread_handlers")
def thread_handlers(task: AllocatedPersistentTask[S], params: P, state: S | None) -> None:
    """Notes which of its handlers run."""
    try:
        task.blocking.update_state(S(n=1))
        task.blocking.sleep("1h")
        SEEN.append("woke up")
    except BaseException:
        SEEN.append("except")
        raise


async def test_a_crash_runs_no_handler_in_a_thread(executor_harness: HarnessFactory) -> None:
    SEEN.clear()
    harness = executor_harness(thread_handlers)
    for point in (0, 1):
        run = await harness.start(P())
        if point:
            await run.until(checkpoints=1)
        again = await run.crash_and_resume()
        await again.until(checkpoints=1)
        await harness.clock.advance("30m")
        again.crash()
        await harness.clock.advance("2h")
        assert SEEN == []


async def test_x31_a_hundred_checkpoints_in_a_second_are_two_writes_at_most(
    executor_harness: HarnessFactory,
) -> None:
    harness = executor_harness(many)
    run = await harness.start(P())
    await harness.clock.advance("1ms")
    end = await run.cancel()
    assert end.outcome == "cancelled"
    assert run.state == S(n=100)
    assert run.checkpoints <= 2


async def test_a_checkpoint_that_waits_is_lost_in_a_crash(executor_harness: HarnessFactory) -> None:
    harness = executor_harness(many)
    run = await harness.start(P())
    await harness.clock.advance("1ms")
    again = await run.crash_and_resume()
    assert again.state == S(n=1)


async def test_x32_a_fenced_handle_refuses_every_verb_that_writes(
    executor_harness: HarnessFactory,
) -> None:
    @executor("k.verbs")
    async def verbs(task: AllocatedPersistentTask[S], params: P) -> object:
        told = []
        for verb in (task.update_state, task.update_state, task.checkpoint):
            with pytest.raises(Fenced) as caught:
                await verb(S(n=1))
            told.append(str(caught.value))
        with pytest.raises(Fenced):
            task.progress(1)
        with pytest.raises(Fenced):
            await task.abort_locally("elsewhere")
        return told

    run = await executor_harness(verbs).start(P())
    run.fence()
    end = await run.ended()
    assert (end.outcome, end.reason, run.state) == ("aborted", "fenced", None)
    assert run.tried_after_fence >= 2


async def test_one_refused_write_leaves_the_run_going(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(Ticker).start(TickerParams(until=2))
    run.fail_next_update()
    end = await run.ended()
    assert (end.outcome, end.error) == ("failed", "ValidationError: state: refused by the test")


async def test_the_time_limit_goes_by_the_virtual_clock(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(limited).start(P())
    assert (await run.ended()).outcome == "timed_out"


@pytest.mark.parametrize(
    "level,outcome", [("info", "succeeded"), ("warning", "warning"), ("error", "failed")]
)
async def test_x40_what_it_logged_bears_on_the_outcome(
    executor_harness: HarnessFactory, level: str, outcome: str
) -> None:
    run = await executor_harness(logs).start(P(mode=level))
    end = await run.ended()
    assert (end.outcome, end.permanent) == (outcome, outcome == "failed")
    assert [(one.level, one.event) for one in run.log] == [(level, "by logging")]


async def test_a_wait_in_vain_says_what_happened_instead(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(waits_for_nobody).start(P())
    with pytest.raises(
        HarnessError, match=r"1d passed without checkpoints=1, .*: it runs; 0 checkpoints, 1 lines"
    ):
        await run.until(checkpoints=1)
    ticker = await executor_harness(Ticker).start(TickerParams(until=2))
    with pytest.raises(HarnessError, match=r"ended before checkpoints=3.*succeeded; 2 checkpoints"):
        await ticker.until(checkpoints=3)
    with pytest.raises(HarnessError, match="the run ended before it could crash"):
        await ticker.crash_and_resume()
    slow = await executor_harness(Ticker).start(TickerParams(until=20))
    with pytest.raises(HarnessError, match="5s passed without its end"):
        await slow.result(within="5s")
    with pytest.raises(HarnessError, match="two runs of one task never do"):
        await slow.resume()


async def test_stops_by_the_node_keep_the_state(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(Ticker).start(TickerParams(until=9))
    await run.until(checkpoints=2)
    assert ((end := await run.drain()).outcome, end.reason) == ("aborted", "move")
    again = await run.resume()
    await again.until(checkpoints=2)
    assert ((end := await again.lose_lease()).outcome, end.reason) == ("aborted", "lease")
    assert (await again.resume()).state == TickerState(tick=4)


def test_the_leaders_questions(executor_harness: HarnessFactory) -> None:
    harness = executor_harness(Chooser)
    harness.validate(P())
    with pytest.raises(ValidationError, match="mode: must not be bad"):
        harness.validate(P(mode="bad"))
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        harness.validate({"mode": "x", "more": 1})
    assert harness.assign(P(), ["n1", "n3", "n2"]) == Assignment.to("n3", "the last")
    assert harness.assign(P(mode="none"), ["n1"]) == Assignment.none("lazy", "too small")
    with pytest.raises(HarnessError, match="invalid_choice: elsewhere is no candidate"):
        harness.assign(P(mode="stranger"), ["n1"])
    with pytest.raises(HarnessError, match="assigner_error: get_assignment raised RuntimeError"):
        harness.assign(P(mode="raise"), ["n1"])


async def test_doubles_are_handed_in_by_an_instance(executor_harness: HarnessFactory) -> None:
    class Greets(PersistentTasksExecutor[P, S]):
        name = "k.greets"

        def __init__(self, greeting: str = "real") -> None:
            self.greeting = greeting

        @override
        async def node_operation(
            self, task: AllocatedPersistentTask[S], params: P, state: S | None
        ) -> object:
            self.greeting += "!"
            return self.greeting

    harness = executor_harness(Greets("double"))
    for _ in range(2):
        assert await (await harness.start(P())).result() == "double!"


@pytest.mark.ptasks_chaos(kill=0.4, seeds=range(4))
async def test_chaos_changes_no_result(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(Ticker).start(TickerParams(until=12))
    assert await run.result() == 12
    assert run.checkpoints == 12
    assert run.allocation_id > 1


async def test_the_loop_has_its_own_clock_back_afterwards() -> None:
    loop = asyncio.get_running_loop()
    own = loop.time
    factory = HarnessFactory()
    run = await factory(Ticker).start(TickerParams(until=5))
    await run.result()
    assert loop.time() > time.monotonic() + 4
    factory.close()
    assert loop.time == own
    assert abs(loop.time() - time.monotonic()) < 1


@executor("k.pokes")
async def pokes(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Pokes once per run; saves in between."""
    await task.poke("shop.count")
    if state is None:
        await task.update_state(S(n=1))
        await task.sleep("1h")
    return "done"


async def test_pt_52_a_run_under_test_pokes(executor_harness: HarnessFactory) -> None:
    run = await executor_harness(pokes).start(P())
    await run.until(checkpoints=1)
    again = await run.crash_and_resume()
    assert await again.result() == "done"
    assert again.pokes == ["shop.count", "shop.count"]
