"""What plugins did to workers at their import, remembered for as long as this agent lives.

A plugin whose import hangs costs its worker the whole time limit, and one that the limit cannot interrupt, or that ends
the process, would keep every other executor of the node from being offered. Workers say what they are about to import.
Who takes long is left to that worker while another begins without it; whoever hung, or ended two workers one after the
other, is left out by all that follow, and stays a load error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from node.frames import Loading, Ready

PATIENCE_S = 3.0  # with a plugin that no worker has imported yet
IMPORT_S = 25.0  # the worker's own limit (executors.registry), and time to act on it
DEATHS = 2
TAKES_LONG = "its import takes long; a worker is still at it"


class Imports:
    """`skipped`: what the next worker is not to import (source of the plugin -> what is told instead)."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        kill: Callable[[int], None],
        one_more: Callable[[], None],
    ) -> None:
        self.skipped: dict[str, str] = {}
        self._loop = loop
        self._kill = kill
        self._one_more = one_more
        self._begun: dict[int, list[str]] = {}  # by worker; the last one is under way
        self._timers: dict[int, list[asyncio.TimerHandle]] = {}
        self._deaths: dict[str, int] = {}
        self._proven: set[str] = set()  # imported by some worker

    def loading(self, worker: int, frame: Loading) -> None:
        """This worker begins with the import of this plugin."""
        source = frame.source
        self._stop_timers(worker)
        self._begun.setdefault(worker, []).append(source)
        timers = [self._loop.call_later(IMPORT_S, self._overdue, worker, source)]
        if source not in self._proven:
            timers.append(self._loop.call_later(PATIENCE_S, self._slow, source))
        self._timers[worker] = timers

    def ready(self, worker: int, frame: Ready) -> bool:
        """It is through with all of them. False if more is known by now of what it left out."""
        self._stop_timers(worker)
        failed = {problem.source for problem in frame.load_errors}
        for source in self._begun.pop(worker, ()):
            if source not in failed:
                self._proven.add(source)
                self.skipped.pop(source, None)
        self._deaths.clear()
        for one in frame.load_errors:
            if one.hung or (one.message != TAKES_LONG and self._is_late(one.source)):
                self._skip(one.source, one.message)
        return not any(
            one.message == TAKES_LONG and not self._is_late(one.source) for one in frame.load_errors
        )

    def died(self, worker: int, detail: str) -> bool:
        """Whether it was a plugin's doing of which the next worker is spared."""
        self._stop_timers(worker)
        begun = self._begun.pop(worker, None)
        if not begun:
            return False
        source = begun[-1]
        deaths = self._deaths[source] = self._deaths.get(source, 0) + 1
        if deaths >= DEATHS and source not in self.skipped:
            self._skip(source, f"its import ended the worker process: {detail}")
        elif self._is_late(source):  # nobody is at it any more
            del self.skipped[source]
            self._one_more()
        return source in self.skipped

    def again(self) -> list[str]:
        """Have a worker try what is left out now; gives what that is."""
        left_out = sorted(self.skipped)
        self.skipped.clear()
        self._deaths.clear()
        if left_out:
            self._one_more()
        return left_out

    def _is_late(self, source: str) -> bool:
        return self.skipped.get(source) == TAKES_LONG

    def _skip(self, source: str, why: str) -> None:
        self.skipped[source] = why.replace("\0", " ")  # it travels on a command line

    def _stop_timers(self, worker: int) -> None:
        for timer in self._timers.pop(worker, ()):
            timer.cancel()

    def _slow(self, source: str) -> None:
        if source not in self.skipped:
            self._skip(source, TAKES_LONG)
            self._one_more()

    def _overdue(self, worker: int, source: str) -> None:
        why = f"the import did not end within {IMPORT_S:g} s and could not be interrupted"
        self._skip(source, why)
        self._kill(worker)
        self._one_more()  # which tells so
