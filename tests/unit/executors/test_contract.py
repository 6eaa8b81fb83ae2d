"""The contract suite fails where an executor breaks the contract, with the reason, and nowhere else (X38)."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Assignment,
    Candidate,
    ClusterView,
    PersistentTasksExecutor,
    executor,
)
from executors.builtin.noop import Noop, NoopParams
from executors.builtin.sleep import Sleep, SleepParams
from executors.builtin.ticker import Ticker, TickerParams
from executors.testing import ContractBroken, ExecutorContract, HarnessFactory
from executors.testing.schemas import check_schemas


class TestTicker(ExecutorContract):
    executor = Ticker
    params = TickerParams(until=6)


class TestSleep(ExecutorContract):
    executor = Sleep
    params = SleepParams()


class TestNoop(ExecutorContract):
    executor = Noop
    params = NoopParams()


class P(BaseModel):
    pass


class S(BaseModel):
    n: int = 0
    text: str = ""


@executor("bad.forgets")
async def forgets(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Takes what it did not save for granted."""
    if state is not None and state.n == 2:
        raise RuntimeError("who wrote this")
    for n in range(1, 4):
        await task.update_state(S(n=n))
    return "done"


@executor("bad.other_result")
async def other_result(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Returns what it did, not what was done."""
    begin = state.n if state else 0
    for n in range(begin, 3):
        await task.update_state(S(n=n + 1))
    return 3 - begin


@executor("bad.stubborn")
async def stubborn(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Does not end when it is asked to."""
    for n in range(state.n if state else 0, 300):
        try:
            await task.sleep("1s")
        except BaseException:  # noqa: BLE001  (the mistake that is to be found)
            await asyncio.sleep(1)
        await task.update_state(S(n=n + 1))
    return 300


@executor("bad.stubborn_thread")
def stubborn_thread(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Never looks at its flag."""
    task.blocking.update_state(S(n=1))
    for _ in range(1_500):
        time.sleep(0.01)
    return 1


@executor("bad.writes_on")
async def writes_on(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Takes a fence for a hiccup."""
    for n in range(state.n if state else 0, 5):
        try:
            await task.update_state(S(n=n + 1))
        except Exception:  # noqa: BLE001  (the mistake that is to be found)
            task.log.info("trying again")
    return 5


@executor("bad.grows")
async def grows(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    """Keeps everything in its state."""
    for n in range(state.n if state else 0, 12):
        await task.update_state(S(n=n + 1, text="x" * 100_000 * (n + 1)))
    return 12


class Moody(PersistentTasksExecutor[P, S]):
    """Chooses by the hour."""

    name = "bad.moody"
    calls: ClassVar[Any] = itertools.count()

    @override
    def get_assignment(
        self, params: P, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        return Assignment.to(candidates[next(self.calls) % 2])

    @override
    async def node_operation(
        self, task: AllocatedPersistentTask[S], params: P, state: S | None
    ) -> object:
        return None


BROKEN = [
    (forgets, "survives_a_crash", "crashed at checkpoint 2, the next run ends failed .*who wrote"),
    (other_result, "survives_a_crash", "checkpoint 1, the result is 2; undisturbed it is 3"),
    (stubborn, "ends_within", "did not end within its cancel_grace"),
    (stubborn_thread, "ends_within", "did not end within its cancel_grace"),
    (writes_on, "writes_nothing", "tried to write [0-9]+ more times after Fenced"),
    (grows, "its_state", "state: is 1100.* bytes, at most 1048576; keep what is large elsewhere"),
    (Moody, "its_assignment", "get_assignment answered .*, then "),
]


@pytest.mark.parametrize("broken,name,why", BROKEN, ids=[one[1] for one in BROKEN])
async def test_x38_the_fitting_test_fails_and_says_why(
    executor_harness: HarnessFactory,
    broken: type[PersistentTasksExecutor[Any, Any]],
    name: str,
    why: str,
) -> None:
    suite = type("Suite", (ExecutorContract,), {"executor": broken, "params": P()})()
    (test,) = [getattr(suite, one) for one in dir(suite) if one.startswith(f"test_{name}")]

    async def run() -> None:
        answer = test(executor_harness)
        if inspect.isawaitable(answer):
            await answer

    with pytest.raises(ContractBroken, match=why):
        await run()


def test_a_change_of_shape_without_a_new_version_is_found(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text("class TestIt:\n    pass\n")
    test: Any = type("TestIt", (), {"__module__": "made_up"})
    module = sys.modules["made_up"] = types.ModuleType("made_up")
    module.__file__ = str(file)
    try:
        assert check_schemas(Ticker.definition, test) == ""
        stored = tmp_path / "schemas" / "demo.ticker.json"
        assert check_schemas(Ticker.definition, test) == ""
        document = json.loads(stored.read_text())
        document["1"]["state"]["properties"]["more"] = {"type": "string"}
        stored.write_text(json.dumps(document))
        assert "the schema of state differs from the one stored for version 1" in check_schemas(
            Ticker.definition, test
        )
        stored.write_text(json.dumps({"2": document["1"]}))
        assert check_schemas(Ticker.definition, test) == ""
        assert sorted(json.loads(stored.read_text())) == ["1", "2"]
    finally:
        del sys.modules["made_up"]
