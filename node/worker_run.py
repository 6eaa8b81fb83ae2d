"""The life of one run in a worker: read params and state, enter user code, pass on a stop, say how it ended.

Everything here happens in the event loop's thread, except user code of a plain def. A stop raises the flags, cancels
the coroutine (a thread only has its flags) and calls `on_stop` once, beside it; the run has ended when both are done,
`on_stop` at the latest after the grace. Whoever does not end is killed by the agent.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import BaseModel

from executors import AllocatedPersistentTask, Fenced, RunEnded, RunResult, StopReason
from executors.definition import Definition
from executors.reading import UnreadableError, read_params, read_state
from executors.results import KEEP
from executors.run_control import RunControl
from executors.run_port import RunFacts
from node.frames import Call, Ended, Start, Started, StateRefused, Stop, Stopping
from node.worker_calls import RunCalls
from node.worker_channel import RunChannel
from node.worker_leftovers import Leftovers
from node.worker_logs import CURRENT
from node.worker_outcome import CodeEnd, conclude, error_of, not_started
from node.worker_pipe import Outward

# A stronger reason replaces a weaker one.
STRENGTH = (
    StopReason.SHUTDOWN,
    StopReason.MOVE,
    StopReason.REPLACE,
    StopReason.PAUSE,
    StopReason.NOT_WANTED,
    StopReason.LEASE,
    StopReason.TIMEOUT,
    StopReason.CANCEL,
    StopReason.FENCED,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run needs of its worker. `on_end` is called once, when the run has ended. `control`: one with another clock."""

    pipe: Outward
    loop: asyncio.AbstractEventLoop
    pool_of: Callable[[str], ThreadPoolExecutor]
    on_end: Callable[[int], None]
    control: Callable[..., RunControl[Any]] = RunControl
    leftovers: Leftovers = field(default_factory=Leftovers)


