"""Executors that the tests of the worker run in a real worker process."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

from pydantic import BaseModel
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Fenced,
    PermanentError,
    PersistentTasksExecutor,
    RetryableError,
    RunEnded,
    RunResult,
    StopReason,
    TaskPolicy,
    executor,
)


class Mode(BaseModel):
    mode: str = ""


class Count(BaseModel):
    n: int = 0


FAILURES: dict[str, Callable[[], BaseException]] = {
    "raise": lambda: RuntimeError("broken"),
    "permanent": lambda: PermanentError("never"),
    "retry": lambda: RetryableError("later", retry_in="90s", overload=True),
    "exit": lambda: SystemExit(3),
}


@executor("t.ends")
async def ends(task: AllocatedPersistentTask[Count], params: Mode, state: Count | None) -> object:
    """Ends in the way it is asked to."""
    if params.mode in FAILURES:
        raise FAILURES[params.mode]()
    match params.mode:
        case "warning":
            task.log.warning("careful")
        case "error":
            task.log.error("bad")
        case "levels":
            task.log.info("begins")
            task.log.warning("careful")
            task.log.error("bad")
            task.log.info("ends")
        case "abort":
            await task.checkpoint(Count(n=1), every="1h")
            await task.checkpoint(Count(n=2), every="1h")
            await task.abort_locally("not here")
        case "unawaited":
            task.update_state(Count(n=1))  # type: ignore[unused-coroutine]
        case _:
            pass
    return None


@executor("t.returns")
async def returns(task: AllocatedPersistentTask[Count], params: Mode) -> object:
    """Returns what it is asked to."""
    match params.mode:
        case "big":
            return "x" * 70_000
        case "object":
            return object()
        case "state":
            return RunResult({"ok": True}, state=Count(n=7))
        case "env":
            return [os.environ.get("PTASKS_FENCING_TOKEN"), os.environ.get("PTASKS_NODE_MARK")]
        case _:
            tries = [task.attempt, task.max_attempts]
            return [task.id, task.fencing_token, tries, dict(task.headers), str(task.due_at)]


@executor("t.talks")
async def talks(task: AllocatedPersistentTask[Count], params: Mode) -> None:
    """Writes lines in every way there is."""
    print("by print")
    sys.stderr.write("by stderr\nunfinished")
    logging.getLogger("shop").info("by %s", "logging")
    await asyncio.to_thread(print, "from a thread")
    task.log.info("by log", password="hunter2", nested={"api_key": "k", "city": "Ulm"})


class Careful(PersistentTasksExecutor[Mode, Count]):
    """Waits until it is stopped, and says what it saw of it."""

    name = "t.careful"
    policy = TaskPolicy(cancel_grace="5s")
    calls = 0

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[Count], params: Mode, state: Count | None
    ) -> object:
        task.log.info("waiting")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await task.update_state(Count(n=9))
            if params.mode == "succeed":
                return str(task.stop_reason)
            if params.mode == "raise":
                raise RuntimeError("while stopping") from None
            if params.mode == "ignore":
                await asyncio.sleep(3600)
            raise
        return None

    @override
    async def on_stop(self, task: AllocatedPersistentTask[Count], reason: StopReason) -> None:
        self.calls += 1
        task.log.info("on_stop", reason=str(reason), calls=self.calls)


class Threaded(PersistentTasksExecutor[Mode, Count]):
    """A plain def."""

    name = "t.threaded"

    @override
    def node_operation(
        self, task: AllocatedPersistentTask[Count], params: Mode, state: Count | None
    ) -> object:
        me = task.blocking
        me.log.info("entered")
        if params.mode == "hang":
            while True:
                time.sleep(0.01)
        if params.mode == "wait":
            me.cancelled.wait()
            revision = me.update_state(Count(n=5))
            me.log.info("flag seen", revision=revision)
            me.raise_if_cancelled()
        if params.mode == "abort":
            me.abort_locally("not in this thread")
        if params.mode == "wrong":
            task.update_state(Count(n=1))  # type: ignore[unused-coroutine]
        me.checkpoint(Count(n=1))
        me.progress(1, 2, "half")
        print("printed in a thread")
        return me.update_state(Count(n=2))


class Fences(PersistentTasksExecutor[Mode, Count]):
    """Writes until it is refused."""

    name = "t.fences"

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[Count], params: Mode, state: Count | None
    ) -> object:
        told = []
        for _ in range(2):
            try:
                await task.update_state(Count(n=1))
            except (Fenced, RunEnded) as error:
                told.append(type(error).__name__)
        task.log.info("told", errors=told)
        if params.mode == "raise":
            await task.update_state(Count(n=2))
        return told


@executor("t.blocks")
async def blocks(task: AllocatedPersistentTask[Count], params: Mode) -> None:
    """Blocks the event loop of its worker."""
    print("blocking")
    time.sleep(1.5)  # noqa: ASYNC251


@executor("t.holds_gil", policy=TaskPolicy(isolation="process"))
async def holds_gil(task: AllocatedPersistentTask[Count], params: Mode) -> object:
    """One call into C, the very first thing it does, that never lets go of the interpreter."""
    return bool(re.fullmatch(r"(a+)+b", "a" * 64))


@executor("t.thread_holds_gil")
def thread_holds_gil(task: AllocatedPersistentTask[Count], params: Mode) -> object:
    """The same in a thread."""
    return bool(re.fullmatch(r"(a+)+b", "a" * 64))


@executor("t.leaves")
async def leaves(task: AllocatedPersistentTask[Count], params: Mode) -> None:
    """Leaves something running behind."""

    async def ticks() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            task.log.info("left over was ended")

    task.keep = asyncio.create_task(ticks())  # type: ignore[attr-defined]
    await asyncio.sleep(0)


@executor("t.checkpoints")
async def checkpoints(
    task: AllocatedPersistentTask[Count], params: Mode, state: Count | None
) -> object:
    """Many checkpoints, few writes; the last one is never lost."""
    for n in range(1, 101):
        await task.checkpoint(Count(n=n), every="1h")
        task.progress(n, 100)
    if params.mode == "wait":
        task.log.info("waiting")
        await task.sleep("1h")
    return None


@executor("t.children", policy=TaskPolicy(isolation="process"))
def children(task: AllocatedPersistentTask[Count], params: Mode) -> None:
    """Starts a process of its own and waits for it."""
    with subprocess.Popen(["sleep", "3600"]) as child:
        task.blocking.log.info("child", pid=child.pid)
        child.wait()


class OldState(BaseModel):
    count: int


class Upgraded(PersistentTasksExecutor[Mode, Count]):
    """Version 3 of something."""

    name = "t.upgraded"
    version = 3
    old_states: ClassVar[Mapping[int, type[BaseModel]]] = {2: OldState}

    @override
    def upgrade_params(self, old: dict[str, object], version: int) -> dict[str, object]:
        if version == 1:
            raise ValueError("nobody remembers version 1")
        return {"mode": f"{old['mode']} from {version}"}

    @override
    def upgrade_state(self, old: dict[str, object], version: int) -> dict[str, object]:
        return {"count": old["c"]} if version == 1 else {"n": old["count"], "gone": True}

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[Count], params: Mode, state: Count | None
    ) -> object:
        if params.mode.startswith("write"):
            await task.update_state(Count(n=state.n + 1 if state else 0))
        return [params.mode, state.n if state else None, task.raw_state]


class Gap(PersistentTasksExecutor[Mode, Count]):
    """Version 3 of something whose author forgot a step."""

    name = "t.gap"
    version = 3

    @override
    def upgrade_state(self, old: dict[str, object], version: int) -> dict[str, object]:
        return old if version == 1 else super().upgrade_state(old, version)

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[Count], params: Mode, state: Count | None
    ) -> object:
        return None


@executor("t.raw", policy=TaskPolicy(invalid_state="raw"))
async def raw(task: AllocatedPersistentTask[Count], params: Mode, state: Count | None) -> object:
    """Takes whatever state there is."""
    return [state is None, task.raw_state]


class SlowStop(PersistentTasksExecutor[Mode, Count]):
    """Cleans up for longer than it may."""

    name = "t.slow_stop"

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[Count], params: Mode, state: Count | None
    ) -> object:
        task.log.info("waiting")
        await task.sleep("1h")
        return None

    @override
    async def on_stop(self, task: AllocatedPersistentTask[Count], reason: StopReason) -> None:
        await asyncio.sleep(3600)


@executor("t.forks")
def forks(task: AllocatedPersistentTask[Count], params: Mode) -> None:
    """Forks a child that outlives it."""
    pid = os.fork()
    if pid == 0:
        time.sleep(3600)
        os._exit(0)
    task.blocking.log.info("forked", pid=pid)
    task.blocking.sleep("1h")


@executor("t.stops_the_loop")
async def stops_the_loop(task: AllocatedPersistentTask[Count], params: Mode) -> None:
    """Does what nobody should."""
    asyncio.get_running_loop().stop()
    await task.sleep("1h")


@executor("t.exits_in_a_task")
async def exits_in_a_task(task: AllocatedPersistentTask[Count], params: Mode) -> None:
    """sys.exit in a task of its own, beside a thread that never ends."""

    async def leaves_all() -> None:
        sys.exit(3)

    task.keep = asyncio.create_task(leaves_all())  # type: ignore[attr-defined]
    await asyncio.to_thread(time.sleep, 3600)


@executor("t.leaves_a_thread", policy=TaskPolicy(cancel_grace="5s"))
async def leaves_a_thread(task: AllocatedPersistentTask[Count], params: Mode) -> str:
    """A thread works until the file is there that `mode` names; with a "!" nobody waits for it."""
    place = params.mode.removesuffix("!")

    def works() -> None:
        task.blocking.log.info("thread works")
        while not os.path.exists(place):
            time.sleep(0.01)
        task.blocking.log.info("thread is over")

    at_work = asyncio.get_running_loop().run_in_executor(
        None, contextvars.copy_context().run, works
    )
    if params.mode.endswith("!"):
        return "done"
    await at_work
    return "never"


@executor("t.leaves_a_program", policy=TaskPolicy(cancel_grace="5s"))
async def leaves_a_program(task: AllocatedPersistentTask[Count], params: Mode) -> None:
    """Waits for a program that takes long, and starts another."""
    shell = await asyncio.create_subprocess_shell(
        "sleep 3600 & echo $!; wait", stdout=asyncio.subprocess.PIPE
    )
    assert shell.stdout is not None
    sleeper = int(await shell.stdout.readline())
    if params.mode == "reaped":
        os.kill(sleeper, 9)
    task.log.info("programs", pids=[shell.pid, sleeper])
    await shell.wait()
