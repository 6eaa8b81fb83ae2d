"""What the runs under test share in one event loop: the virtual clock, the standard log, and who waits for what."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from collections.abc import Callable
from contextvars import Context
from typing import ClassVar, Protocol
from weakref import WeakKeyDictionary

from typing_extensions import override

from executors.durations import Span, span_ms
from executors.testing.freezing import SPEAKER, make_loop_task
from executors.testing.virtual_time import ThreadAtWork, VirtualTime


class Tested(Protocol):
    """A run under test, as the bench knows it."""

    def go_on(self) -> None:
        """The test goes on: whatever it held back comes now."""

    def bury(self) -> None:
        """The test is over."""


class Bench:
    """One per event loop; `Bench.enter()` gives it, and each entry is matched by a `leave`."""

    _open: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Bench]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop, *, is_virtual: bool) -> None:
        self.loop = loop
        self._is_virtual = is_virtual
        self.time = VirtualTime(loop)
        self.runs: list[Tested] = []
        self._users = 0
        self._handler = _RunHandler()
        self._level = logging.getLogger().level
        self._factory = loop.get_task_factory()

    @classmethod
    def enter(cls, *, is_virtual: bool = True) -> Bench:
        """The bench of the running loop. `is_virtual` False: by the machine's clock."""
        loop = asyncio.get_running_loop()
        bench = cls._open.get(loop)
        if bench is None:
            bench = cls._open[loop] = cls(loop, is_virtual=is_virtual)
            bench._install()
        bench._users += 1
        return bench

    def leave(self) -> None:
        """The last one to leave puts everything back as it was."""
        self._users -= 1
        if self._users == 0:
            self._open.pop(self.loop, None)
            for run in self.runs:
                run.bury()
            if self._is_virtual:
                self.time.uninstall()
            self.loop.set_task_factory(self._factory)
            root = logging.getLogger()
            root.removeHandler(self._handler)
            root.setLevel(self._level)

    def _install(self) -> None:
        if self._is_virtual:
            self.time.install()
        self.loop.set_task_factory(make_loop_task)
        root = logging.getLogger()
        root.addHandler(self._handler)
        root.setLevel(min(root.level, logging.INFO) if root.level else logging.INFO)

    async def wait(self, future: asyncio.Future[None], within: Span) -> None:
        """Until somebody sets it. Raises TimeoutError, by the virtual clock."""
        async with asyncio.timeout(span_ms(within) / 1000):
            await future

    def in_thread(
        self, context: Context, at_work: ThreadAtWork, call: Callable[[], object]
    ) -> asyncio.Future[object]:
        """Run a plain def in a thread that does not keep the process alive, should it never end."""
        done: asyncio.Future[object] = self.loop.create_future()

        def tell(value: object) -> None:
            at_work.leave()
            if not done.done():
                done.set_result(value)

        def work() -> None:
            value = context.run(call)
            try:
                self.loop.call_soon_threadsafe(tell, value)
            except RuntimeError:
                return  # the test is over

        threading.Thread(target=work, daemon=True, name="executor under test").start()
        return done


class _RunHandler(logging.Handler):
    """Standard logging calls of a run land in its log (EX-39)."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        life = SPEAKER.get()
        if life is None:
            return
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info is not None and record.exc_info[0] is not None:
            fields["exception"] = "".join(traceback.format_exception(*record.exc_info))
        life.log(_level(record.levelno), record.getMessage(), fields)


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"
