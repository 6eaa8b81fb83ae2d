"""One suite on two drivers: a run in the test kit ends as the same run ends in a real worker (EX-45)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import ClassVar

import pytest
from typing_extensions import override

from coordinator.client.labels import label_of
from executors import StopReason
from executors.reading import UnreadableError
from executors.testing import HarnessFactory, HarnessRun
from node.frames import Ended, Log, LogCounts, State, StateRefused, Stop
from tests.ports import worker_plugin
from tests.ports.worker_driver import WorkerProcess

PLUGIN = {
    one.definition.name: one  # type: ignore[attr-defined]
    for one in vars(worker_plugin).values()
    if isinstance(one, type) and "definition" in vars(one)
}
ENDINGS = [
    ("t.ends", ""),
    ("t.ends", "raise"),
    ("t.ends", "permanent"),
    ("t.ends", "retry"),
    ("t.ends", "exit"),
    ("t.ends", "warning"),
    ("t.ends", "error"),
    ("t.ends", "levels"),
    ("t.ends", "abort"),
    ("t.ends", "unawaited"),
    ("t.returns", "big"),
    ("t.returns", "object"),
    ("t.returns", "state"),
    ("t.leaves", ""),
    ("t.checkpoints", ""),
    ("t.threaded", ""),
    ("t.threaded", "abort"),
    ("t.threaded", "wrong"),
]
STOPS = [
    ("t.careful", "", "waiting", reason)
    for reason in ("cancel", "timeout", "move", "shutdown", "lease", "pause")
] + [
    ("t.careful", "succeed", "waiting", "cancel"),
    ("t.careful", "succeed", "waiting", "move"),
    ("t.careful", "raise", "waiting", "cancel"),
    ("t.careful", "raise", "waiting", "shutdown"),
    ("t.threaded", "wait", "entered", "cancel"),
    ("t.threaded", "wait", "entered", "move"),
]


@pytest.fixture(scope="module")
def shared_worker() -> Iterator[WorkerProcess]:
    with WorkerProcess() as worker:
        worker.ready()
        yield worker


class Worker:
    """Runs of the shared worker, each under a number of its own."""

    numbers = iter(range(1, 1_000_000))

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self.number = next(self.numbers)

    def start(self, executor: str, mode: str) -> None:
        params = json.dumps({"mode": mode}).encode()
        self.worker.start(executor, self.number, params=params)

    def until(self, event: str) -> None:
        self.worker.wait_for(
            Log, lambda one: one.allocation_id == self.number and event in one.event
        )

    def told(self) -> tuple[object, ...]:
        end = self.worker.ended(self.number)
        states = [one.data for one in self.worker.of(State) if one.allocation_id == self.number]
        lines = [
            (one.level, one.event)
            for one in self.worker.of(Log)
            if one.allocation_id == self.number and "printed" not in one.event
        ]
        error = None if end.error is None else (end.error.type, end.error.message)
        result = None if end.result is None else json.loads(end.result)
        return self._told(end), result, error, states, lines

    @staticmethod
    def _told(end: Ended) -> tuple[object, ...]:
        return end.outcome, end.reason, end.permanent, end.retry_in_ms


async def in_kit(run: HarnessRun) -> tuple[object, ...]:
    end = await run.ended()
    kind, _, message = end.error.partition(": ")
    error = (kind, message) if end.error else None
    told = (end.outcome, end.reason, end.permanent, end.retry_in_ms)
    lines = [(one.level, one.event) for one in run.log]
    return told, end.value, error, list(run.states_json), lines


@pytest.mark.parametrize("executor,mode", ENDINGS)
async def test_the_kit_ends_a_run_as_a_worker_does(
    executor_harness: HarnessFactory, shared_worker: WorkerProcess, executor: str, mode: str
) -> None:
    real = Worker(shared_worker)
    real.start(executor, mode)
    run = await executor_harness(PLUGIN[executor]).start({"mode": mode})
    assert await in_kit(run) == real.told()


def test_tm_a53_of_several_levels_the_most_severe_is_the_label(
    shared_worker: WorkerProcess,
) -> None:
    real = Worker(shared_worker)
    real.start("t.ends", "levels")
    end = shared_worker.ended(real.number)
    assert (end.outcome, end.reason, end.permanent) == ("failed", "self_reported", True)
    assert end.log_counts == LogCounts(info=2, warning=1, error=1)
    assert label_of("running", end.outcome) == "running"
    assert label_of("failed", end.outcome) == "error"


@pytest.mark.parametrize("executor,mode,seen,reason", STOPS)
async def test_the_kit_stops_a_run_as_a_worker_does(
    executor_harness: HarnessFactory,
    shared_worker: WorkerProcess,
    executor: str,
    mode: str,
    seen: str,
    reason: str,
) -> None:
    real = Worker(shared_worker)
    real.start(executor, mode)
    real.until(seen)
    real.worker.send(Stop(real.number, reason, 5_000))
    run = await executor_harness(PLUGIN[executor]).start({"mode": mode})
    await run.until(log=seen)
    await run.cancel(StopReason(reason))
    assert await in_kit(run) == real.told()


async def test_a_fence_is_told_as_in_a_worker(executor_harness: HarnessFactory) -> None:
    with WorkerProcess(acks=False) as worker:
        worker.ready()
        worker.start("t.fences", 7)
        first = worker.wait_for(State)
        worker.send(StateRefused(7, first.seq, "fenced", "current allocation is 8"))
        end = worker.ended(7)
        told = [one for one in worker.log_lines() if one[1] == "told"]
    run = await executor_harness(PLUGIN["t.fences"]).start({})
    run.fence()
    kit = await run.ended()
    assert (kit.outcome, kit.reason) == (end.outcome, end.reason) == ("aborted", "fenced")
    assert [(one.level, one.event) for one in run.log] == told
    assert run.log[0].fields == {"errors": ["Fenced", "Fenced"]}


class Counted(worker_plugin.Upgraded):
    """Notes which steps are taken."""

    name = "t.counted"
    steps: ClassVar[list[tuple[str, int]]] = []

    @override
    def upgrade_params(self, old: dict[str, object], version: int) -> dict[str, object]:
        self.steps.append(("params", version))
        return super().upgrade_params(old, version)

    @override
    def upgrade_state(self, old: dict[str, object], version: int) -> dict[str, object]:
        self.steps.append(("state", version))
        return super().upgrade_state(old, version)


def test_x36_old_params_and_state_take_each_step_once(executor_harness: HarnessFactory) -> None:
    """The other half, an older node, is a matter of assignment: `older_executor`."""
    harness = executor_harness(Counted)
    Counted.steps.clear()
    assert harness.upgrade_params(2, {"mode": "old"}) == worker_plugin.Mode(mode="old from 2")
    assert harness.upgrade_state(1, {"c": 4}) == worker_plugin.Count(n=4)
    assert Counted.steps == [("params", 2), ("state", 1), ("state", 2)]
    assert harness.upgrade_state(3, {"n": 4, "gone": True}) == worker_plugin.Count(n=4)
    with pytest.raises(UnreadableError, match="step from version 1 to 2: ValueError"):
        harness.upgrade_params(1, {"mode": "old"})
