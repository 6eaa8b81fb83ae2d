"""Coroutines that can be stopped dead, as a killed process stops: no `except`, no `finally`, no last word.

A cancelled coroutine still runs its handlers; a killed process does not. So the code of a run under test is driven
through `alive`, which, once the run was killed, never resumes it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextvars import ContextVar
from typing import Any


class Killed(BaseException):
    """Ends the loop task of a killed run; its code never sees it."""


Log = Callable[[str, str, Mapping[str, object]], None]


class Life:
    """Of one run: whether it was killed, its loop tasks, and the code that stands still since. `log`: its log."""

    def __init__(self, log: Log) -> None:
        self.is_over = False
        self.log = log
        self._loop_tasks: set[asyncio.Task[Any]] = set()
        self._frozen: list[Coroutine[Any, Any, Any]] = []

    def add(self, task: asyncio.Task[Any]) -> None:
        """A loop task of this run."""
        self._loop_tasks.add(task)
        task.add_done_callback(self._forget)

    def loop_tasks(self) -> list[asyncio.Task[Any]]:
        """Those that are not done."""
        return [task for task in self._loop_tasks if not task.done()]

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._loop_tasks.discard(task)
        if self.is_over and not task.cancelled():
            task.exception()  # nobody is left to ask for it

    def kill(self) -> None:
        """None of its code runs from here on."""
        self.is_over = True
        for task in self.loop_tasks():
            task.cancel()

    def keep(self, code: Coroutine[Any, Any, Any]) -> None:
        """Code that stopped in the middle; kept, because collecting it would run its `finally`."""
        self._frozen.append(code)

    def bury(self) -> None:
        """At the end of the test: let go of what stood still. Its handlers do run now, with nobody listening."""
        for code in self._frozen:
            with contextlib.suppress(
                BaseException
            ):  # handlers of dead code: whatever they raise tells nothing
                code.close()
        self._frozen.clear()


OWNER: ContextVar[Life | None] = ContextVar(
    "ptasks_harness_owner", default=None
)  # of new loop tasks
SPEAKER: ContextVar[Life | None] = ContextVar(
    "ptasks_harness_speaker", default=None
)  # of log lines


@types.coroutine
def _driven(code: Coroutine[Any, Any, Any], life: Life) -> Generator[Any, Any, Any]:
    inner = code.__await__()
    step, given = inner.send, None
    while not life.is_over:
        try:
            awaited = step(given)
        except StopIteration as end:
            return end.value
        try:
            step, given = inner.send, (yield awaited)
        except BaseException as error:  # noqa: BLE001  (whatever is thrown in is the code's own, unless it is dead)
            step, given = inner.throw, error
    life.keep(code)
    raise Killed


async def alive(code: Coroutine[Any, Any, Any], life: Life) -> Any:
    """Await `code` as long as its run lives. Raises Killed when it does not any more."""
    return await _driven(code, life)


def make_loop_task(
    loop: asyncio.AbstractEventLoop,
    code: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    /,
    **options: Any,
) -> asyncio.Task[Any]:
    """Task factory: what a run starts in the loop lives and dies with it."""
    life = OWNER.get()
    if life is None or not isinstance(code, Coroutine):
        return asyncio.Task(code, loop=loop, **options)
    task = asyncio.Task(alive(code, life), loop=loop, **options)
    life.add(task)
    return task
