"""Read, change, write (TM-33): an edit that is made of what stands there, and made again where somebody was faster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Protocol

from msgspec.structs import replace

from coordinator.client import replies
from coordinator.client.errors import ClientError, Conflict, InvalidRequest, NotFound
from coordinator.client.requests import ChangeOptions, Edit
from coordinator.client.views import Answer, Task

TRIES = 3  # the first, and two more for those that met a conflict
AT_ONCE = 32

Make = Callable[[Task], Edit | None]


class Edits(Protocol):
    """What it needs of a client."""

    async def get(self, task_id: str, *, timeout_s: float | None = None) -> replies.Found:
        """As `Client.get`."""
        ...

    async def update(
        self,
        task_id: str,
        edit: Edit,
        change: ChangeOptions | None = None,
        *,
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """As `Client.update`."""
        ...


async def update_with(
    client: Edits,
    task_ids: Sequence[str],
    make: Make,
    change: ChangeOptions,
    timeout_s: float | None = None,
) -> replies.ChangedMany:
    """One entry for each id, in their order. Raises InvalidRequest where they are to be one command."""
    if change.all_or_nothing:
        why = "each edit is made of its own record and written alone"
        raise InvalidRequest(f"all_or_nothing: {why}", violations=(("all_or_nothing", why),))
    gate = asyncio.Semaphore(AT_ONCE)
    answers: list[Answer] = []

    async def one(task_id: str) -> replies.ChangedItem:
        async with gate:
            try:
                return await _tried(client, task_id, make, change, timeout_s, answers)
            except NotFound as error:
                return replies.ChangedItem(task_id, "not_found", None, removed=False, error=error)
            except ClientError as error:
                return replies.ChangedItem(task_id, "refused", None, removed=False, error=error)

    items = await asyncio.gather(*(one(task_id) for task_id in dict.fromkeys(task_ids)))
    newest = max(answers, key=lambda answer: answer.revision, default=Answer())
    return replies.ChangedMany(newest, list(items))


async def _tried(
    client: Edits,
    task_id: str,
    make: Make,
    change: ChangeOptions,
    timeout_s: float | None,
    answers: list[Answer],
) -> replies.ChangedItem:
    """Read and written, again after a conflict; any other error goes on to the caller."""
    conflict: Conflict | None = None
    for number in range(TRIES):
        found = await client.get(task_id, timeout_s=timeout_s)
        answers.append(found.answer)
        if found.task is None:
            raise NotFound(f"no task {task_id}", reason="task_not_found")
        edit = make(found.task)
        if edit is None:
            return replies.ChangedItem(task_id, "unchanged", found.task, removed=False, error=None)
        options = replace(
            change,
            request_id=_request_id(change.request_id, task_id, number),
            if_revision=found.task.modified_revision,
        )
        try:
            done = await client.update(task_id, edit, options, timeout_s=timeout_s)
        except Conflict as error:
            if error.reason != "revision_mismatch":
                raise
            conflict = error
            continue
        answers.append(done.answer)
        changed = "deferred" if done.next_run else "updated"
        word = "unchanged" if done.unchanged else changed
        return replies.ChangedItem(task_id, word, done.task, removed=False, error=None)
    return replies.ChangedItem(task_id, "conflict", None, removed=False, error=conflict)


def _request_id(seed: str, task_id: str, number: int) -> str:
    """Another one for each id and try: a try that was refused is remembered under its own."""
    tail = blake2b(task_id.encode(), digest_size=8).hexdigest()
    return f"{seed[:100]}/{tail}.{number}"
