"""What the handle of a run and whoever drives the run share: its flags, its writer, and its unawaited calls.

The author sees `AllocatedPersistentTask`; the driver (a worker, a test) holds this.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from executors.errors import RunEnded
from executors.models import Shape
from executors.run_port import RunFacts, RunPort
from executors.state_writer import StateWriter
from executors.texts import REASON_BYTES_MAX, cut
from executors.views import StopReason

S = TypeVar("S", bound=BaseModel)
T = TypeVar("T")


class LocalAbort(BaseException):
    """How abort_locally leaves the author's code. Not an Exception: `except Exception` must not stop it."""


class RunControl(Generic[S]):
    """One run, seen from its driver. Made in the event loop's thread and used there, flags apart."""

    def __init__(self, facts: RunFacts, shape: Shape[S], port: RunPort) -> None:
        """`shape`: the model of the executor's state; `port`: the way to the outside."""
        self.facts = facts
        self.port = port
        self.loop = asyncio.get_running_loop()
        self.writer: StateWriter[S] = StateWriter(shape, port)
        self.cancelled = asyncio.Event()
        self.thread_cancelled = threading.Event()
        self.stop_reason: StopReason | None = None
        self.abort_reason: str | None = None
        self.stored_json: bytes | None = None
        self._unawaited: dict[int, tuple[str, tuple[Coroutine[Any, Any, Any], ...]]] = {}

    def request_stop(self, reason: StopReason) -> None:
        """Raise the flags and send the checkpoint that waits. A later call only changes the reason."""
        self.stop_reason = reason
        self.cancelled.set()
        self.thread_cancelled.set()
        self.writer.flush()

    def wait_in_thread(self, seconds: float) -> None:
        """Wait for the flag, or so long. In the thread of a plain def; a driver with a clock of its own overrides it."""
        self.thread_cancelled.wait(seconds)

    def abort(self, reason: str) -> LocalAbort:
        """Mark the run as given back by its own code; the caller raises what is returned. From any thread.

        An exception is as good a reason as a text: its text counts, up to 1 KiB.
        """
        self.writer.refuse_if_closed("abort_locally")
        reason = self.abort_reason = cut(str(reason), REASON_BYTES_MAX)
        self.writer.refuse_from_now(RunEnded("aborted by its own code"))
        return LocalAbort(reason)

    def tracked(self, verb: str, call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """`call`, remembered until somebody awaits it."""
        key = id(call)
        wrapped = self._begin(key, call)
        self._unawaited[key] = (verb, (wrapped, call))
        return wrapped

    def take_unawaited(self) -> tuple[str, ...]:
        """The calls that nobody awaited; they are closed, and lost."""
        verbs = []
        for verb, coroutines in self._unawaited.values():
            verbs.append(verb)
            for coroutine in coroutines:
                coroutine.close()
        self._unawaited.clear()
        return tuple(verbs)

    async def _begin(self, key: int, call: Coroutine[Any, Any, T]) -> T:
        self._unawaited.pop(key, None)
        return await call
