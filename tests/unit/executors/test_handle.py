"""The handle of a run, on a fake port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from executors import (
    AllocatedPersistentTask,
    Fenced,
    RetryableError,
    RunEnded,
    RunResult,
    StopReason,
    ValidationError,
)
from executors.models import Shape
from executors.run_control import LocalAbort, RunControl
from executors.run_port import RunFacts
from executors.views import TaskRef


class Count(BaseModel):
    n: int = 0


class FakePort:
    """Keeps what it gets; answers a state write with its number, unless told to refuse."""

    def __init__(self) -> None:
        self.states: list[bytes | None] = []
        self.children: list[tuple[str, str, object, object]] = []
        self.pokes: list[str] = []
        self.lines: list[tuple[str, str]] = []
        self.progress: list[tuple[float, float | None, str]] = []
        self.refusal: Exception | None = None
        self.two_states = asyncio.Event()

    def send_state(self, data: bytes | None) -> asyncio.Future[int]:
        self.states.append(data)
        if len(self.states) == 2:
            self.two_states.set()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self.refusal is not None:
            answer.set_exception(self.refusal)
        else:
            answer.set_result(len(self.states))
        return answer

    def send_child(
        self, key: str, executor: str, params: bytes, spec: bytes
    ) -> asyncio.Future[TaskRef]:
        answer: asyncio.Future[TaskRef] = asyncio.get_running_loop().create_future()
        if self.refusal is not None:
            answer.set_exception(self.refusal)
        else:
            self.children.append((key, executor, json.loads(params), json.loads(spec)))
            answer.set_result(TaskRef(f"t1/{key}"))
        return answer

    def send_poke(self, executor: str) -> asyncio.Future[TaskRef]:
        answer: asyncio.Future[TaskRef] = asyncio.get_running_loop().create_future()
        if self.refusal is not None:
            answer.set_exception(self.refusal)
        else:
            self.pokes.append(executor)
            answer.set_result(TaskRef(""))
        return answer

    def send_progress(self, done: float, total: float | None, message: str) -> None:
        self.progress.append((done, total, message))

    def log(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        self.lines.append((level, event))


class Bench:
    def __init__(self) -> None:
        self.port = FakePort()
        facts = RunFacts("t1", 7, attempt=2, headers={"h": "1"}, max_attempts=3)
        self.control = RunControl(facts, Shape(Count), self.port)
        self.task: AllocatedPersistentTask[Count] = AllocatedPersistentTask(self.control)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_facts(bench: Bench) -> None:
    task = bench.task
    assert (task.id, task.allocation_id, task.fencing_token, task.attempt) == ("t1", 7, 7, 2)
    assert task.max_attempts == 3
    assert (task.due_at, task.parent_id, task.raw_state, task.stop_reason) == (None,) * 4
    assert task.headers == {"h": "1"}


async def test_update_state_returns_the_revision(bench: Bench) -> None:
    assert bench.task.state_is_current is False
    assert await bench.task.update_state(Count(n=1)) == 1
    assert await bench.task.update_state(None) == 2
    assert bench.port.states == [b'{"n":1}', None]
    assert bench.task.state_is_current is True


async def test_a_bad_state_is_refused_before_it_is_sent(bench: Bench) -> None:
    with pytest.raises(TypeError, match="expected Count, got dict"):
        await bench.task.update_state({"n": 1})  # type: ignore[arg-type]
    assert bench.port.states == []


async def test_a_refusal_of_one_write_leaves_the_run_going(bench: Bench) -> None:
    bench.port.refusal = ValidationError("state", "too_large")
    with pytest.raises(ValidationError, match="too_large"):
        await bench.task.update_state(Count())
    bench.port.refusal = None
    assert await bench.task.update_state(Count()) == 2


async def test_after_a_fence_every_verb_raises_fenced(bench: Bench) -> None:
    bench.port.refusal = Fenced("current allocation is 9")
    with pytest.raises(Fenced):
        await bench.task.update_state(Count())
    for call in (bench.task.update_state(Count()), bench.task.checkpoint(Count())):
        with pytest.raises(Fenced, match=r"(update_state|checkpoint): current allocation is 9"):
            await call
    with pytest.raises(Fenced, match="abort_locally"):
        await bench.task.abort_locally("x")
    with pytest.raises(Fenced, match="progress"):
        bench.task.progress(1)
    assert len(bench.port.states) == 1


async def test_pt_a41_after_abort_every_verb_raises_run_ended(bench: Bench) -> None:
    with pytest.raises(LocalAbort):
        await bench.task.abort_locally("elsewhere")
    with pytest.raises(RunEnded, match="update_state was called after the run had ended"):
        await bench.task.update_state(Count())
    with pytest.raises(RunEnded, match="start_child was called after the run had ended"):
        await bench.task.start_child("demo.noop", Count(), key="one")
    with pytest.raises(RunEnded, match="abort_locally was called"):
        await bench.task.abort_locally("again")
    assert bench.port.states == []
    assert bench.control.abort_reason == "elsewhere"


async def test_an_abort_is_not_stopped_by_except_exception(bench: Bench) -> None:
    async def careless() -> None:
        try:
            await bench.task.abort_locally("x")
        except Exception:  # noqa: BLE001  (what careless authors write)
            pytest.fail("caught")

    with pytest.raises(LocalAbort):
        await careless()


async def test_checkpoints_wait_for_their_interval_and_yield_to_a_write(bench: Bench) -> None:
    for n in range(3):
        await bench.task.checkpoint(Count(n=n), every="1h")
    assert bench.port.states == [b'{"n":0}']
    await bench.task.update_state(Count(n=9))
    bench.control.writer.flush()
    assert bench.port.states == [b'{"n":0}', b'{"n":9}']


async def test_a_checkpoint_goes_out_when_its_time_has_come(bench: Bench) -> None:
    await bench.task.checkpoint(Count(n=1), every="5ms")
    await bench.task.checkpoint(Count(n=2), every="5ms")
    await bench.port.two_states.wait()
    assert bench.port.states == [b'{"n":1}', b'{"n":2}']


async def test_a_stop_flushes_the_checkpoint_and_raises_the_flags(bench: Bench) -> None:
    task = bench.task
    await task.checkpoint(Count(n=1), every="1h")
    await task.checkpoint(Count(n=2), every="1h")
    task.raise_if_cancelled()
    bench.control.request_stop(StopReason.MOVE)
    assert bench.port.states[-1] == b'{"n":2}'
    assert (task.cancelled.is_set(), task.blocking.cancelled.is_set()) == (True, True)
    assert task.stop_reason is StopReason.MOVE
    with pytest.raises(asyncio.CancelledError):
        task.raise_if_cancelled()
    await task.update_state(Count(n=3))


async def test_a_refused_checkpoint_is_not_silent(bench: Bench) -> None:
    bench.port.refusal = ValidationError("state", "too_large")
    await bench.task.checkpoint(Count(n=1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert bench.port.lines == [("error", "a state write was refused")]


async def test_a_fenced_checkpoint_shows_at_the_next_verb(bench: Bench) -> None:
    bench.port.refusal = Fenced("newer")
    await bench.task.checkpoint(Count(n=1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Fenced):
        await bench.task.update_state(Count())


async def test_sleep_ends_early_when_the_run_is_stopped(bench: Bench) -> None:
    sleeping = asyncio.create_task(bench.task.sleep("1h"))
    await asyncio.sleep(0)
    bench.control.request_stop(StopReason.CANCEL)
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    await Bench().task.sleep(0.001)


async def test_unawaited_calls_are_known_and_lost(bench: Bench) -> None:
    bench.task.update_state(Count())  # type: ignore[unused-coroutine]
    await bench.task.checkpoint(Count())
    bench.task.sleep(1)  # type: ignore[unused-coroutine]
    assert bench.control.take_unawaited() == ("update_state", "sleep")
    assert bench.control.take_unawaited() == ()


async def test_blocking_verbs_from_a_thread(bench: Bench) -> None:
    me = bench.task.blocking

    def work() -> int:
        me.checkpoint(Count(n=1))
        me.progress(1, 2)
        me.sleep("1ms")
        return me.update_state(Count(n=2))

    assert await asyncio.to_thread(work) == 2
    assert bench.port.states == [b'{"n":1}', b'{"n":2}']


async def test_blocking_verbs_in_the_loop_say_what_to_write_instead(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match=r"await task\.update_state"):
        bench.task.blocking.update_state(Count())


async def test_pt_77_a_child_is_asked_for_by_key(bench: Bench) -> None:
    due = datetime(2030, 1, 1, tzinfo=UTC)
    ref = await bench.task.start_child(
        "a.b", Count(n=2), key="k", timeout="1m", priority="low", max_attempts=None,
        labels={"x": "1"}, object=("order", 7), due_at=due,
    )  # fmt: skip
    assert ref == TaskRef("t1/k")
    spec = {
        "timeout_ms": 60_000, "priority": 1, "max_attempts": 0, "labels": {"x": "1"},
        "object_kind": "order", "object_id": "7", "due_at": 1_893_456_000_000,
    }  # fmt: skip
    assert bench.port.children == [("k", "a.b", {"n": 2}, spec)]
    blocking = await asyncio.to_thread(bench.task.blocking.start_child, "a.b", Count(), key="l")
    assert blocking.id == "t1/l"


async def test_a_child_that_makes_no_sense_is_not_asked_for(bench: Bench) -> None:
    with pytest.raises(TypeError, match="there is no colour"):
        await bench.task.start_child("a", Count(), key="k", colour="red")
    with pytest.raises(ValueError, match="key is empty"):
        await bench.task.start_child("a", Count(), key="")
    with pytest.raises(ValueError, match="time zone"):
        await bench.task.start_child("a", Count(), key="k", due_at=datetime(2030, 1, 1))  # noqa: DTZ001  (that is the mistake)
    assert bench.port.children == []


async def test_pt_a41_no_child_after_the_run_was_superseded(bench: Bench) -> None:
    bench.port.refusal = Fenced("current allocation is 8")
    with pytest.raises(Fenced):
        await bench.task.start_child("a", Count(), key="k")
    bench.port.refusal = None
    with pytest.raises(Fenced, match="start_child"):
        await bench.task.start_child("a", Count(), key="k")
    assert bench.port.children == []


async def test_pt_52_a_run_pokes_an_executor(bench: Bench) -> None:
    await bench.task.poke("shop.count")
    await asyncio.to_thread(bench.task.blocking.poke, "shop.sum")
    assert bench.port.pokes == ["shop.count", "shop.sum"]
    with pytest.raises(ValueError, match="name an executor"):
        await bench.task.poke("")


async def test_pt_a41_no_poke_after_the_run_was_superseded(bench: Bench) -> None:
    bench.port.refusal = Fenced("current allocation is 8")
    with pytest.raises(Fenced):
        await bench.task.poke("a")
    bench.port.refusal = None
    with pytest.raises(Fenced, match="poke"):
        await bench.task.poke("a")
    assert bench.port.pokes == []


def test_tm_a10_a_returned_time_and_a_returned_schedule_together_raise_an_error() -> None:
    then = datetime(2030, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="not both"):
        RunResult(run_again_at=then, schedule={"every": "10m"})


def test_what_is_to_follow_a_run_is_looked_at_where_the_author_sees_it() -> None:
    with pytest.raises(ValueError, match="time zone"):
        RunResult(run_again_at=datetime(2030, 1, 1))  # noqa: DTZ001  (that is the mistake)
    with pytest.raises(ValueError, match="'pause' or 'end'"):
        RunResult(then="stop")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="mapping"):
        RunResult(schedule="every 10m")  # type: ignore[arg-type]
    follow = RunResult(schedule={"every": "10m"}, then="pause").follow()
    assert follow is not None
    assert (follow.again_at, follow.schedule, follow.then) == (None, b'{"every": "10m"}', "pause")
    assert RunResult(1).follow() is None


def test_a_retryable_error_names_one_time_and_names_it_well() -> None:
    with pytest.raises(ValueError, match="not both"):
        RetryableError("x", retry_in="1s", retry_at=datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="time zone"):
        RetryableError("x", retry_at=datetime(2030, 1, 1))  # noqa: DTZ001  (that is the mistake)
    with pytest.raises(ValueError, match="no duration"):
        RetryableError("x", retry_in="soon")
