"""The guarded calls of `validate`, `get_assignment` and `describe`, on the coordinator's side of the pipe (PT-44).

Questions are asked one at a time, each with its deadline, counted from when it is really asked. A helper that overruns
is killed, for nothing else stops foreign code, and started again; whoever waited behind it is asked afterwards. All
of this goes on beside serving: no plugin, broken or slow, keeps a coordinator from starting.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from coordinator.model.ids import NodeName
from coordinator.replica.effects import AskPlugin
from coordinator.replica.inputs import Input, PluginAnswered, PluginsKnown
from coordinator.shell.logs import Log
from coordinator.shell.plugin_frames import (
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    Hello,
    Question,
    Reply,
    frame,
)

START_TIMEOUT_S = 120.0  # imports have their own deadline, one after another
RESTART_S = (0.1, 30.0)


class HelperEnded(Exception):
    """The process is gone, or says what it should not."""


class Plugins:
    """Owns the helper process. `run` is its one loop task."""

    def __init__(self, specs: Sequence[str], feed: Callable[[Input], None], log: Log) -> None:
        self._command = [sys.executable, "-m", "coordinator.shell.plugin_process"]
        self._command += ["--parent", str(os.getpid())]
        for spec in specs:
            self._command += ["--executors", spec]
        self._feed = feed
        self._log = log
        self._questions: deque[AskPlugin] = deque()
        self._something = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._reported = False
        self.known: tuple[str, ...] = ()

    def ask(self, effect: AskPlugin) -> None:
        """Answered by PluginAnswered, sooner or later; returns at once."""
        self._questions.append(effect)
        self._something.set()

    async def run(self) -> None:
        """Keep a helper alive until cancelled."""
        delay = RESTART_S[0]
        try:
            while True:
                try:
                    await self._serve()
                    delay = RESTART_S[0]
                except (HelperEnded, OSError) as error:
                    self._log.warning("plugin process ended", reason=str(error))
                    delay = min(delay * 2, RESTART_S[1])
                await self._end()
                await asyncio.sleep(delay)
        finally:
            await self._end()

    # -- one process ----------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Start a helper and put questions to it. Returns when one took too long; else HelperEnded."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=FRAME_BYTES_MAX,
        )
        self._process = process
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                hello = msgspec.msgpack.decode(await self._read(process), type=Hello)
        except TimeoutError:
            raise HelperEnded(f"its imports took more than {START_TIMEOUT_S:.0f} s") from None
        self._greet(hello)
        if hello.fatal:
            await self._refuse_all()
        while await self._put_next(process):
            pass

    def _greet(self, hello: Hello) -> None:
        self.known = tuple(one.name for one in hello.executors)
        if not self._reported:
            self._reported = True
            for source, message in hello.load_errors:
                self._log.error("plugin not loaded", plugin=source, reason=message)
            if hello.fatal:
                self._log.error("plugins not usable", reason=hello.fatal)
        self._feed(
            PluginsKnown(
                tuple(
                    (one.name, one.version, one.own_validate, one.own_assignment)
                    for one in hello.executors
                )
            )
        )

    async def _refuse_all(self) -> None:
        """There is no code to ask, and a new start would find none either."""
        while True:
            while self._questions:
                self._answer(Reply(self._questions.popleft().call, "missing"))
            self._something.clear()
            await self._something.wait()

    async def _put_next(self, process: asyncio.subprocess.Process) -> bool:
        """One question and its answer; False when the helper has to be killed."""
        while not self._questions:
            self._something.clear()
            await self._wait_or_end(process)
        asked = self._questions.popleft()
        try:
            async with asyncio.timeout(asked.timeout_ms / 1_000):
                reply = await self._put(process, asked)
        except TimeoutError:
            self._log.warning("executor too slow", executor=asked.executor, call=asked.kind)
            text = f"no answer within {asked.timeout_ms} ms"
            self._answer(Reply(asked.call, "timeout", None, "assigner_timeout", text))
            return False
        except HelperEnded as error:
            self._answer(Reply(asked.call, "error", None, "assigner_error", str(error)))
            raise
        self._answer(reply)
        return True

    async def _wait_or_end(self, process: asyncio.subprocess.Process) -> None:
        """Until there is a question. Raises HelperEnded if the process goes first."""
        something = asyncio.ensure_future(self._something.wait())
        ended = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait({something, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            something.cancel()
            ended.cancel()
        if process.returncode is not None:
            raise HelperEnded(f"exit status {process.returncode}")

    async def _put(self, process: asyncio.subprocess.Process, asked: AskPlugin) -> Reply:
        if process.stdin is None:
            raise HelperEnded("it has no stdin")
        try:
            process.stdin.write(
                frame(Question(asked.call, asked.kind, asked.executor, asked.payload))
            )
            await process.stdin.drain()
        except ConnectionError as error:
            raise HelperEnded(f"the process of {asked.executor} ended") from error
        try:
            return msgspec.msgpack.decode(await self._read(process), type=Reply)
        except msgspec.MsgspecError as error:
            raise HelperEnded(f"not understood: {error}") from error

    async def _read(self, process: asyncio.subprocess.Process) -> bytes:
        if process.stdout is None:
            raise HelperEnded("it has no stdout")
        try:
            size = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES))
            return await process.stdout.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise HelperEnded("the process ended while it was asked") from error

    def _answer(self, reply: Reply) -> None:
        node = None if reply.node is None else NodeName(reply.node)
        self._feed(PluginAnswered(reply.call, reply.kind, node, reply.code, reply.text))

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
        self._process = None
