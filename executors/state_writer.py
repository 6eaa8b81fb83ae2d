"""The durable side of a handle: state writes and throttled checkpoints of one run, and the moment they stop."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from pydantic import BaseModel

from executors.errors import Fenced, RunEnded
from executors.models import Shape
from executors.run_port import RunPort

S = TypeVar("S", bound=BaseModel)


class StateWriter(Generic[S]):
    """Writes in the order given. A checkpoint waits for its interval and gives way to any later write.

    Belongs to the event loop's thread.
    """

    def __init__(self, shape: Shape[S], port: RunPort) -> None:
        """`shape`: the model of the state; `port`: where the writes go."""
        self._shape = shape
        self._port = port
        self._pending: bytes | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = float("-inf")
        self._closed: Exception | None = None
        self.has_written = False

    def refuse_if_closed(self, verb: str) -> None:
        """Raises Fenced or RunEnded, naming the call, once the run may not write any more."""
        match self._closed:
            case None:
                return
            case Fenced():
                raise Fenced(f"{verb}: {self._closed}")
            case _:
                raise RunEnded(f"{verb} was called after the run had ended ({self._closed})")

    def refuse_from_now(self, why: Exception) -> None:
        """From now on every verb raises; nothing that waits is sent any more. The first reason stays. Any thread."""
        if self._closed is None:
            self._closed = why

    @property
    def is_fenced(self) -> bool:
        """Whether another run has taken over, as far as this one knows."""
        return isinstance(self._closed, Fenced)

    async def write(self, state: S | None) -> int:
        """Durable when it returns. Raises Fenced, RunEnded, TypeError, ValidationError."""
        self.refuse_if_closed("update_state")
        data = None if state is None else self._shape.dump(state)
        self._drop_pending()
        try:
            return await self._send(data)
        except Fenced as error:
            self.refuse_from_now(error)
            raise

    def write_last(self, state: S | None) -> None:
        """The state that ends the run: sent now, nobody waits for it. Raises like write."""
        self.refuse_if_closed("RunResult(state=...)")
        self._drop_pending()
        data = None if state is None else self._shape.dump(state)
        self._send(data).add_done_callback(self._on_unwatched)

    def checkpoint(self, state: S, every_ms: int) -> None:
        """Sent now, or when `every_ms` have passed since the last write. Raises like write."""
        self.refuse_if_closed("checkpoint")
        self._pending = self._shape.dump(state)
        loop = asyncio.get_running_loop()
        wait = self._sent_at + every_ms / 1000 - loop.time()
        self._cancel_timer()
        if wait <= 0:
            self.flush()
        else:
            self._timer = loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Send the checkpoint that waits, if one does."""
        data = self._pending
        self._drop_pending()
        if data is not None and not self.is_fenced:
            self._send(data).add_done_callback(self._on_unwatched)

    def _send(self, data: bytes | None) -> asyncio.Future[int]:
        self._sent_at = asyncio.get_running_loop().time()
        self.has_written = True
        return self._port.send_state(data)

    def _on_unwatched(self, answer: asyncio.Future[int]) -> None:
        if answer.cancelled():
            return
        error = answer.exception()
        if isinstance(error, Fenced):
            self.refuse_from_now(error)
        elif error is not None and not isinstance(error, RunEnded):
            self._port.log("error", "a state write was refused", {"error": str(error)})

    def _drop_pending(self) -> None:
        self._pending = None
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
