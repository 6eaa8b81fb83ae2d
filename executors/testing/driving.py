"""One run of an executor in this process, driven as a worker drives it: read, enter, stop, conclude."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import json
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from typing_extensions import override

from executors.calls import Call, answer_call
from executors.definition import Definition
from executors.durations import span_ms
from executors.errors import RunEnded
from executors.handle import AllocatedPersistentTask
from executors.models import Shape
from executors.reading import UnreadableError, read_params, read_state
from executors.results import KEEP, RunResult
from executors.run_control import RunControl
from executors.run_outcome import CodeEnd, Outcome, conclude, not_started, problem_of
from executors.run_port import RunFacts, RunPort
from executors.state_writer import StateWriter
from executors.testing.bench import Bench
from executors.testing.freezing import OWNER, SPEAKER, Killed, Life, alive
from executors.testing.record import HarnessError, MemoryPort, TaskRecord
from executors.testing.virtual_time import ThreadAtWork
from executors.views import StopReason

S = TypeVar("S", bound=BaseModel)


class _CountingWriter(StateWriter[Any]):
    """Counts who goes on writing after it was told that the run is superseded."""

    fenced_tries = 0

    @override
    def refuse_if_closed(self, verb: str) -> None:
        """As it is, and counted."""
        self.fenced_tries += self.is_fenced and verb != "progress"
        super().refuse_if_closed(verb)


class Control(RunControl[Any]):
    """A run's control whose threads sleep by the virtual clock."""

    bench: Bench
    life: Life
    at_work: ThreadAtWork | None = None
    _napping: asyncio.Task[None] | None = None

    def __init__(self, facts: RunFacts, shape: Shape[Any], port: RunPort) -> None:
        super().__init__(facts, shape, port)
        self.writer = self._counting = _CountingWriter(shape, port)

    @property
    def fenced_tries(self) -> int:
        """How often it tried to write after it had been told."""
        return self._counting.fenced_tries

    @override
    def wait_in_thread(self, seconds: float) -> None:
        """Returns when the time has passed, or the run was asked to end."""
        nap: concurrent.futures.Future[None] = concurrent.futures.Future()

        def begin() -> (
            None
        ):  # on the loop, so that a test that ends meanwhile leaves no coroutine behind
            self._napping = self.loop.create_task(self._nap(seconds))
            self._napping.add_done_callback(lambda _: nap.set_result(None))

        try:
            self.loop.call_soon_threadsafe(begin)
        except RuntimeError:  # closed: the test is over, and the process of the run with it
            threading.Event().wait()
        concurrent.futures.wait((nap,))
        if self.life.is_over:
            threading.Event().wait()  # for ever: a killed process does not wake up
        nap.result()

    async def _nap(self, seconds: float) -> None:
        at_work = self.at_work or ThreadAtWork(self.bench.time)
        at_work.rest()
        try:
            async with asyncio.timeout(seconds):
                await self.cancelled.wait()
        except TimeoutError:
            pass
        if not self.life.is_over:
            at_work.go_on()


