"""One caller: picks what to do next, does it, and has the ledger know what it was told."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from coordinator.client import (
    ChangeOptions,
    Client,
    Conflict,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    TimedOut,
    Unavailable,
    new_request_id,
)
from scripts.chaos_rounds.ledger import Kind, Outcome

if TYPE_CHECKING:
    from scripts.chaos_rounds.load import Load

PATIENCES_S = (1.0, 2.0, 20.0)  # short ones leave outcomes unknown
KEPT_IDS = 50  # for cancels and repeats
MANY = 5
LATE = (NotFound, Conflict)  # by now it may have ended, or be gone


class Broken(Exception):
    """A call was answered in a way that no fault excuses."""


class Caller:
    """One of them: picks what to do next."""

    def __init__(self, load: Load, client: Client, dice: Random, prefix: str) -> None:
        self._load, self._client, self._dice, self._prefix = load, client, dice, prefix
        self._count = 0
        self.ids: list[str] = []
        self._acts = (
            (self._create, 0.55),
            (self._create_and_cancel, 0.12),
            (self._cancel, 0.08),
            (self._create_many, 0.04),
            (self._read, 0.12),
            (self._repeat, 0.06),
            (self._move, 0.03),
        )

    async def act(self) -> None:
        """One operation, sometimes two."""
        acts, weights = zip(*self._acts, strict=True)
        await self._dice.choices(acts, weights)[0]()

    def _new_id(self, tail: str = "") -> str:
        self._count += 1
        return f"{self._prefix}-{self._count:06}{tail}"

    def _known(self) -> str:
        return self._dice.choice(self.ids) if self.ids else ""

    def _patience_s(self) -> float:
        return self._dice.choice(PATIENCES_S)

    async def _create(self, tail: str = "") -> str:
        task_id, change = self._new_id(tail), ChangeOptions()
        operation = self._load.ledger.begin(Kind.CREATE, task_id, change.request_id)
        task = self._load.new_task(task_id, paused=tail == "p")
        work = self._client.create(task, change, timeout_s=self._patience_s())
        reply = await self._load.told(operation, work)
        if reply is None:
            return ""
        self.ids = [*self.ids[-KEPT_IDS:], task_id]
        if reply.task.created_revision > reply.answer.revision:
            raise Broken(f"{operation}: made at {reply.task.created_revision}, answered before")
        return task_id

    async def _create_and_cancel(self) -> None:
        task_id = await self._create("p")
        if task_id:
            await self._cancel(task_id)

    async def _cancel(self, task_id: str = "") -> None:
        if task_id := task_id or self._known():
            change = ChangeOptions()
            operation = self._load.ledger.begin(Kind.CANCEL, task_id, change.request_id)
            work = self._client.cancel(task_id, change, timeout_s=self._patience_s())
            await self._load.told(operation, work, *LATE)

    async def _move(self) -> None:
        if self._load.movable:
            work = self._client.move(self._dice.choice(self._load.movable))
            try:
                await work
            except (Conflict, LimitReached, Unavailable, OutcomeUnknown):
                pass  # it is on its way already, or stays

    async def _create_many(self) -> None:
        """Each is a promise of its own; the answer is one."""
        ids, request_id = [self._new_id() for _ in range(MANY)], new_request_id()
        ledger = self._load.ledger
        operations = [
            ledger.begin(Kind.CREATE, task_id, f"{request_id}.{task_id}") for task_id in ids
        ]
        tasks = [self._load.new_task(task_id) for task_id in ids]
        change = ChangeOptions(request_id=request_id)
        try:
            many = await self._client.create_many(tasks, change, timeout_s=self._patience_s())
        except (OutcomeUnknown, TimedOut, LimitReached, Unavailable) as error:
            refused = isinstance(error, (LimitReached, Unavailable))
            for operation in operations:
                known = Outcome.NOT_DONE if refused else Outcome.UNKNOWN
                ledger.failed(operation, known, error.reason)
            return
        for operation, item in zip(operations, many.items, strict=True):
            if item.error is None:
                self._load.acknowledge(operation, many.answer.revision, item.task)
            else:
                ledger.failed(operation, Outcome.REFUSED, item.error.reason)

    async def _repeat(self) -> None:
        """The same request id once more, as a caller does that lost the answer."""
        if not (task_id := self._known()):
            return
        first = self._load.ledger.operations[task_id][0]
        again = self._load.ledger.begin(Kind.CREATE, task_id, first.request_id)
        task = self._load.new_task(task_id, paused=task_id.endswith("p"))
        change = ChangeOptions(request_id=first.request_id)
        await self._load.told(again, self._client.create(task, change, timeout_s=20))

    async def _read(self) -> None:
        """R1: what was acknowledged before the read began is in it."""
        floor, task_id = self._load.ledger.revision, self._known()
        if not task_id:
            return
        try:
            found = await self._client.get(task_id, timeout_s=self._patience_s())
        except (Unavailable, TimedOut):
            return
        except NotFound as error:
            raise Broken(f"G1: {task_id} was acknowledged, a read says {error.message}") from error
        self._load.reads += 1
        if found.answer.revision < floor:
            raise Broken(
                f"G2: a read of {task_id} at {found.answer.revision}, {floor} was acknowledged"
            )
