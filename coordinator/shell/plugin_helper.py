"""One helper process and the questions put to it, one at a time, each with its deadline, counted from when it is asked.

A process in which an import or an answer takes too long is killed, for nothing else stops foreign code. The owner is
told whose doing it was; then the process is started again, and whoever waited behind is asked afterwards.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Protocol, TypeVar

import msgspec

from coordinator.replica.effects import AskPlugin
from coordinator.shell.logs import Log
from coordinator.shell.plugin_frames import (
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    Hello,
    Importing,
    Known,
    Question,
    Reply,
    frame,
)

PYTHON_START_S = 60.0  # until it begins with the first plugin, on a machine that has much to do
RESTART_S = (0.1, 30.0)
PIPE_END_S = 0.5


_first_words: msgspec.msgpack.Decoder[Importing | Hello] = msgspec.msgpack.Decoder(
    Importing | Hello
)
_replies = msgspec.msgpack.Decoder(Reply)

Frame = TypeVar("Frame")


class HelperEnded(Exception):
    """The process is gone, or says what it should not."""


class Owner(Protocol):
    """Whom a helper tells what it says, and what became of it."""

    def greeted(self, helper: Helper, hello: Hello) -> None: ...

    def answered(self, reply: Reply) -> None: ...

    def took(self, asked: AskPlugin, answer: str, seconds: float) -> None:
        """So long after it was put this question has this kind of answer."""
        ...

    def fell(self, helper: Helper, *, at_import: str = "", asked: str = "") -> None:
        """The process is lost, by the import of this plugin, or by what was asked of this executor."""
        ...


class Helper:
    """`run` is its one loop task. `known` and `is_settled` are its owner's notes."""

    def __init__(
        self, owner: Owner, arguments: Callable[[], list[str]], import_s: float, log: Log
    ) -> None:
        self.known: tuple[Known, ...] = ()
        self.is_settled = False  # it has said what it knows, or never will
        self._owner = owner
        self._arguments = arguments
        self._import_s = import_s
        self._log = log
        self._questions: deque[AskPlugin] = deque()
        self._something = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._delay_s = RESTART_S[0]
        self._rest_s = 0.0

    def put(self, questions: Iterable[AskPlugin]) -> None:
        """To be asked when those before are answered."""
        self._questions.extend(questions)
        self._something.set()

    def take_back(self) -> list[AskPlugin]:
        """All that was not asked yet."""
        taken = list(self._questions)
        self._questions.clear()
        return taken

    def rest(self, seconds: float) -> None:
        """It is of no use now: end the process, and try again after this time."""
        self._rest_s = seconds
        self._kill()

    async def run(self) -> None:
        """Keep a process alive until cancelled."""
        try:
            while True:
                await self._one_life()
                await self._end()
                rest, self._rest_s = self._rest_s, 0.0
                await asyncio.sleep(rest or self._delay_s)
        finally:
            await self._end()

    # -- one process ----------------------------------------------------------------------------

    async def _one_life(self) -> None:
        try:
            process = await self._start()
            self._owner.greeted(self, await self._greeting(process))
            while await self._put_next(process):
                self._delay_s = RESTART_S[0]
        except (HelperEnded, OSError) as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others keep their helpers
            self._failed(repr(error), exc_info=error)

    def _failed(self, reason: str, **more: object) -> None:
        self._log.warning("plugin process ended", reason=reason, **more)
        self._delay_s = min(self._delay_s * 2, RESTART_S[1])

    async def _start(self) -> asyncio.subprocess.Process:
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "coordinator.shell.plugin_process", *self._arguments()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=FRAME_BYTES_MAX,
        )
        return process

    async def _greeting(self, process: asyncio.subprocess.Process) -> Hello:
        """Its first words, after a word on each plugin. Raises HelperEnded."""
        said = await self._first_word(process, "its start", PYTHON_START_S)
        while isinstance(said, Importing):
            source = said.source
            try:
                said = await self._first_word(process, f"import of {source}", self._import_s)
            except HelperEnded:
                self._owner.fell(self, at_import=source)
                raise
        return said

    async def _first_word(
        self, process: asyncio.subprocess.Process, what: str, seconds: float
    ) -> Importing | Hello:
        try:
            async with asyncio.timeout(seconds):
                return await self._read(process, _first_words)
        except TimeoutError:
            raise HelperEnded(f"{what} took more than {seconds:g} s") from None

    async def _put_next(self, process: asyncio.subprocess.Process) -> bool:
        """One question and its answer; False when the process has to be killed."""
        while not self._questions:
            self._something.clear()
            await self._wait_or_end(process)
        asked = self._questions.popleft()
        begun = monotonic()
        try:
            async with asyncio.timeout(asked.timeout_ms / 1_000):
                reply = await self._put(process, asked)
        except TimeoutError:
            self._log.warning("executor too slow", executor=asked.executor, call=asked.kind)
            text = f"no answer within {asked.timeout_ms} ms"
            self._lost(asked, Reply(asked.call, "timeout", None, "assigner_timeout", text), begun)
            return False
        except Exception as error:
            self._lost(asked, Reply(asked.call, "error", None, "assigner_error", str(error)), begun)
            raise
        self._owner.took(asked, reply.kind, monotonic() - begun)
        self._owner.answered(reply)
        return True

    def _lost(self, asked: AskPlugin, reply: Reply, begun: float) -> None:
        self._owner.took(asked, reply.kind, monotonic() - begun)
        self._owner.fell(self, asked=asked.executor)
        self._owner.answered(reply)

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
        except (ConnectionError, RuntimeError) as error:  # the latter: of a pipe closed already
            raise HelperEnded(f"the process of {asked.executor} ended") from error
        return await self._read(process, _replies)

    async def _read(
        self, process: asyncio.subprocess.Process, decoder: msgspec.msgpack.Decoder[Frame]
    ) -> Frame:
        if process.stdout is None:
            raise HelperEnded("it has no stdout")
        try:
            size = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES))
            return decoder.decode(await process.stdout.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise HelperEnded("the process ended while it was asked") from error
        except msgspec.MsgspecError as error:
            raise HelperEnded(f"not understood: {error}") from error

    def _kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and the loop is about to learn it
                process.kill()

    async def _end(self) -> None:
        """No process, and no end of a pipe is left for the loop. Begun anew if it is interrupted."""
        process = self._process
        if process is None:
            return
        self._kill()
        await process.wait()
        if process.stdout is not None:
            with suppress(
                TimeoutError, OSError
            ):  # foreign code may have left somebody who holds the other end
                async with asyncio.timeout(PIPE_END_S):
                    await process.stdout.read()
        self._process = None
