"""What a member does beside serving, for as long as it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from coordinator.shell.logs import Log
from coordinator.shell.pump import EXIT_BUG


class Background:
    """Tasks that end only when they are stopped. One that ends by itself would leave us half at work with nobody the
    wiser: it ends the process.
    """

    def __init__(self, log: Log, halt: Callable[[int, str], None]) -> None:
        self._log = log
        self._halt = halt
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin with the next turn of the loop."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def stop(self) -> None:
        """End all of them, however they end."""
        for task in self._tasks:
            task.remove_done_callback(self._ended)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = task.get_name()
        error = None if task.cancelled() else task.exception()
        self._log.error("bug", task=name, exc_info=error)
        why = "by itself" if error is None else f"{type(error).__name__}: {error}"
        self._halt(EXIT_BUG, f"{name} ended: {why}")
