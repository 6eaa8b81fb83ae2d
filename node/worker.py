"""The worker process: runs user code for one agent, and nothing else.

Started by exec (`python -m node.worker --fd N --parent PID --loop-warn MS [--executors SPEC]... [--skip SOURCE --because TEXT]...`), one
end of a socket pair inherited. First it makes sure that it dies with its agent; then it loads the executors, telling
before each plugin (`Loading`), says what it has (`Ready`), and takes runs until the pipe closes. Coroutines share the event loop, plain functions have threads, one pool per executor.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Never

from executors.errors import DuplicateExecutorError
from executors.registry import Choice, Registry, load
from node.frames import (
    Call,
    CallDone,
    ChildAnswer,
    Ended,
    LoadError,
    Loading,
    Offer,
    Ping,
    Ready,
    Shutdown,
    Start,
    StateAck,
    StateRefused,
    Stop,
    ToWorker,
)
from node.worker_leftovers import Leftovers, RunLoop
from node.worker_logs import capture_output, make_loop_task
from node.worker_pipe import WorkerPipe
from node.worker_reaper import Reaper
from node.worker_run import Run, Surroundings, stop_run
from node.worker_setup import tie_to_agent
from node.worker_watch import LoopWatch

THREADS_PER_EXECUTOR = 1_000
DRAIN_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Worker:
    """The runs of this process, and what the agent says about them."""

    def __init__(
        self,
        registry: Registry,
        pipe: WorkerPipe,
        loop: asyncio.AbstractEventLoop,
        loop_warn_ms: int,
        leftovers: Leftovers,
    ) -> None:
        self._registry = registry
        self._pipe = pipe
        self._loop = loop
        self._runs: dict[int, Run] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._watch = LoopWatch(loop, pipe, self._blocking, self._running, loop_warn_ms)
        self._around = Surroundings(pipe, loop, self._pool_of, self._forget, leftovers=leftovers)

    def open(self) -> None:
        """Say what is offered and begin to listen."""
        self._watch.start()
        self._pipe.open(self._on_messages, lambda: len(self._runs))
        self._pipe.send(ready(self._registry))

    def _on_messages(self, messages: Sequence[ToWorker]) -> None:
        for message in messages:
            self._on_message(message)

    def _on_message(self, message: ToWorker) -> None:
        match message:
            case Start():
                self._start(message)
            case Stop() | StateAck() | StateRefused() | ChildAnswer() | Call():
                if (run := self._runs.get(message.allocation_id)) is not None:
                    _tell(run, message)
                elif isinstance(message, Call):
                    told = CallDone(message.allocation_id, message.call, reason="not_here")
                    self._pipe.send(told)
            case Ping():
                self._pipe.pong(message)
            case Shutdown():
                _leave(self._pipe, 0)

    def _start(self, start: Start) -> None:
        if start.allocation_id in self._runs:
            return
        definition = self._registry.get(start.executor)
        if definition is None:
            self._pipe.send(
                Ended(start.allocation_id, "aborted", "no_executor", reported="aborted")
            )
            return
        if start.own_process:
            os.environ["PTASKS_FENCING_TOKEN"] = str(start.allocation_id)
        run = self._runs[start.allocation_id] = Run(start, definition, self._around)
        run.begin()
        self._watch.wake()

    def _forget(self, allocation_id: int) -> None:
        del self._runs[allocation_id]

    def _pool_of(self, executor: str) -> ThreadPoolExecutor:
        pool = self._pools.get(executor)
        if pool is None:
            pool = self._pools[executor] = ThreadPoolExecutor(THREADS_PER_EXECUTOR, executor)
        return pool

    def _blocking(self) -> int | None:
        """Whose code the loop is in. From the watch's thread."""
        current = asyncio.current_task(self._loop)
        runs = list(self._runs.items())
        return next((number for number, run in runs if run.loop_task is current), None)

    def _running(self) -> tuple[str, ...]:
        """The executors that have runs here. From the watch's thread."""
        return tuple(sorted({run.start.executor for run in list(self._runs.values())}))


def ready(registry: Registry) -> Ready:
    """The first frame of a worker that has loaded its executors."""
    return Ready(
        os.getpid(),
        tuple(Offer(one.name, one.version, one.digest, one.body) for one in registry.manifests()),
        tuple(LoadError(one.source, one.message, one.hung) for one in registry.load_errors),
    )


def main(arguments: Sequence[str]) -> Never:
    """Runs until the agent ends it: exit code 0. 2: the executors cannot be offered together (Ready says why)."""
    (fd, parent_pid, loop_warn_ms), specs, choice = _parsed(arguments)
    tie_to_agent(parent_pid)
    os.set_inheritable(fd, False)
    leftovers = Leftovers()
    loop = RunLoop(leftovers)
    asyncio.set_event_loop(loop)
    Reaper().open(loop)
    pipe = WorkerPipe(socket.socket(fileno=fd), loop)
    capture_output()
    try:
        registry = load(specs, choice=choice, on_import=lambda source: _loading(pipe, source))
    except DuplicateExecutorError as error:
        pipe.send(Ready(os.getpid(), fatal=str(error)))
        _leave(pipe, 2)
    loop.set_task_factory(make_loop_task)
    Worker(registry, pipe, loop, loop_warn_ms, leftovers).open()
    gc.collect()
    gc.freeze()
    _serve(loop)
    _leave(pipe, 1)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Until code of some run ends the loop, by SystemExit in a task of its own for instance: asyncio lets that through.

    Then this process has to end: it looks alive, but no run in it would go on.
    """
    try:
        loop.run_forever()
        _log.critical("code of a run stopped the event loop; the runs here are lost")
    except BaseException:  # noqa: BLE001  (whatever it is, it is told here, and the process ends)
        _log.critical("code of a run ended the event loop; the runs here are lost", exc_info=True)


def _loading(pipe: WorkerPipe, source: str) -> None:
    pipe.send_at_once(Loading(source))


def _leave(pipe: WorkerPipe, code: int) -> Never:
    """Exit with everything written, and without waiting for threads: user code may hang in one."""
    pipe.drain(DRAIN_SECONDS)
    os._exit(code)


def _parsed(arguments: Sequence[str]) -> tuple[tuple[int, int, int], list[str], Choice]:
    """The socket's number, the agent's pid, the ms of --loop-warn; the values of --executors; what to leave out of them.

    Only the agent writes this command line.
    """
    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    once = dict(pairs)
    specs, skip, because = (
        [value for name, value in pairs if name == wanted]
        for wanted in ("--executors", "--skip", "--because")
    )
    choice = Choice(skip=dict(zip(skip, because, strict=True)))
    numbers = int(once["--fd"]), int(once["--parent"]), int(once["--loop-warn"])
    return numbers, specs, choice


def _tell(run: Run, message: Stop | StateAck | StateRefused | ChildAnswer | Call) -> None:
    match message:
        case Stop():
            stop_run(run, message)
        case StateAck():
            run.channel.on_ack(message)
        case StateRefused():
            run.on_refused(message)
        case ChildAnswer():
            run.channel.on_child(message)
        case Call():
            run.on_call(message)


if __name__ == "__main__":
    main(sys.argv[1:])
