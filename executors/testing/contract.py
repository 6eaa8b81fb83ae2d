"""The contract suite: what every executor owes the cluster, as tests. One subclass per executor.

class TestTicker(ExecutorContract):
    executor = Ticker
    params = TickerParams(until=6)
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from executors.api import PersistentTasksExecutor
from executors.durations import format_ms, span_ms
from executors.models import STATE_BYTES_MAX
from executors.testing.harness import Harness, HarnessFactory
from executors.testing.record import Ended, HarnessError
from executors.testing.run import HarnessRun
from executors.testing.schemas import check_schemas
from executors.views import Candidate

POINTS_MAX = 50
AFTER_FENCE = "10m"
ENDLESS_POINTS = 5


class ContractBroken(AssertionError):
    """An executor does not keep the contract. The text says what it did and what it owes."""


class ExecutorContract:
    """Set `executor` and `params`; `params` should make a run with a few checkpoints.

    `endless`: it never ends by itself. `same_result`: a run that was resumed returns what an undisturbed one does.
    `states`: some more states, for the way through JSON. `candidates`: nodes for get_assignment.
    """

    executor: ClassVar[PersistentTasksExecutor[Any, Any] | type[PersistentTasksExecutor[Any, Any]]]
    params: ClassVar[BaseModel]
    endless: ClassVar[bool] = False
    same_result: ClassVar[bool] = True
    states: ClassVar[Sequence[BaseModel]] = ()
    state_bytes_max: ClassVar[int] = STATE_BYTES_MAX
    candidates: ClassVar[Sequence[Candidate]] = tuple(
        Candidate(f"n{n}", f"i{n}", {"zone": "ab"[n % 2]}, 20, 2 * n, 20 - 2 * n)
        for n in range(1, 6)
    )

    def test_its_params_are_accepted(self, executor_harness: HarnessFactory) -> None:
        """`validate` accepts the params of this suite."""
        executor_harness(self.executor).validate(self.params)

    async def test_survives_a_crash_at_every_checkpoint(
        self, executor_harness: HarnessFactory
    ) -> None:
        """Killed after any of its state writes, it goes on from there and succeeds."""
        harness = executor_harness(self.executor)
        points, undisturbed = await self._measure(harness)
        for point in points:
            run = await self._at(harness, point)
            if run.has_ended:
                continue
            again = await run.crash_and_resume()
            if self.endless:
                await again.until(checkpoints=1)
                continue
            end = await again.ended()
            if not end.is_success:
                raise ContractBroken(
                    f"crashed at checkpoint {point}, the next run {_told(end)}; it owes a success"
                )
            if self.same_result and undisturbed is not None and end.value != undisturbed.value:
                raise ContractBroken(
                    f"crashed at checkpoint {point}, the result is {end.value!r}; undisturbed it is"
                    f" {undisturbed.value!r} (set same_result = False if that may be)"
                )

    async def test_ends_within_its_grace_when_cancelled(
        self, executor_harness: HarnessFactory
    ) -> None:
        """Asked to end at its start or at a checkpoint, it ends by itself, before it would be killed."""
        harness = executor_harness(self.executor)
        points, _ = await self._measure(harness)
        for point in points[:4]:
            run = await self._at(harness, point)
            if run.has_ended:
                continue
            end = await run.cancel()
            if end.was_killed:
                grace = format_ms(span_ms(harness.definition.policy.cancel_grace))
                raise ContractBroken(
                    f"cancelled at checkpoint {point}, it did not end within its cancel_grace ({grace}) and would be"
                    " killed: await something of the task's now and then, in a thread call raise_if_cancelled()"
                )

    async def test_writes_nothing_after_a_fence(self, executor_harness: HarnessFactory) -> None:
        """Once another run has taken over, the first write says so, and it is the last."""
        harness = executor_harness(self.executor)
        points, _ = await self._measure(harness)
        for point in points[:4]:
            run = await self._at(harness, point)
            if run.has_ended:
                continue
            run.fence()
            try:
                await run.ended(AFTER_FENCE)
            except HarnessError as error:
                raise ContractBroken(
                    f"fenced at checkpoint {point}, it does not end: {error}; let Fenced pass through your code"
                ) from None
            if run.tried_after_fence:
                raise ContractBroken(
                    f"fenced at checkpoint {point}, it tried to write {run.tried_after_fence} more times after Fenced"
                    " had been raised; let Fenced pass through your code"
                )

    async def test_its_state_stays_within_the_limit(self, executor_harness: HarnessFactory) -> None:
        """No state it writes is larger than `state_bytes_max`, at most 1 MiB."""
        run = await executor_harness(self.executor).start(self.params)
        refused = ""
        if self.endless:
            await run.until(checkpoints=ENDLESS_POINTS)
        else:
            end = await run.ended()
            refused = end.error if "at most" in end.error and "state" in end.error else ""
        largest = max(run.state_bytes, default=0)
        if refused or largest > self.state_bytes_max:
            told = refused or f"state is {largest} bytes, at most {self.state_bytes_max}"
            raise ContractBroken(f"{told}; keep what is large elsewhere, and in the state where")

    async def test_params_and_state_go_through_json(self, executor_harness: HarnessFactory) -> None:
        """What is stored and read again is equal to what it was."""
        harness = executor_harness(self.executor)
        run = await self._at(harness, 1)
        states = [run.state] if run.state is not None else []
        for model in (self.params, *self.states, *states):
            again = harness.roundtrip(model)
            if again != model:
                raise ContractBroken(f"{model!r} becomes {again!r} on its way through JSON")

    def test_its_schemas_are_those_stored(self, executor_harness: HarnessFactory) -> None:
        """The shapes of params and state are those of the stored file, or the version was raised (`schemas`)."""
        definition = executor_harness(self.executor).definition
        problem = check_schemas(definition, type(self))
        if problem:
            raise ContractBroken(problem)

    def test_its_assignment_depends_on_its_arguments_alone(
        self, executor_harness: HarnessFactory
    ) -> None:
        """Asked again, and with the candidates in any order, `get_assignment` answers the same."""
        harness = executor_harness(self.executor)
        first = harness.assign(self.params, self.candidates)
        dice = random.Random(1)
        for _ in range(10):
            shuffled = list(self.candidates)
            dice.shuffle(shuffled)
            again = harness.assign(self.params, shuffled)
            if again != first:
                raise ContractBroken(f"get_assignment answered {first}, then {again}")

    async def _measure(self, harness: Harness) -> tuple[list[int], Ended | None]:
        """The checkpoints at which to disturb, 0 for the very start, and how an undisturbed run ends."""
        if self.endless:
            return list(range(ENDLESS_POINTS)), None
        run = await harness.start(self.params)
        end = await run.ended()
        if not end.is_success:
            raise ContractBroken(f"undisturbed, it {_told(end)}\n{end.traceback}")
        count = run.checkpoints
        step = max(1, -(-count // POINTS_MAX))
        return list(range(0, count + 1, step)), end

    async def _at(self, harness: Harness, point: int) -> HarnessRun:
        """A run that has just made its checkpoint number `point`, or has ended before."""
        run = await harness.start(self.params)
        if point == 0:
            await harness.clock.advance("1ms")
            return run
        try:
            await run.until(checkpoints=point)
        except HarnessError:
            if not run.has_ended:
                raise
        return run


def _told(end: Ended) -> str:
    why = " ".join(word for word in (end.reason, end.error) if word)
    return f"ends {end.outcome}" + (f" ({why})" if why else "")
