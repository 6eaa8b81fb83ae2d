"""The handle a run holds on itself: who it is, what it may write, and when it has to end.

`AllocatedPersistentTask` is for coroutines; `task.blocking` has the same verbs without await, for a plain def.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, Never, TypeVar

from pydantic import BaseModel

from executors.children import poke, start_child
from executors.durations import Span, span_ms
from executors.run_control import RunControl
from executors.run_port import RunPort
from executors.texts import finite
from executors.views import StopReason, TaskRef

S = TypeVar("S", bound=BaseModel)
T = TypeVar("T")


class TaskLog:
    """The log of one run. `event` is a short constant text (TypeError for anything else), `fields` are its details;
    what is no JSON among them becomes its text. From any thread.

    A warning makes a successful run end as `warning`; an error makes a returning run `failed`, without a retry.
    """

    def __init__(self, port: RunPort) -> None:
        """`port`: where the lines go."""
        self._port = port

    def debug(self, event: str, /, **fields: object) -> None:
        """A line for whoever looks for a fault."""
        self._write("debug", event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """A line about the ordinary course."""
        self._write("info", event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """A line about trouble that did not stop the work."""
        self._write("warning", event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """A line about failed work: a run that logs one and returns is `failed` and not tried again."""
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Raises TypeError for an event that is no text."""
        if not isinstance(event, str):
            raise TypeError(f"log.{level}: the event is a {type(event).__name__}, give a str")
        self._port.log(level, event, fields)


class _RunFace(Generic[S]):
    """What both handles have in common: the facts, the log, progress."""

    def __init__(self, control: RunControl[S]) -> None:
        self._control = control
        self.log = TaskLog(control.port)

    @property
    def id(self) -> str:
        """The task's id."""
        return self._control.facts.task_id

    @property
    def allocation_id(self) -> int:
        """The number of this run; from run to run it only grows."""
        return self._control.facts.allocation_id

    @property
    def fencing_token(self) -> int:
        """The allocation id, to be given to whatever the run writes to: a superseded run can be refused there."""
        return self._control.facts.allocation_id

    @property
    def attempt(self) -> int:
        """1 for the first try, one more after each that failed."""
        return self._control.facts.attempt

    @property
    def max_attempts(self) -> int | None:
        """How many tries there are in all; None for no limit. In the last one `attempt` is equal to it."""
        return self._control.facts.max_attempts

    @property
    def due_at(self) -> datetime | None:
        """When the task was due (aware, UTC); of a one-off that is tried again, when that try was."""
        return self._control.facts.due_at

    @property
    def parent_id(self) -> str | None:
        """The task that started this one."""
        return self._control.facts.parent_id

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the request that created the task."""
        return self._control.facts.headers

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of the task."""
        return self._control.facts.labels

    @property
    def state_is_current(self) -> bool:
        """Whether the stored state was written by this very run."""
        return self._control.facts.state_is_current or self._control.writer.has_written

    @property
    def raw_state(self) -> object:
        """The stored state as JSON value, before any model was applied."""
        stored = self._control.stored_json
        return None if stored is None else json.loads(stored)

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the run was asked to end; None while it was not."""
        return self._control.stop_reason

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Tell whoever watches how far the run is. Live only: neither durable nor complete.

        Raises TypeError or ValueError for what is no finite number, or no text.
        """
        self._control.writer.refuse_if_closed("progress")
        number = finite("progress: done", done)
        whole = None if total is None else finite("progress: total", total)
        if not isinstance(message, str):
            raise TypeError(f"progress: the message is a {type(message).__name__}, give a str")
        self._control.port.send_progress(number, whole, message)

    def raise_if_cancelled(self) -> None:
        """Raises CancelledError once the run was asked to end."""
        if self._control.stop_reason is not None:
            raise asyncio.CancelledError


