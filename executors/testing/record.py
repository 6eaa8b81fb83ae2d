"""What outlives a run under test: the task with its durable state, and what every run of it did."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from executors.run_outcome import Outcome
from executors.views import TaskRef

FIRST_REVISION = 100  # some number; a real one counts everybody's writes


class HarnessError(AssertionError):
    """What a test waited for did not happen, or cannot happen any more. The text says what happened instead."""


@dataclass(slots=True)
class TaskRecord:
    """One task, as the cluster would keep it. `state`: JSON of the last durable write, None after it was cleared."""

    id: str
    params: bytes
    params_version: int
    allocation_id: int = 0
    attempt: int = 1
    state: bytes | None = None
    state_version: int = 1
    state_allocation_id: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)  # by key
    pokes: list[str] = field(default_factory=list)  # executors, of all runs


@dataclass(frozen=True, slots=True)
class Child:
    """A task that a run started under its own; `params` and `spec` decoded, the latter as the cluster reads it."""

    executor: str
    params: Any
    spec: Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a run's log. `counts`: whether it was the code that wrote it, so that it bears on the outcome."""

    level: str
    event: str
    fields: Mapping[str, object]
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of progress."""

    done: float
    total: float | None
    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: `outcome` and `reason` in the cluster's words, `value` the result read from its JSON.

    `was_killed`: the code did not end within its grace and would have been killed.
    """

    outcome: str
    reason: str
    value: Any
    error: str
    traceback: str
    permanent: bool
    retry_in_ms: int | None
    was_killed: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the task counts as succeeded."""
        return self.outcome in ("succeeded", "warning")


def ended_of(outcome: Outcome, *, was_killed: bool = False) -> Ended:
    """The end of a run for people to read."""
    problem = outcome.error
    return Ended(
        outcome.outcome,
        outcome.reason,
        None if outcome.result is None else json.loads(outcome.result),
        "" if problem is None else f"{problem.type}: {problem.message}",
        "" if problem is None else problem.traceback,
        outcome.permanent,
        outcome.retry_in_ms,
        was_killed,
    )


class MemoryPort:
    """The run port of the SDK, in memory. A state write is durable when it is made; its answer may be held back.

    `on_news` is called after every write, line and report of progress.
    """

    def __init__(self, record: TaskRecord, state_version: int, on_news: Callable[[], None]) -> None:
        self.lines: list[Line] = []
        self.progress: list[Progress] = []
        self.writes: list[bytes | None] = []
        self.refusal: Exception | None = None
        self.next_refusal: Exception | None = None
        self.on_write: Callable[[], None] | None = None
        self.is_dead = False
        self.holds = False
        self._never: list[asyncio.Future[Any]] = []
        self._held: list[tuple[asyncio.Future[int], int]] = []
        self._record = record
        self._allocation_id = record.allocation_id
        self._state_version = state_version
        self._on_news = on_news
        self._loop = asyncio.get_running_loop()

    @property
    def counts(self) -> dict[str, int]:
        """Lines by level."""
        found = {"debug": 0, "info": 0, "warning": 0, "error": 0}
        for line in self.lines:
            found[line.level] += line.counts
        return found

    def send_state(self, data: bytes | None) -> asyncio.Future[int]:
        """Durable at once, unless this run is superseded or the test wants it refused."""
        answer: asyncio.Future[int] = self._loop.create_future()
        refusal = self.refusal or self.next_refusal
        self.next_refusal = None
        if self.is_dead:
            self._never.append(answer)  # kept: who waits for it must not be collected
            return answer
        if refusal is not None:
            answer.set_exception(refusal)
            self._on_news()
            return answer
        self.writes.append(data)
        self._record.state = data
        self._record.state_version = self._state_version
        self._record.state_allocation_id = self._allocation_id
        self._held.append((answer, FIRST_REVISION + len(self.writes)))
        self._on_news()
        if self.on_write is not None:
            self.on_write()
        if not self.holds:
            self.let_go()
        return answer

    def let_go(self) -> None:
        """Answer the writes that were held back."""
        self.holds = False
        for answer, revision in self._held:
            if not answer.done():
                answer.set_result(revision)
        self._held.clear()

    def send_child(
        self, key: str, executor: str, params: bytes, spec: bytes
    ) -> asyncio.Future[TaskRef]:
        """Kept in the record, once per key; refused as a state write would be."""
        return self._asked(lambda: self._started(key, executor, params, spec))

    def send_poke(self, executor: str) -> asyncio.Future[TaskRef]:
        """Kept in the record; refused as a state write would be."""
        return self._asked(lambda: self._poked(executor))

    def _poked(self, executor: str) -> TaskRef:
        self._record.pokes.append(executor)
        return TaskRef("", False)

    def _started(self, key: str, executor: str, params: bytes, spec: bytes) -> TaskRef:
        created = key not in self._record.children
        found = Child(executor, json.loads(params), json.loads(spec))
        self._record.children.setdefault(key, found)
        return TaskRef(f"{self._record.id}/{key}", created)

    def _asked(self, do: Callable[[], TaskRef]) -> asyncio.Future[TaskRef]:
        answer: asyncio.Future[TaskRef] = self._loop.create_future()
        refusal = self.refusal or self.next_refusal
        self.next_refusal = None
        if self.is_dead:
            self._never.append(answer)  # kept: who waits for it must not be collected
            return answer
        if refusal is not None:
            answer.set_exception(refusal)
        else:
            answer.set_result(do())
        self._on_news()
        return answer

    def send_progress(self, done: float, total: float | None, message: str) -> None:
        """From any thread."""
        self._from_anywhere(lambda: self.progress.append(Progress(done, total, message)))

    def log(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """From any thread."""
        self._from_anywhere(lambda: self.lines.append(Line(level, event, dict(fields))))

    def note(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """A line of ours: it does not bear on the outcome."""
        self._from_anywhere(lambda: self.lines.append(Line(level, event, dict(fields), False)))

    def _from_anywhere(self, note: Callable[[], None]) -> None:
        def do() -> None:
            if not self.is_dead:
                note()
                self._on_news()

        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            with contextlib.suppress(RuntimeError):  # a thread that has outlived its test
                self._loop.call_soon_threadsafe(do)
            return
        if here is self._loop:
            do()
