"""What the code of a run has started beside its coroutine: threads of the loop's pool, and programs.

A stop, or a time-out of the code's own, ends the coroutine that waits for such a thing, not the thing. So each is noted
for the run in whose context it was started, and a run has ended when nothing of it is left: a program is killed, for a
thread there is only waiting. Nobody can see threads and pools that code makes for itself, or programs started otherwise.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from typing_extensions import override

from node.burial import kill
from node.process_marks import kill_if, start_time
from node.process_ties import descendants_of
from node.worker_channel import RunChannel
from node.worker_logs import CURRENT, LineSink

CHILD_LOOK_S = 0.005
NO_CODE = (socket.getaddrinfo, socket.getnameinfo)  # the loop's own: they may hang, and do nothing


class Leftovers:
    """Of all runs of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[LineSink, set[Future[Any]]] = {}
        self._children: dict[LineSink, WeakKeyDictionary[asyncio.SubprocessTransport, int]] = {}

    def note_job(self, job: Future[Any]) -> None:
        """Something was handed to a thread. From any thread."""
        sink = CURRENT.get()
        if sink is None:
            return
        with self._lock:
            self._jobs.setdefault(sink, set()).add(job)
        job.add_done_callback(partial(self._job_done, sink))

    def _job_done(self, sink: LineSink, job: Future[Any]) -> None:
        with self._lock:
            jobs = self._jobs[sink]
            jobs.discard(job)
            if not jobs:
                del self._jobs[sink]

    def note_child(self, child: asyncio.SubprocessTransport) -> None:
        """A program was started; the loop keeps the transport as long as it runs."""
        sink, pid = CURRENT.get(), child.get_pid()
        began = None if pid is None else start_time(pid)
        if sink is not None and began is not None:
            self._children.setdefault(sink, WeakKeyDictionary())[child] = began

    async def end(self, channel: RunChannel) -> bool:
        """Come back when nothing is left of what was there. False if there was nothing, which is known at once."""
        noted = self._children.pop(channel, None)
        children = () if noted is None else tuple(noted.items())
        running = [(child, began) for child, began in children if child.get_returncode() is None]
        with self._lock:
            jobs = tuple(self._jobs.get(channel, ()))
        if running:
            channel.note("info", "killed what the code left running", {"count": len(running)})
            for child, began in running:
                await _end_child(child, began)
        if jobs:
            channel.note("warning", "waits for threads of the code", {"count": len(jobs)})
            for job in jobs:
                await _over(job)
        return bool(running or jobs)


async def _end_child(child: asyncio.SubprocessTransport, began: int) -> None:
    """SIGKILL to it and all below it. Its status is left to asyncio, which tells whoever waits for it."""
    pid = child.get_pid()
    if pid is not None:
        below = descendants_of(pid)
        kill_if(pid, lambda each: start_time(each) == began)
        for each in below:
            kill(each)
    while child.get_returncode() is None:  # noqa: ASYNC110  (only the transport knows, and it has no event for us)
        await asyncio.sleep(CHILD_LOOK_S)
    child.close()


async def _over(job: Future[Any]) -> None:
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    job.add_done_callback(lambda _: loop.call_soon_threadsafe(_set, over))
    await over


def _set(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


class RunThreads(ThreadPoolExecutor):
    """The pool of `asyncio.to_thread`."""

    def __init__(self, leftovers: Leftovers) -> None:
        super().__init__(thread_name_prefix="asyncio")
        self._leftovers = leftovers

    @override
    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        job = super().submit(work, *arguments, **named)
        if work not in NO_CODE:
            self._leftovers.note_job(job)
        return job


class RunLoop(asyncio.SelectorEventLoop):
    """A loop that notes what runs start by it."""

    def __init__(self, leftovers: Leftovers) -> None:
        super().__init__()
        self._leftovers = leftovers
        self.set_default_executor(RunThreads(leftovers))

    @override
    async def subprocess_exec(self, *what: Any, **how: Any) -> Any:
        return self._noted(await super().subprocess_exec(*what, **how))

    @override
    async def subprocess_shell(self, *what: Any, **how: Any) -> Any:
        return self._noted(await super().subprocess_shell(*what, **how))

    def _noted(self, started: tuple[asyncio.SubprocessTransport, Any]) -> Any:
        self._leftovers.note_child(started[0])
        return started
