"""A run under test, as the test holds it: wait for a point in its life, break something there, see what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from executors.definition import Definition
from executors.durations import Span, format_ms, span_ms
from executors.errors import Fenced, ValidationError
from executors.run_outcome import Outcome
from executors.testing.bench import Bench
from executors.testing.chaos import Chaos
from executors.testing.driving import Driver
from executors.testing.record import Ended, HarnessError, Line, Progress, TaskRecord, ended_of
from executors.views import StopReason

WITHIN = "1d"
THREAD_PATIENCE_MS = 10_000  # a thread's time is real


class HarnessRun:
    """One run. What it wrote is durable when it was acknowledged; all else is gone with it.

    Waiting is by the virtual clock: `within` is how much of that may pass.
    """

    def __init__(
        self,
        bench: Bench,
        record: TaskRecord,
        definition: Definition,
        chaos: Chaos | None = None,
    ) -> None:
        self._bench = bench
        self._record = record
        self._definition = definition
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._was_killed: Outcome | None = None
        self._chaos = chaos
        self._drivers: list[Driver] = []
        self.is_crashed = False
        self.attempt = record.attempt
        bench.runs.append(self)
        self._begin()

    @property
    def allocation_id(self) -> int:
        """The number of this run."""
        return self._driver.control.facts.allocation_id

    @property
    def id(self) -> str:
        """The task's id."""
        return self._record.id

    @property
    def pokes(self) -> list[str]:
        """Executors whose waiting tasks the code had looked at again, over all runs of the task."""
        return list(self._record.pokes)

    @property
    def fencing_token(self) -> int:
        """As the code sees it; greater than that of every earlier run."""
        return self.allocation_id

    @property
    def has_ended(self) -> bool:
        """Whether its code has come to an end, or was killed."""
        return self.is_crashed or self._outcome is not None

    @property
    def checkpoints(self) -> int:
        """How many state writes of this run are durable."""
        return sum(len(one.port.writes) for one in self._drivers)

    @property
    def tried_after_fence(self) -> int:
        """How many state writes were tried after the first one had raised Fenced."""
        return self._driver.control.fenced_tries

    @property
    def state(self) -> Any:
        """The last durable state of the task as a model; None if there is none."""
        data = self._record.state
        return None if data is None else self._definition.state.read(data)

    @property
    def state_bytes(self) -> tuple[int, ...]:
        """The size of each durable write of this run; a cleared state counts 0."""
        return tuple(len(data or b"") for data in self.states_json)

    @property
    def states_json(self) -> tuple[bytes | None, ...]:
        """The durable writes of this run as they were stored; None cleared the state."""
        return tuple(data for one in self._drivers for data in one.port.writes)

    @property
    def log(self) -> tuple[Line, ...]:
        """Its lines."""
        return tuple(line for one in self._drivers for line in one.port.lines)

    @property
    def progress(self) -> tuple[Progress, ...]:
        """Its reports of progress."""
        return tuple(each for one in self._drivers for each in one.port.progress)

    async def until(
        self,
        *,
        checkpoints: int | None = None,
        log: str | None = None,
        progress: float | None = None,
        within: Span = WITHIN,
    ) -> None:
        """Until so many state writes are durable, a line holds this text, progress is so far; all that are given.

        The run does not go on beyond a state write until the test goes on. Raises HarnessError if it ends before.
        """
        wanted = f"checkpoints={checkpoints}, log={log!r}, progress={progress}"

        def is_there() -> bool:
            return (
                (checkpoints is None or self.checkpoints >= checkpoints)
                and (log is None or any(log in line.event for line in self.log))
                and (progress is None or any(one.done >= progress for one in self.progress))
            )

        await self._wait(lambda: is_there() or self.has_ended, wanted, within, holds=True)
        if not is_there():
            raise HarnessError(f"the run ended before {wanted}: {self._told()}")

    async def ended(self, within: Span = WITHIN) -> Ended:
        """How it ended. Raises HarnessError if it does not."""
        await self._wait(lambda: self.has_ended, "its end", within)
        if self._outcome is None:
            raise HarnessError("the run was crashed by the test: it has no outcome")
        return ended_of(self._outcome, was_killed=self._was_killed is not None)

    async def result(self, within: Span = WITHIN) -> Any:
        """What it returned, as read from its JSON. Raises HarnessError, with the traceback, unless it succeeded."""
        end = await self.ended(within)
        if not end.is_success:
            raise HarnessError(f"the run did not succeed: {self._told()}\n{end.traceback}")
        return end.value

    def crash(self) -> None:
        """Kill it as SIGKILL does: no handler of its code runs, a checkpoint that waits is lost."""
        if self._outcome is not None:
            raise HarnessError(f"the run ended before it could crash: {self._told()}")
        self.is_crashed = True
        self._driver.kill()
        self._on_news()

    async def crash_and_resume(self) -> HarnessRun:
        """Kill it, and start the next run from what is durable; the attempt is not counted."""
        self.crash()
        return await self.resume()

    async def resume(self) -> HarnessRun:
        """The next run of the task, after this one has ended; an attempt that failed is counted."""
        if not self.has_ended:
            raise HarnessError("the run still lives; two runs of one task never do")
        if self._outcome is not None and self._outcome.outcome in ("failed", "timed_out"):
            self._record.attempt += 1
        return HarnessRun(self._bench, self._record, self._definition, self._chaos)

    async def cancel(self, reason: StopReason | str = "cancel", grace: Span | None = None) -> Ended:
        """Ask it to end and wait; what has not ended within its grace is killed (`was_killed`)."""
        limit = self._definition.policy.cancel_grace if grace is None else grace
        limit_ms = span_ms(limit)
        if self._definition.runs_in_thread:
            limit_ms = min(limit_ms, THREAD_PATIENCE_MS)
        self._driver.stop(StopReason(reason))
        future = self._watch(lambda: self.has_ended)
        self._driver.port.let_go()
        try:
            await self._bench.wait(future, format_ms(limit_ms))
        except TimeoutError:
            self._kill_for(StopReason(reason))
        return await self.ended()

    async def call(self, method: str, payload: object = None) -> Any:
        """What its `on_call` answers, both ways through JSON; raises what that raises."""
        return await self._driver.call(method, payload)

    async def drain(self, grace: Span | None = None) -> Ended:
        """Its node is drained: it is asked to move. `resume()` starts it elsewhere."""
        return await self.cancel(StopReason.MOVE, grace)

    async def lose_lease(self, grace: Span | None = None) -> Ended:
        """Its node is cut off: it is asked to end before another node may start it."""
        return await self.cancel(StopReason.LEASE, grace)

    def fence(self) -> None:
        """Another run has taken over: from now on each write of this one raises Fenced."""
        self._driver.port.refusal = Fenced(f"current allocation is {self.allocation_id + 1}")

    def fail_next_update(self, error: Exception | None = None) -> None:
        """The next state write raises this, by default a ValidationError, and is not durable."""
        self._driver.port.next_refusal = error or ValidationError("state", "refused by the test")

    def go_on(self) -> None:
        """Let it run on beyond the checkpoint that a wait was for; every further wait does so, too."""
        self._driver.port.let_go()

    def bury(self) -> None:
        """At the end of the test."""
        if not self.has_ended:
            self._driver.kill()
        for driver in self._drivers:
            driver.life.bury()
            driver.control.take_unawaited()

    @property
    def _driver(self) -> Driver:
        return self._drivers[-1]

    def _begin(self) -> None:
        self._record.allocation_id += 1
        on_write = self._on_write if self._chaos is not None else None
        driver = Driver(self._bench, self._record, self._definition, self._on_news)
        driver.port.on_write = on_write
        self._drivers.append(driver)
        driver.begin()

    def _on_write(self) -> None:
        """Chaos: the write is durable, and its answer never comes."""
        if self._chaos is not None and self._chaos.dice.random() < self._chaos.kill:
            self._driver.port.holds = True
            self._bench.loop.call_soon(self._strike, self._driver)

    def _strike(self, driver: Driver) -> None:
        if driver is self._driver and not self.has_ended:
            driver.kill()
            self._begin()

    @property
    def _outcome(self) -> Outcome | None:
        return self._driver.outcome or self._was_killed

    def _kill_for(self, reason: StopReason) -> None:
        final = {"cancel": "cancelled", "timeout": "timed_out"}.get(reason.value, "aborted")
        self._driver.kill()
        self._was_killed = Outcome(final, reason.value)

    async def _wait(
        self, is_there: Callable[[], bool], wanted: str, within: Span, *, holds: bool = False
    ) -> None:
        if is_there():
            return
        future = self._watch(is_there, holds=holds)
        self._driver.port.let_go()
        try:
            await self._bench.wait(future, within)
        except TimeoutError:
            raise HarnessError(f"{within} passed without {wanted}: {self._told()}") from None

    def _watch(self, is_there: Callable[[], bool], *, holds: bool = False) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._bench.loop.create_future()

        def look() -> bool:
            found = is_there()
            if found and holds:
                self._driver.port.holds = True
            return found

        self._watchers.append((look, future))
        return future

    def _on_news(self) -> None:
        for watcher in list(self._watchers):
            look, future = watcher
            if future.done():
                self._watchers.remove(watcher)
            elif look():
                self._watchers.remove(watcher)
                future.set_result(None)

    def _told(self) -> str:
        facts = f"{self.checkpoints} checkpoints, {len(self.log)} lines"
        if self._outcome is None:
            return f"it {'was crashed' if self.is_crashed else 'runs'}; {facts}"
        end = ended_of(self._outcome)
        why = " ".join(word for word in (end.reason, end.error) if word)
        return f"{end.outcome} {why}".rstrip() + f"; {facts}"


def state_json(state: BaseModel | None, definition: Definition) -> bytes | None:
    """A state as a test gives it, in the form in which it is stored. Raises ValidationError."""
    return None if state is None else definition.state.dump(state)
