"""Calls that reach a run of this worker: each is answered once, at the latest when the run has ended (PT-85)."""

from __future__ import annotations

import asyncio
import contextvars
import json
from typing import Any

from executors.calls import AnswerTooLarge, Call, answer_call
from executors.definition import Definition
from executors.errors import ValidationError
from executors.texts import cut
from node import frames
from node.worker_outcome import error_of
from node.worker_pipe import Outward

DETAIL_BYTES_MAX = 2_000


class RunCalls:
    """Of one run. `instance` and `handle` are those of its code, None until that is entered."""

    def __init__(self, allocation_id: int, definition: Definition, pipe: Outward) -> None:
        self.instance: Any = None
        self.handle: Any = None
        self._allocation_id = allocation_id
        self._definition = definition
        self._pipe = pipe
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Task[None]] = set()
        self._has_ended = False

    def asked(self, frame: frames.Call, context: contextvars.Context) -> None:
        """Beside the code, in the worker's loop."""
        if self._has_ended:
            self._answer(frame, "not_here", "the run has ended")
        elif self.handle is None:
            self._answer(frame, "not_assigned", "its code has not begun")
        elif "on_call" not in self._definition.own_hooks:
            self._answer(frame, "not_supported", f"{self._definition.name} takes no calls")
        else:
            task = self._loop.create_task(self._work(frame), context=context)
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def close(self) -> None:
        """The run has ended: what it has not answered by now it never will."""
        self._has_ended = True
        for task in self._under_way:
            task.cancel()

    async def _work(self, frame: frames.Call) -> None:
        try:
            call = Call(frame.method, json.loads(frame.payload), frame.headers)
            async with asyncio.timeout(frame.timeout_ms / 1000):
                data = await answer_call(self.instance, self.handle, call)
        except asyncio.CancelledError:
            self._answer(frame, "not_here", "the run has ended")
        except TimeoutError:
            self._answer(frame, "timed_out", "on_call took longer than the caller waits")
        except AnswerTooLarge as error:
            self._answer(frame, "too_large", str(error))
        except ValidationError as error:
            self._answer(frame, "validation_failed", str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001  (foreign code; the run itself goes on)
            problem = error_of(error)
            self._answer(frame, "call_failed", f"{problem.type}: {problem.message}")
        else:
            self._pipe.send(frames.CallDone(self._allocation_id, frame.call, data))

    def _answer(self, frame: frames.Call, reason: str, detail: str) -> None:
        told = cut(detail, DETAIL_BYTES_MAX)
        self._pipe.send(frames.CallDone(self._allocation_id, frame.call, b"", reason, told))