class AllocatedPersistentTask(_RunFace[S]):
    """One run of a task, as its own code sees it. `cancelled` is set when the run was asked to end.

    What you last saved is what you get back after a crash; nothing else survives. After the run has been superseded
    every verb raises Fenced, after abort_locally RunEnded.
    """

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when the run was asked to end; why is in `stop_reason`."""
        return self._control.cancelled

    @property
    def blocking(self) -> BlockingTask[S]:
        """The same verbs without await, for code that runs in a thread."""
        return BlockingTask(self._control)

    def update_state(self, state: S | None) -> Coroutine[Any, Any, int]:
        """Store the state durably and return the revision; None clears it. To be awaited.

        Retried until acknowledged, over changes of the leader. Raises Fenced when another run has taken over,
        RunEnded after the end, TypeError or ValidationError for what is no valid state or over 1 MiB.
        """
        return self._control.tracked("update_state", self._control.writer.write(state))

    def checkpoint(self, state: S, every: Span = "5s") -> Coroutine[Any, Any, None]:
        """Store the state at most once per `every`; the last one wins and is flushed at stop. To be awaited.

        Returns at once; the write may still be on its way. Raises like update_state.
        """
        return self._control.tracked("checkpoint", self._checkpoint(state, every))

    def sleep(self, duration: str | float | timedelta) -> Coroutine[Any, Any, None]:
        """Wait (a number counts seconds). Raises CancelledError as soon as the run is asked to end. To be awaited."""
        return self._control.tracked("sleep", self._sleep(_seconds(duration)))

    def abort_locally(self, reason: str) -> Coroutine[Any, Any, Never]:
        """Give the run back: the task goes elsewhere, state kept, attempt not counted. Does not return. To be awaited.

        Of the reason 1 KiB is kept.
        """
        return self._control.tracked("abort_locally", self._abort(reason))

    def start_child(
        self, executor: str, params: BaseModel, *, key: str, **spec: object
    ) -> Coroutine[Any, Any, TaskRef]:
        """Start a task under this one, once per key, also over several runs; its id is `<this id>/<key>`. To be awaited.

        `spec`: timeout, max_attempts, backoff, priority, cost, retention, cancel_grace, exclusive, isolation, on_lost
        as in a policy; due_at (aware), labels, object (kind, id), paused. Durable when it returns. It is cancelled when
        this task is cancelled or fails for good. Raises Fenced, RunEnded, ValidationError for what the cluster refuses,
        TypeError and ValueError for what cannot be sent at all: a number as key, a file name that is no UTF-8.
        """
        return self._control.tracked(
            "start_child", start_child(self._control, executor, params, key, spec)
        )

    def poke(self, executor: str) -> Coroutine[Any, Any, None]:
        """Have tasks of this executor that have no node looked at again, now: what they wait for may be there. To be awaited.

        Returns when the leader has taken it; pokes that come together are merged. Raises Fenced, RunEnded, and
        ValidationError for an executor that no node ever offered.
        """
        return self._control.tracked("poke", poke(self._control, executor))

    async def _checkpoint(self, state: S, every: Span) -> None:
        self._control.writer.checkpoint(state, span_ms(every))

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._control.cancelled.wait()
        except TimeoutError:
            return
        raise asyncio.CancelledError

    async def _abort(self, reason: str) -> Never:
        raise self._control.abort(reason)


class BlockingTask(_RunFace[S]):
    """`task.blocking`: the verbs of the handle for code in a thread. `cancelled` is a threading.Event."""

    @property
    def cancelled(self) -> threading.Event:
        """Set when the run was asked to end; why is in `stop_reason`."""
        return self._control.thread_cancelled

    def update_state(self, state: S | None) -> int:
        """Store the state durably and return the revision; None clears it. Raises as its namesake."""
        return self._wait("update_state", lambda: self._control.writer.write(state))

    def checkpoint(self, state: S, every: Span = "5s") -> None:
        """Store the state at most once per `every`; the last one wins and is flushed at stop."""
        every_ms = span_ms(every)

        async def hand_over() -> None:
            self._control.writer.checkpoint(state, every_ms)

        self._wait("checkpoint", hand_over)

    def sleep(self, duration: str | float | timedelta) -> None:
        """Wait (a number counts seconds). Raises CancelledError as soon as the run is asked to end."""
        self._control.wait_in_thread(_seconds(duration))
        self.raise_if_cancelled()

    def abort_locally(self, reason: str) -> Never:
        """Give the run back: the task goes elsewhere, state kept, attempt not counted. Does not return."""
        raise self._control.abort(reason)

    def start_child(self, executor: str, params: BaseModel, *, key: str, **spec: object) -> TaskRef:
        """Start a task under this one, once per key. Arguments and errors as its namesake."""
        return self._wait(
            "start_child", lambda: start_child(self._control, executor, params, key, spec)
        )

    def poke(self, executor: str) -> None:
        """Have tasks of this executor that have no node looked at again. Errors as its namesake."""
        self._wait("poke", lambda: poke(self._control, executor))

    def _wait(self, verb: str, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        loop = self._control.loop
        try:
            in_loop = asyncio.get_running_loop() is loop
        except RuntimeError:
            in_loop = False
        if in_loop:
            raise RuntimeError(
                f"task.blocking.{verb} would block the event loop here: await task.{verb}(...)"
            )
        return asyncio.run_coroutine_threadsafe(call(), loop).result()


def _seconds(duration: str | float | timedelta) -> float:
    if isinstance(duration, (int, float)):
        return float(duration)
    return span_ms(duration) / 1000