class Run:
    """One run. `begin` starts it, `stop` asks it to end; `channel` takes the answers to its state writes."""

    def __init__(self, start: Start, definition: Definition, around: Surroundings) -> None:
        self.start = start
        self.channel = RunChannel(start.allocation_id, definition.version, around.pipe)
        self._definition = definition
        self._around = around
        self._control = around.control(_facts(start), definition.state, self.channel)
        self._calls = RunCalls(start.allocation_id, definition, around.pipe)
        self._instance: Any = None
        self._handle: AllocatedPersistentTask[BaseModel] | None = None
        self.loop_task: asyncio.Task[None] | None = None
        self._on_stop_task: asyncio.Task[None] | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._is_code_over = False
        self._has_ended = False
        self._began_at = time.time_ns() // 1_000_000

    def begin(self) -> None:
        """Enter the code with the next turn of the loop."""
        context = contextvars.copy_context()
        context.run(CURRENT.set, self.channel)
        loop = self._around.loop
        if self.start.timeout_ms is not None:
            self._timeout = loop.call_later(self.start.timeout_ms / 1000, self._on_timeout)
        self.loop_task = loop.create_task(self._live(), context=context)
        self.loop_task.add_done_callback(self._on_done)

    def stop(self, reason: StopReason, grace_ms: int | None = None) -> None:
        """Ask the run to end, or give a stronger reason for it."""
        known = self._control.stop_reason
        if self._has_ended or (
            known is not None and STRENGTH.index(reason) <= STRENGTH.index(known)
        ):
            return
        grace = self.start.cancel_grace_ms if grace_ms is None else grace_ms
        self._around.pipe.send(Stopping(self.start.allocation_id, reason.value, grace))
        self._control.request_stop(reason)
        if known is None:
            self._interrupt(reason, grace)

    def on_refused(self, refused: StateRefused) -> None:
        """A state write will never be durable; if the run is superseded, it learns it at its next verb."""
        error = self.channel.on_refused(refused)
        if isinstance(error, Fenced):
            self._control.writer.refuse_from_now(error)

    def on_call(self, call: Call) -> None:
        """Somebody asks it something."""
        context = contextvars.copy_context()
        context.run(CURRENT.set, self.channel)
        self._calls.asked(call, context)

    def _interrupt(self, reason: StopReason, grace_ms: int) -> None:
        if self._handle is not None and "on_stop" in self._definition.own_hooks:
            context = contextvars.copy_context()
            context.run(CURRENT.set, self.channel)
            cleaning = self._clean_up(self._handle, reason, grace_ms / 1000)
            self._on_stop_task = self._around.loop.create_task(cleaning, context=context)
        if not (self.loop_task is None or self._is_code_over or self._definition.runs_in_thread):
            self.loop_task.cancel()

    async def _clean_up(
        self, handle: AllocatedPersistentTask[BaseModel], reason: StopReason, seconds: float
    ) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._instance.on_stop(handle, reason)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (foreign code; the run ends as it would have)
            self.channel.note("error", "on_stop raised", {"traceback": error_of(error).traceback})

    async def _live(self) -> None:
        try:
            params, state = self._prepare()
        except (Exception, SystemExit) as error:  # noqa: BLE001  (foreign code: whatever it raises ends this run alone)
            reason = "invalid_state" if isinstance(error, _InvalidStateError) else "start_failed"
            cause = error.__cause__ if isinstance(error, _InvalidStateError) else error
            self._finish(not_started(self.start.allocation_id, reason, cause or error))
            return
        self._say_started()
        end = await self._code(params, state)
        self._is_code_over = True
        await self._settle()
        self._conclude(end)

    def _say_started(self) -> None:
        """Code that holds the GIL from its first instruction on would keep the word here. A coroutine that shares its
        process is trusted all the same: its end, if it is short, goes in the same write. A thread's never did.
        """
        pipe, started = self._around.pipe, Started(self.start.allocation_id)
        if self.start.own_process or self._definition.runs_in_thread:
            pipe.send_at_once(started)
        else:
            pipe.send(started)

    async def _settle(self) -> None:
        """Nothing of a run works on when its end is told (PT-55). Until then it can be stopped, and killed, like any."""
        is_over = False
        while not is_over:
            if self._on_stop_task is not None:
                await asyncio.wait((self._on_stop_task,))
            is_over = not await self._end_left_over()

    async def _end_left_over(self) -> bool:
        """What the code left in the loop is cancelled, what it started elsewhere ends too. False: there was nothing."""
        left = self.channel.loop_tasks_left()
        for task in left:
            task.cancel()
        if left:
            self.channel.note("info", "cancelled what the code left running", {"count": len(left)})
            await asyncio.wait(left, timeout=self.start.cancel_grace_ms / 1000)
        return await self._around.leftovers.end(self.channel) or bool(left)

    def _prepare(self) -> tuple[BaseModel, BaseModel | None]:
        start, definition = self.start, self._definition
        self._instance = definition.make()
        params = read_params(definition, self._instance, start.params, start.params_version)
        state = self._read_state()
        self._handle = AllocatedPersistentTask(self._control)
        self._calls.instance, self._calls.handle = self._instance, self._handle
        return params, state

    def _read_state(self) -> BaseModel | None:
        start, definition = self.start, self._definition
        if start.state is None:
            return None
        self._control.stored_json = start.state
        try:
            return read_state(definition, self._instance, start.state, start.state_version)
        except UnreadableError as error:
            if (start.invalid_state or definition.policy.invalid_state) == "raw":
                self.channel.note("info", "stored state is unreadable", {"error": str(error)})
                return None
            raise _InvalidStateError from error

    async def _code(self, params: BaseModel, state: BaseModel | None) -> CodeEnd:
        """User code from its first to its last instruction. Nothing it raises gets out of here."""
        operation = self._instance.node_operation
        if self._definition.runs_in_thread:
            return await self._in_thread(operation, (self._handle, params, state))
        try:
            return CodeEnd(value=await operation(self._handle, params, state))
        except BaseException as error:  # noqa: BLE001  (an interruption and SystemExit are ends like others)
            return CodeEnd(raised=error)

    async def _in_thread(
        self, operation: Callable[..., object], arguments: tuple[object, ...]
    ) -> CodeEnd:
        pool = self._around.pool_of(self._definition.name)
        context = contextvars.copy_context()
        enter = partial(context.run, _call, self._control, operation, arguments)
        return await self._around.loop.run_in_executor(pool, enter)

    def _conclude(self, end: CodeEnd) -> None:
        value = end.value
        if isinstance(value, RunResult) and end.raised is None:
            end = self._with_state(value)
        writer = self._control.writer
        writer.flush()
        unawaited = self._control.take_unawaited()
        abort_reason = self._control.abort_reason
        end = CodeEnd(end.value, end.raised, abort_reason, unawaited, end.follow)
        counts = self.channel.close()
        stop = StopReason.FENCED if writer.is_fenced else self._control.stop_reason
        self._finish(conclude(self.start.allocation_id, end, stop, counts))

    def _with_state(self, result: RunResult) -> CodeEnd:
        """The state that came with the result is written as the run's last."""
        if result.state is not KEEP:
            try:
                self._control.writer.write_last(result.state)
            except Exception as error:  # noqa: BLE001  (a state that does not fit is the code's failure)
                return CodeEnd(raised=error)
        return CodeEnd(value=result.result, follow=result.follow())

    def _finish(self, ended: Ended) -> None:
        """The last frame, whatever becomes of what it was to say: a run whose end is not told runs for ever."""
        self._has_ended = True
        self._calls.close()
        if self._timeout is not None:
            self._timeout.cancel()
        self._control.writer.refuse_from_now(RunEnded("its code has ended"))
        try:
            self._around.pipe.send(ended)
        except Exception as error:  # noqa: BLE001  (it holds what no frame can carry; nothing of it was sent)
            end, stop = CodeEnd(raised=error), self._control.stop_reason
            self._around.pipe.send(conclude(ended.allocation_id, end, stop, ended.log_counts))
        self._around.on_end(self.start.allocation_id)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        """The ordinary end has happened already; what is left is a stop before the first instruction, or our bug."""
        error = None if task.cancelled() else task.exception()
        if not self._has_ended:
            self._conclude(CodeEnd(raised=error or asyncio.CancelledError()))

    def _on_timeout(self) -> None:
        start = self.start
        fields = {
            "executor": start.executor,
            "task": start.task_id,
            "limit_ms": start.timeout_ms,
            "started_at": self._began_at,
        }
        self.channel.note("warning", "time limit reached", fields)
        self.stop(StopReason.TIMEOUT)


class _InvalidStateError(Exception):
    """The stored state cannot be read and the policy says to fail; the cause says why."""


def stop_run(run: Run, frame: Stop) -> None:
    """A Stop frame for this run. An unknown reason, of a newer agent, is as strong as `not_wanted`."""
    try:
        reason = StopReason(frame.reason)
    except ValueError:
        reason = StopReason.NOT_WANTED
    run.stop(reason, frame.grace_ms)


def _call(
    control: RunControl[BaseModel], operation: Callable[..., object], arguments: tuple[object, ...]
) -> CodeEnd:
    try:
        if control.thread_cancelled.is_set():
            return CodeEnd(raised=asyncio.CancelledError())
        return CodeEnd(value=operation(*arguments))
    except BaseException as error:  # noqa: BLE001  (nothing a thread raises may get lost)
        return CodeEnd(raised=error)


def _facts(start: Start) -> RunFacts:
    due_at = None if start.due_at is None else datetime.fromtimestamp(start.due_at / 1000, UTC)
    return RunFacts(
        start.task_id,
        start.allocation_id,
        start.attempt,
        due_at,
        start.parent_id,
        start.state_is_current,
        start.headers,
        start.labels,
        start.max_attempts,
    )
