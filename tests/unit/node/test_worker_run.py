"""What a run's code gives to its handle, down to the frames: a mistake is its author's alone, and every run ends."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from executors import AllocatedPersistentTask, PersistentTasksExecutor
from executors.definition import Definition, define
from node.frame_buffer import FrameError, agent_side, encode_frame
from node.frames import Child, Ended, Log, Progress, Start, ToAgent
from node.worker_run import Run, Surroundings

FILE_NAME = b"caf\xe9".decode(errors="surrogateescape")  # as os.listdir gives it


class Params(BaseModel):
    text: str = ""


Task = AllocatedPersistentTask[BaseModel]
Code = Callable[[Task], Coroutine[Any, Any, object]]


class AgentEnd:
    """A pipe to an agent that reads every frame as a real one does."""

    def __init__(self) -> None:
        self.heard: list[ToAgent] = []
        self.will_not_take: type[ToAgent] | None = None  # once
        self._buffer = agent_side()

    def send(self, message: ToAgent, /) -> None:
        if self.will_not_take is not None and isinstance(message, self.will_not_take):
            self.will_not_take = None
            raise FrameError("Ended of 9000000 bytes, at most 8388608")
        self.heard += self._buffer.feed(encode_frame(message))

    send_at_once = send_droppable = send

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]


def definition_of(code: Code) -> Definition:
    class Given(PersistentTasksExecutor[Params, Params]):
        name = "t.given"

        async def node_operation(self, task: Any, params: Params, state: Params | None) -> Any:
            return await code(task)

    return define(Given, PersistentTasksExecutor, "here")


async def ended(code: Code, pipe: AgentEnd | None = None) -> Ended:
    """Run it to its end, as the agent hears of it."""
    pipe = pipe or AgentEnd()
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    pool = lambda _: ThreadPoolExecutor(1)  # noqa: E731 - not used
    around = Surroundings(pipe, loop, pool, lambda _: over.set())
    Run(Start("t", 7, "t.given", b"{}"), definition_of(code), around).begin()
    async with asyncio.timeout(5):
        await over.wait()
    (end,) = pipe.of(Ended)
    return end


@pytest.mark.parametrize(
    "reason,told",
    [
        (ValueError("disk is gone"), "disk is gone"),
        (FILE_NAME, "caf?"),
        ("x" * 9_000_000, "x" * 1_021 + "..."),
    ],
    ids=["an exception", "no UTF-8", "too long"],
)
async def test_pt_31_whatever_reason_a_run_is_given_back_with_it_ends(
    reason: Any, told: str
) -> None:
    end = await ended(lambda task: task.abort_locally(reason))
    assert (end.outcome, end.reason) == ("aborted", told)


async def test_pt_25_a_run_whose_end_no_frame_can_carry_ends_as_failed_and_says_why() -> None:
    pipe = AgentEnd()
    pipe.will_not_take = Ended

    async def code(task: Task) -> str:
        task.log.info("done")
        return "result"

    end = await ended(code, pipe)
    assert (end.outcome, end.result) == ("failed", None)
    assert end.error is not None
    assert "at most 8388608" in end.error.message
    assert end.log_counts.info == 1


async def test_texts_that_are_no_utf8_end_a_run_as_others_do() -> None:
    async def raising(_: Task) -> None:
        raise RuntimeError(FILE_NAME)

    async def returning(_: Task) -> str:
        return FILE_NAME

    failed = await ended(raising)
    assert failed.outcome == "failed"
    assert failed.error is not None
    assert failed.error.message == "caf?"
    dropped = await ended(returning)
    assert (dropped.outcome, dropped.reason) == ("warning", "result_dropped")


MISTAKES: dict[str, tuple[type[Exception], Callable[[Task], Any]]] = {
    "key": (TypeError, lambda task: task.start_child("a.b", Params(), key=5)),  # type: ignore[arg-type]
    "executor": (TypeError, lambda task: task.start_child(Params, Params(), key="k")),  # type: ignore[arg-type]
    "file name as key": (ValueError, lambda task: task.start_child("a", Params(), key=FILE_NAME)),
    "file name as label": (
        ValueError,
        lambda task: task.start_child("a", Params(), key="k", labels={"file": FILE_NAME}),
    ),
    "file name as object": (
        ValueError,
        lambda task: task.start_child("a", Params(), key="k", object=("file", FILE_NAME)),
    ),
    "large params": (
        Exception,
        lambda task: task.start_child("a", Params(text="x" * 5_000_000), key="k"),
    ),
    "large label": (
        ValueError,
        lambda task: task.start_child("a", Params(), key="k", labels={"a": "x" * 5_000_000}),
    ),
    "poke": (TypeError, lambda task: task.poke(5)),  # type: ignore[arg-type]
    "poke of a file": (ValueError, lambda task: task.poke(FILE_NAME)),
    "done as text": (TypeError, lambda task: task.progress("5")),  # type: ignore[arg-type]
    "total as text": (TypeError, lambda task: task.progress(5, "6")),  # type: ignore[arg-type]
    "message as number": (TypeError, lambda task: task.progress(5, 6, 7)),  # type: ignore[arg-type]
    "not a number": (ValueError, lambda task: task.progress(math.nan)),
    "endless": (ValueError, lambda task: task.progress(1, math.inf)),
    "event": (TypeError, lambda task: task.log.info(b"x")),  # type: ignore[arg-type]
}


async def done(make: Callable[[Task], Any], task: Task) -> None:
    called = make(task)
    if called is not None:
        await asyncio.wait_for(called, 1)


@pytest.mark.parametrize("name", MISTAKES)
async def test_an_argument_that_does_not_fit_is_raised_where_it_is_given(name: str) -> None:
    kind, make = MISTAKES[name]

    async def code(task: Task) -> str:
        with pytest.raises(kind):
            await done(make, task)
        return "goes on"

    pipe = AgentEnd()
    end = await ended(code, pipe)
    assert (end.outcome, end.result) == ("succeeded", b'"goes on"')
    assert not pipe.of(Child)


async def test_tm_70_numbers_of_any_kind_and_file_names_get_through_as_what_json_can_say() -> None:
    async def code(task: Task) -> None:
        task.progress(Decimal("1.5"), 10**20, FILE_NAME)  # type: ignore[arg-type]
        task.log.info(FILE_NAME, loss=math.nan, all=[1.5, -math.inf])

    pipe = AgentEnd()
    assert (await ended(code, pipe)).outcome == "succeeded"
    (progress,) = pipe.of(Progress)
    assert (progress.done, progress.total, progress.message) == (1.5, 1e20, "caf?")
    (line,) = pipe.of(Log)
    assert line.event == "caf?"
    assert json.loads(line.fields) == {"loss": "nan", "all": [1.5, "-inf"]}
