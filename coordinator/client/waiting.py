"""Waiting for a task: rounds of the `Wait` call, so that a lost answer, a lost member or a change of leader cost one
round at most, and every change of the record in between is seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from coordinator.client.conditions import DEFAULT, holds, is_open, pinned, said_of
from coordinator.client.errors import TimedOut, Unavailable
from coordinator.client.replies import Waited
from coordinator.client.requests import Condition
from coordinator.client.views import Task

ROUND_S = 20.0

OnChange = Callable[[Task], None]


class Rounds(Protocol):
    """What a wait needs of a client."""

    async def wait_round(
        self,
        task_id: str,
        conditions: Sequence[Condition],
        *,
        after_revision: int = 0,
        timeout_s: float,
    ) -> Waited:
        """One call of `Wait`, as `Client.wait_round` has it."""
        ...


async def wait_until(
    client: Rounds,
    task_id: str,
    conditions: Sequence[Condition] = (),
    *,
    timeout_s: float | None = None,
    on_change: OnChange | None = None,
    after_revision: int = 0,
) -> Waited:
    """The answer that ended the wait: met, or the task has ended, or it is gone.

    `timeout_s` None: no limit. `on_change` is called for the record found first (or its first
    change after `after_revision`) and after each change of it. Raises
    TimedOut, with the id in its message; NotFound when there never was such a task; Unavailable when nobody answered
    to the end of the time or, without a limit, to the end of the first round.
    """
    wait = _Wait(client, task_id, conditions, on_change, after_revision)
    clock = asyncio.get_running_loop().time
    deadline = None if timeout_s is None else clock() + timeout_s
    trouble: Unavailable | None = None
    answered = False
    while True:
        left = ROUND_S if deadline is None else min(ROUND_S, deadline - clock())
        if left <= 0:
            raise trouble or TimedOut(f"{task_id}: not within the time given", reason="timed_out")
        try:
            reply = await wait.round(left)
        except TimedOut:
            trouble = None
            continue
        except Unavailable as error:
            if deadline is None and not answered and error.cause != "queued":
                raise
            trouble = error
            continue  # the next round asks another member, until the deadline
        trouble, answered = None, True
        if reply is not None:
            return reply


class _Wait:
    """What is asked round after round, and the newest version of the record that was seen."""

    def __init__(
        self,
        client: Rounds,
        task_id: str,
        conditions: Sequence[Condition],
        on_change: OnChange | None,
        seen: int,
    ) -> None:
        self._client = client
        self._task_id = task_id
        self._asked = tuple(conditions) or (DEFAULT,)
        self._on_change = on_change
        self._seen = seen

    async def round(self, timeout_s: float) -> Waited | None:
        """One call; its answer if that ends the wait."""
        reply = await self._client.wait_round(
            self._task_id, self._asked, after_revision=self._after(), timeout_s=timeout_s
        )
        task = reply.task
        if task is not None and task.modified_revision > self._seen:
            self._seen = task.modified_revision
            if self._on_change is not None:
                self._on_change(task)
        if _is_over(reply, self._asked):
            return reply
        if task is not None:
            self._asked = pinned(said_of(self._asked, task), task)
        return None

    def _after(self) -> int:
        if any(map(is_open, self._asked)):
            return 1  # answered at once: the record says which run is meant
        return 0 if self._on_change is None else max(self._seen, 1)  # 0 asks for no changes


def _is_over(reply: Waited, asked: Sequence[Condition]) -> bool:
    if reply.met or reply.gone:
        return True
    task = reply.task
    return task is not None and (task.is_finished or any(holds(one, task) for one in asked))
