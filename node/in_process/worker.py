"""A worker process of a node, without the process: the product's `Run` around user code, and sudden death."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any, Protocol

from executors.definition import Definition
from executors.registry import Registry
from executors.testing.bench import Bench
from executors.testing.freezing import OWNER, SPEAKER, Life, make_loop_task
from node.frames import (
    Call,
    ChildAnswer,
    Ended,
    Ping,
    Shutdown,
    Start,
    StateAck,
    StateRefused,
    Stop,
    ToAgent,
    ToWorker,
)
from node.in_process.naps import CountedThread, Thread, control_of
from node.inputs import Input, WorkerDied, WorkerReady
from node.worker_logs import CURRENT
from node.worker_run import Run, Surroundings, stop_run

READY_S, BURIED_S = 0.05, 0.005


class Owner(Protocol):
    """The agent, as its workers see it. `outside`: the context of the cluster, not of a run."""

    bench: Bench
    registry: Registry
    executors: frozenset[str]
    outside: contextvars.Context

    def feed(self, given: Input, /) -> None: ...

    def heard(self, worker: int, messages: Sequence[ToAgent], /) -> None: ...


class Worker:
    """From its start to its end. What it says reaches the agent with the next turn of the loop, in order.

    What follows from it happens outside the run that said it: else a run would own what its words bring about elsewhere.
    """

    def __init__(self, agent: Owner, number: int) -> None:
        self.agent, self.number = agent, number
        self.is_alive = True
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._runs: dict[int, LiveRun] = {}
        self._early: list[ToWorker] = []
        self._outside = agent.outside
        self._is_ready = False
        self._said: list[ToAgent] = []
        self._timer = self._loop.call_later(READY_S, self._ready)

    def tell(self, message: ToWorker) -> None:
        """A frame of the agent."""
        self._loop.call_soon(self._told, message)

    def kill(self, detail: str = "signal 9") -> None:
        """Not one instruction of it is executed from here on; its agent, if it lives, hears of it."""
        if self.is_alive:
            self._end()
            died = WorkerDied(self.number, detail)
            self._loop.call_later(BURIED_S, self.agent.feed, died)

    def bury(self) -> None:
        """At the end of the test, when the loop may be closed: let go of code that stood still."""
        self._end()
        for run in self._runs.values():
            run.bury()

    def _end(self) -> None:
        self.is_alive = False
        self._timer.cancel()
        for run in self._runs.values():
            run.kill()

    # -- the pipe to the agent, from any thread ------------------------------------------------------

    def send(self, message: ToAgent, /) -> None:
        if threading.get_ident() == self._thread:
            self._put(message)
        else:
            self._loop.call_soon_threadsafe(self._put, message, context=self._outside)

    send_at_once = send_droppable = send

    def _put(self, message: ToAgent) -> None:
        if not self._said:
            self._loop.call_soon(self._flush, context=self._outside)
        self._said.append(message)

    def _flush(self) -> None:
        said, self._said = self._said, []
        if self.is_alive:
            self.agent.heard(self.number, said)

    # -- inside ----------------------------------------------------------------------------------------

    def _ready(self) -> None:
        self._is_ready = True
        self.agent.feed(WorkerReady(self.number, self.agent.executors))
        early, self._early = self._early, []
        for message in early:
            self._told(message)

    def _told(self, message: ToWorker) -> None:
        if not self._is_ready:
            self._early.append(message)
            return
        if not self.is_alive:
            return
        match message:
            case Start():
                self._start(message)
            case Shutdown():
                self.kill("exit status 0")
            case Stop() | StateAck() | StateRefused() | ChildAnswer() | Call():
                if (run := self._runs.get(message.allocation_id)) is not None:
                    run.told(message)
            case Ping():
                pass

    def _start(self, start: Start) -> None:
        definition = self.agent.registry.get(start.executor)
        if definition is None:
            ended = Ended(start.allocation_id, "aborted", "no_executor", reported="aborted")
            self.send(ended)
            return
        live = self._runs[start.allocation_id] = LiveRun(self, start, definition)
        live.begin()


class LiveRun:
    """A run with its life: everything it starts in the loop lives and dies with it.

    A thread dies by waiting for ever, for its answer or in its sleep; what the handle does for it in the loop is ours.
    """

    def __init__(self, worker: Worker, start: Start, definition: Definition) -> None:
        bench, loop = worker.agent.bench, worker.agent.bench.loop
        life = self._life = Life(lambda *line: self._run.channel.log(*line))
        thread = self._thread = CountedThread(bench.time)
        pool: Callable[[str], Thread] = lambda _: Thread(life, thread)  # noqa: E731 - of this run alone
        control = control_of(bench, life, thread)
        around = Surroundings(worker, loop, pool, lambda _: None, control)
        self._run = Run(start, definition, around)
        self._context = contextvars.copy_context()
        self._context.run(OWNER.set, None if definition.runs_in_thread else life)
        self._context.run(SPEAKER.set, life)

    def kill(self) -> None:
        """None of its code runs from here on."""
        self._thread.leave()
        self._life.kill()

    def bury(self) -> None:
        """Let go of what stood still."""
        self._life.bury()

    def begin(self) -> None:
        self._context.run(self._run.begin)

    def told(self, message: Stop | StateAck | StateRefused | ChildAnswer | Call) -> None:
        """A stop, the answer to a write, or a call."""
        match message:
            case Stop():
                self._context.run(stop_run, self._run, message)
            case StateAck():
                self._run.channel.on_ack(message)
            case StateRefused():
                self._run.on_refused(message)
            case ChildAnswer():
                self._run.channel.on_child(message)
            case Call():
                self._context.run(self._run.on_call, message)


def make_task(
    loop: asyncio.AbstractEventLoop,
    code: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    /,
    **options: Any,
) -> asyncio.Task[Any]:
    """Task factory: what a run creates in the loop dies with it, and is known to it, so that its end clears it up."""
    task = make_loop_task(loop, code, **options)
    sink = CURRENT.get()
    if sink is not None:
        sink.add_loop_task(task)
    return task
