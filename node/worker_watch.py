"""A thread that notices when user code blocks the worker's event loop, says so, and keeps the pipe alive meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from typing_extensions import override

from node.frames import LoopLag
from node.worker_pipe import WorkerPipe

TICK_SECONDS = 0.125
LAG_MS = 250
OVERLOAD_MS = 5_000


class LoopWatch(threading.Thread):
    """Asks the loop for a sign of life while runs are here. `blocking` and `running` fill the report, which is made at
    250 ms, when a warning is due (`warn_ms`), when the node is to take less for it, and when it is over.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pipe: WorkerPipe,
        blocking: Callable[[], int | None],
        running: Callable[[], tuple[str, ...]],
        warn_ms: int = 5_000,
    ) -> None:
        super().__init__(name="loop-watch", daemon=True)
        self._loop = loop
        self._pipe = pipe
        self._blocking = blocking
        self._running = running
        self._busy = threading.Event()
        self._asked_at: float | None = None
        self._steps = sorted({LAG_MS, warn_ms, OVERLOAD_MS})
        self._warn_ms = warn_ms
        self._reported_ms = 0
        self._blamed: int | None = None

    def wake(self) -> None:
        """A run has begun. Cheap; from the loop's thread."""
        if not self._busy.is_set():
            self._busy.set()

    @override
    def run(self) -> None:
        """Sleeps for good while the worker has no run."""
        while True:
            self._busy.wait()
            self._look()
            time.sleep(TICK_SECONDS)
            if self._asked_at is None and not self._running():
                self._busy.clear()
                if self._running():
                    self._busy.set()

    def _look(self) -> None:
        asked_at = self._asked_at
        if asked_at is None:
            self._asked_at = time.monotonic()
            self._loop.call_soon_threadsafe(self._on_answer)
            return
        lag_ms = int((time.monotonic() - asked_at) * 1000)
        if lag_ms < LAG_MS:
            return
        if any(self._reported_ms < step <= lag_ms for step in self._steps):
            self._blamed = self._blocking()
            self._pipe.send(LoopLag(lag_ms, self._blamed, self._running()))
            self._reported_ms = lag_ms
        self._pipe.rescue()

    def _on_answer(self) -> None:
        """In the loop's thread: it lives."""
        asked_at, self._asked_at = self._asked_at, None
        lag_ms = 0 if asked_at is None else int((time.monotonic() - asked_at) * 1000)
        if self._reported_ms or lag_ms > self._warn_ms:
            blamed = self._blamed if self._reported_ms else None
            self._pipe.send(LoopLag(lag_ms, blamed, self._running(), over=True))
            self._reported_ms = 0
