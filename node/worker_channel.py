"""One run's way to the agent: state writes and their answers, progress, lines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from executors import Fenced, RunEnded, TaskRef, ValidationError
from node.frames import (
    Child,
    ChildAnswer,
    Log,
    LogCounts,
    Poke,
    Progress,
    State,
    StateAck,
    StateRefused,
)
from node.worker_logs import LineBuffer, encode_fields, shortened
from node.worker_pipe import Outward

PROGRESS_GAP_SECONDS = 0.1


class RunChannel:
    """The run port of the SDK, over the worker's pipe. In the loop's thread unless a method says otherwise."""

    def __init__(self, allocation_id: int, state_version: int, pipe: Outward) -> None:
        self._allocation_id = allocation_id
        self._state_version = state_version
        self._pipe = pipe
        self._loop = asyncio.get_running_loop()
        self._seq = 0
        self._loop_tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._last_asked = 0
        self._asked: dict[int, tuple[str, asyncio.Future[TaskRef]]] = {}  # verb and answer
        self._lines = LineBuffer()
        self._counts = {"debug": 0, "info": 0, "warning": 0, "error": 0}
        self._progress = _LatestProgress(allocation_id, pipe, self._loop)

    def send_state(self, data: bytes | None) -> asyncio.Future[int]:
        """The next state write; the future is its answer."""
        self._seq += 1
        answer = self._waiting[self._seq] = self._loop.create_future()
        self._pipe.send(State(self._allocation_id, self._seq, data, self._state_version))
        return answer

    def send_child(
        self, key: str, executor: str, params: bytes, spec: bytes
    ) -> asyncio.Future[TaskRef]:
        """The next child; the future is its answer."""
        number, answer = self._ask("start_child")
        self._pipe.send(Child(self._allocation_id, number, key, executor, params, spec))
        return answer

    def send_poke(self, executor: str) -> asyncio.Future[TaskRef]:
        """The next poke; the future is done when the leader has taken it."""
        number, answer = self._ask("poke")
        self._pipe.send(Poke(self._allocation_id, number, executor))
        return answer

    def _ask(self, verb: str) -> tuple[int, asyncio.Future[TaskRef]]:
        self._last_asked += 1
        answer: asyncio.Future[TaskRef] = self._loop.create_future()
        self._asked[self._last_asked] = (verb, answer)
        return self._last_asked, answer

    def on_child(self, told: ChildAnswer) -> None:
        """Settles that child or poke."""
        verb, answer = self._asked.pop(told.seq, ("", None))
        if answer is None or answer.done():
            return
        if told.reason:
            answer.set_exception(_asked_error(verb, told))
        else:
            answer.set_result(TaskRef(told.task_id, told.created))

    def on_ack(self, ack: StateAck) -> None:
        """Settles that write and all before it."""
        for seq in [one for one in self._waiting if one <= ack.seq]:
            answer = self._waiting.pop(seq)
            if not answer.done():
                answer.set_result(ack.revision)

    def on_refused(self, refused: StateRefused) -> Exception:
        """A run that is fenced or ended gets the same answer for every write; else it is that write's alone."""
        error = _error_of(refused)
        whole_run = isinstance(error, (Fenced, RunEnded))
        for seq in [one for one in self._waiting if whole_run or one == refused.seq]:
            answer = self._waiting.pop(seq)
            if not answer.done():
                answer.set_exception(error)
        return error

    def send_progress(self, done: float, total: float | None, message: str) -> None:
        """From any thread."""
        self._progress.put(done, total, message)

    def log(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """From any thread."""
        self._counts[level] += 1
        self.note(level, event, fields)

    def note(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """A line of ours in the run's log: it does not count for the outcome. From any thread."""
        at = time.time_ns() // 1_000_000
        line = Log(self._allocation_id, level, shortened(event), encode_fields(fields), at)
        self._pipe.send_droppable(line)

    def write(self, stream: str, text: str) -> None:
        """Output of print and the like. From any thread."""
        for line in self._lines.add(stream, text):
            self.log("info", line, {"stream": stream})

    def add_loop_task(self, task: asyncio.Task[Any]) -> None:
        """The code of this run has created a task of its own in the loop."""
        self._loop_tasks.add(task)

    def loop_tasks_left(self) -> list[asyncio.Task[Any]]:
        """Those that are not done."""
        return [task for task in self._loop_tasks if not task.done()]

    def close(self) -> LogCounts:
        """Send what waits, the end of an unfinished line for instance; the counts are final after it."""
        for stream, text in self._lines.take_rest():
            self.log("info", text, {"stream": stream})
        self._progress.close()
        counts = self._counts
        return LogCounts(counts["debug"], counts["info"], counts["warning"], counts["error"])


def _asked_error(verb: str, told: ChildAnswer) -> Exception:
    match told.reason:
        case "fenced":
            return Fenced(told.detail or "another run of this task has taken over")
        case "parent_ended":
            return RunEnded(f"{verb}: {told.detail or 'the task is to end'}")
        case reason:
            return ValidationError(verb, told.detail or reason)


def _error_of(refused: StateRefused) -> Exception:
    match refused.reason:
        case "fenced":
            return Fenced(refused.detail or "another run of this task has taken over")
        case "ended":
            return RunEnded(refused.detail or "the run has ended")
        case reason:
            return ValidationError("state", refused.detail or reason)


class _LatestProgress:
    """Ten a second at most; the last one always gets out. From any thread."""

    def __init__(self, allocation_id: int, pipe: Outward, loop: asyncio.AbstractEventLoop) -> None:
        self._allocation_id = allocation_id
        self._pipe = pipe
        self._loop = loop
        self._latest: Progress | None = None
        self._is_armed = False
        self._timer: asyncio.TimerHandle | None = None

    def put(self, done: float, total: float | None, message: str) -> None:
        self._latest = Progress(self._allocation_id, done, total, shortened(message))
        if not self._is_armed:
            self._is_armed = True
            self._loop.call_soon_threadsafe(self._send)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._is_armed = True
        self._flush()

    def _send(self) -> None:
        self._timer = None
        if self._flush():
            self._timer = self._loop.call_later(PROGRESS_GAP_SECONDS, self._send)
            return
        self._is_armed = False
        if self._latest is not None:  # put in between, by a thread that still saw us armed
            self._is_armed = True
            self._loop.call_soon(self._send)

    def _flush(self) -> bool:
        latest, self._latest = self._latest, None
        if latest is not None:
            self._pipe.send_droppable(latest)
        return latest is not None
