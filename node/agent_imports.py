"""What plugins did to workers at their import, remembered for as long as this agent lives.

A plugin whose import hangs costs its worker the whole time limit, and one that the limit cannot interrupt, or that ends
the process, would keep every other executor of the node from being offered. Workers say what they are about to import;
whoever hung, or ended two workers one after the other, is left out by those that follow, and stays a load error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from node.frames import Loading, Ready

IMPORT_SECONDS = 25.0  # the worker's own limit (executors.registry), and time to act on it
DEATHS = 2


class Imports:
    """`skipped`: what the next worker is not to import (source of the plugin -> what is told instead)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, kill: Callable[[int], None]) -> None:
        self.skipped: dict[str, str] = {}
        self._loop = loop
        self._kill = kill
        self._under_way: dict[int, tuple[str, asyncio.TimerHandle]] = {}
        self._deaths: dict[str, int] = {}

    def loading(self, worker: int, frame: Loading) -> None:
        """This worker begins with the import of this plugin."""
        self._done(worker)
        timer = self._loop.call_later(IMPORT_SECONDS, self._overdue, worker, frame.source)
        self._under_way[worker] = (frame.source, timer)

    def ready(self, worker: int, frame: Ready) -> None:
        """It is through with all of them."""
        self._done(worker)
        self._deaths.clear()
        for problem in frame.load_errors:
            if problem.hung:
                self.skipped[problem.source] = problem.message

    def died(self, worker: int, detail: str) -> bool:
        """Whether it was a plugin's doing of which the next worker is spared."""
        source = self._done(worker)
        if not source:
            return False
        deaths = self._deaths[source] = self._deaths.get(source, 0) + 1
        if deaths >= DEATHS:
            self.skipped.setdefault(source, f"its import ended the worker process: {detail}")
        return source in self.skipped

    def forget(self) -> None:
        """All plugins are to be tried again by the workers that follow."""
        self.skipped.clear()
        self._deaths.clear()

    def _done(self, worker: int) -> str:
        source, timer = self._under_way.pop(worker, ("", None))
        if timer is not None:
            timer.cancel()
        return source

    def _overdue(self, worker: int, source: str) -> None:
        self.skipped[source] = (
            f"the import did not end within {IMPORT_SECONDS:g} s and could not be interrupted"
        )
        self._kill(worker)
