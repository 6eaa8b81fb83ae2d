"""Executors that the tests of the node run in real workers."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time

from pydantic import BaseModel

from executors import AllocatedPersistentTask, TaskPolicy, executor


class Place(BaseModel):
    path: str = ""


class Count(BaseModel):
    n: int = 0


def write_pid(path: str) -> None:
    with open(path, "a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


@executor("n.beats")
async def beats(task: AllocatedPersistentTask[Count], params: Place) -> object:
    """Appends to a file for as long as it lives."""
    while not task.cancelled.is_set():
        write_pid(params.path)
        await asyncio.sleep(0.01)
    task.raise_if_cancelled()
    return None


@executor("n.holds_gil")
async def holds_gil(task: AllocatedPersistentTask[Count], params: Place) -> object:
    """One call into C that never lets go of the GIL."""
    write_pid(params.path)
    return bool(re.fullmatch(r"(a+)+b", "a" * 64))


@executor("n.stubborn", policy=TaskPolicy(cancel_grace="200ms"))
async def stubborn(task: AllocatedPersistentTask[Count], params: Place) -> object:
    """Takes no notice of anything."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass


@executor("n.detached")
async def detached(task: AllocatedPersistentTask[Count], params: Place) -> object:
    """Leaves a grandchild in a session of its own, with an empty environment, and waits."""
    code = "import os,sys,time; open(sys.argv[1],'w').write(str(os.getpid())); time.sleep(3600)"
    subprocess.Popen(  # noqa: ASYNC220 - the test is about what a careless author does
        [sys.executable, "-S", "-E", "-c", code, params.path], start_new_session=True, env={}
    )
    await task.sleep(3600)
    return None


@executor("n.daemon")
async def daemon(task: AllocatedPersistentTask[Count], params: Place) -> object:
    """Starts a daemon in the old way, by a process in between that exits at once, and waits."""
    sleeper = "import os,sys,time; open(sys.argv[1],'w').write(str(os.getpid())); time.sleep(3600)"
    code = "import subprocess,sys; subprocess.Popen([sys.executable,'-S','-E','-c',*sys.argv[1:]])"
    command = [sys.executable, "-S", "-E", "-c", code, sleeper, params.path]
    await asyncio.to_thread(subprocess.run, command, start_new_session=True, check=True)
    await task.sleep(3600)
    return None


@executor("n.talks")
async def talks(task: AllocatedPersistentTask[Count], params: Place) -> object:
    """Two lines and some progress; then it ends, or stays."""
    task.log.info("one", n=1)
    task.progress(1, 2)
    task.log.info("two", n=2)
    task.progress(2, 2)
    await task.sleep(3600 if params.path == "stay" else 0.5)
    return None


@executor("n.writes")
async def writes(
    task: AllocatedPersistentTask[Count], params: Place, state: Count | None
) -> object:
    """Counts on from its state, three durable steps."""
    start = state.n if state else 0
    for n in range(start + 1, start + 4):
        await task.update_state(Count(n=n))
    return start + 3


@executor("n.waits_for_a_thread")
async def waits_for_a_thread(task: AllocatedPersistentTask[Count], params: Place) -> object:
    """What it waits for goes on when the wait is cancelled, and writes."""

    def works() -> None:
        while True:
            write_pid(params.path)
            time.sleep(0.01)

    await asyncio.to_thread(works)
    return None