class Driver:
    """The life of one run. `on_news` is called whenever a test might look again; `outcome` None while it lives."""

    def __init__(
        self,
        bench: Bench,
        record: TaskRecord,
        definition: Definition,
        on_news: Callable[[], None],
    ) -> None:
        self.outcome: Outcome | None = None
        self._bench = bench
        self._definition = definition
        self._record = record
        self._on_news = on_news
        self.port = MemoryPort(record, definition.version, on_news)
        self.life = Life(self.port.log)
        self.control = Control(_facts(record, definition), definition.state, self.port)
        self.control.bench, self.control.life = bench, self.life
        self._instance: Any = None
        self._handle: AllocatedPersistentTask[BaseModel] | None = None
        self._main: asyncio.Task[None] | None = None
        self._on_stop: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[bytes]] = set()
        self._limit: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Enter the code with the next turn of the loop."""
        timeout = self._definition.policy.timeout
        if timeout is not None:
            self._limit = self._bench.loop.call_later(
                span_ms(timeout) / 1000, self.stop, StopReason.TIMEOUT
            )
        self._main = asyncio.Task(self._live(), loop=self._bench.loop, context=self._context())
        self.life.add(self._main)
        self._main.add_done_callback(self._on_done)

    def stop(self, reason: StopReason) -> None:
        """Ask it to end. A second reason only replaces the first."""
        if self.outcome is not None or self.life.is_over:
            return
        is_first = self.control.stop_reason is None
        self.control.request_stop(reason)
        if not is_first or self._main is None:
            return
        if self._handle is not None and "on_stop" in self._definition.own_hooks:
            cleaning = alive(self._clean_up(self._handle, reason), self.life)
            self._on_stop = asyncio.Task(cleaning, loop=self._bench.loop, context=self._context())
            self.life.add(self._on_stop)
        if not self._definition.runs_in_thread:
            self._main.cancel()

    async def call(self, method: str, payload: object) -> Any:
        """What on_call answers, both ways through JSON. Raises what it raises."""
        if "on_call" not in self._definition.own_hooks:
            raise TypeError(f"{self._definition.name} has no on_call")
        if self._handle is None or self.outcome is not None or self.life.is_over:
            raise HarnessError("its code is not running")
        call = Call(method, json.loads(json.dumps(payload)), {})
        work = alive(answer_call(self._instance, self._handle, call), self.life)
        answering = asyncio.Task(work, loop=self._bench.loop, context=self._context())
        self.life.add(answering)
        self._calls.add(answering)
        await asyncio.wait((answering,))
        self._calls.discard(answering)
        if answering.cancelled() or isinstance(answering.exception(), Killed):
            raise HarnessError("the run ended before it answered")
        return json.loads(answering.result())

    def kill(self) -> None:
        """As SIGKILL does: from here on none of its code runs, and nothing it sent later arrives."""
        self.port.is_dead = True
        if self.control.at_work is not None:
            self.control.at_work.leave()
        if self._limit is not None:
            self._limit.cancel()
        self.life.kill()

    def _context(self) -> contextvars.Context:
        context = contextvars.copy_context()
        context.run(OWNER.set, self.life)
        context.run(SPEAKER.set, self.life)
        return context

    async def _live(self) -> None:
        try:
            params, state = self._prepare()
        except (Exception, SystemExit) as error:  # noqa: BLE001  (foreign code: whatever it raises ends this run alone)
            is_state = isinstance(error, _InvalidStateError)
            cause = error.__cause__ or error if is_state else error
            self._finish(not_started("invalid_state" if is_state else "start_failed", cause))
            return
        end = await self._code(params, state)
        if self._on_stop is not None:
            await asyncio.wait((self._on_stop,))
        await self._end_left_over()
        self._conclude(end)

    def _prepare(self) -> tuple[BaseModel, BaseModel | None]:
        record, definition = self._record, self._definition
        self._instance = definition.make()
        params = read_params(definition, self._instance, record.params, record.params_version)
        state = self._read_state()
        self._handle = AllocatedPersistentTask(self.control)
        return params, state

    def _read_state(self) -> BaseModel | None:
        record = self._record
        if record.state is None:
            return None
        self.control.stored_json = record.state
        try:
            return read_state(self._definition, self._instance, record.state, record.state_version)
        except UnreadableError as error:
            if self._definition.policy.invalid_state == "raw":
                return None
            raise _InvalidStateError from error

    async def _code(self, params: BaseModel, state: BaseModel | None) -> CodeEnd:
        operation = self._instance.node_operation
        if self._definition.runs_in_thread:
            context = contextvars.copy_context()
            context.run(OWNER.set, None)  # what the handle does in the loop for its thread is ours
            at_work = self.control.at_work = ThreadAtWork(self._bench.time)
            done = self._bench.in_thread(
                context, at_work, lambda: self._call(operation, (self._handle, params, state))
            )
            value = await asyncio.shield(done)
            return value if isinstance(value, CodeEnd) else CodeEnd(value=value)
        try:
            code = operation(self._handle, params, state)
            return CodeEnd(value=await alive(code, self.life))
        except Killed:
            raise
        except BaseException as error:  # noqa: BLE001  (an interruption and SystemExit are ends like others)
            return CodeEnd(raised=error)

    def _call(self, operation: Callable[..., object], arguments: tuple[object, ...]) -> CodeEnd:
        try:
            if self.control.thread_cancelled.is_set():
                return CodeEnd(raised=asyncio.CancelledError())
            return CodeEnd(value=operation(*arguments))
        except BaseException as error:  # noqa: BLE001  (nothing a thread raises may get lost)
            return CodeEnd(raised=error)

    async def _clean_up(self, handle: AllocatedPersistentTask[Any], reason: StopReason) -> None:
        grace = span_ms(self._definition.policy.cancel_grace) / 1000
        try:
            async with asyncio.timeout(grace):
                await self._instance.on_stop(handle, reason)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (foreign code; the run ends as it would have)
            self.port.note("error", "on_stop raised", {"traceback": problem_of(error).traceback})

    async def _end_left_over(self) -> None:
        ours = {self._main, self._on_stop, *self._calls}
        left = [one for one in self.life.loop_tasks() if one not in ours]
        for task in left:
            task.cancel()
        if left:
            self.port.note("info", "cancelled what the code left running", {"count": len(left)})
            grace = span_ms(self._definition.policy.cancel_grace) / 1000
            await asyncio.wait(left, timeout=grace)

    def _conclude(self, end: CodeEnd) -> None:
        value, writer = end.value, self.control.writer
        if isinstance(value, RunResult) and end.raised is None:
            end = self._with_state(value)
        writer.flush()
        unawaited = self.control.take_unawaited()
        end = CodeEnd(end.value, end.raised, self.control.abort_reason, unawaited, end.follow)
        stop = StopReason.FENCED if writer.is_fenced else self.control.stop_reason
        counts = self.port.counts
        self._finish(conclude(end, stop, warnings=counts["warning"], errors=counts["error"]))

    def _with_state(self, result: RunResult) -> CodeEnd:
        if result.state is not KEEP:
            try:
                self.control.writer.write_last(result.state)
            except Exception as error:  # noqa: BLE001  (a state that does not fit is the code's failure)
                return CodeEnd(raised=error)
        return CodeEnd(value=result.result, follow=result.follow())

    def _finish(self, outcome: Outcome) -> None:
        if self._limit is not None:
            self._limit.cancel()
        for answering in self._calls:
            answering.cancel()
        self.control.writer.refuse_from_now(RunEnded("its code has ended"))
        self.outcome = outcome
        self._on_news()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        """A stop before the first instruction; the ordinary end has happened already."""
        error = None if task.cancelled() else task.exception()
        if self.outcome is None and not self.life.is_over:
            self._conclude(CodeEnd(raised=error or asyncio.CancelledError()))


class _InvalidStateError(Exception):
    """The stored state cannot be read and the policy says to fail; the cause says why."""


def _facts(record: TaskRecord, definition: Definition) -> RunFacts:
    return RunFacts(
        record.id,
        record.allocation_id,
        record.attempt,
        state_is_current=False,
        headers=record.headers,
        labels=record.labels,
        max_attempts=definition.policy.max_attempts,
    )
