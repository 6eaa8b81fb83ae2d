"""Stored params and state in a real worker process: steps between versions, what cannot be read (TM-50 to TM-53)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from node.frames import Started, State
from tests.ports.worker_driver import WorkerProcess


@pytest.fixture(scope="module")
def shared() -> Iterator[WorkerProcess]:
    with WorkerProcess() as worker:
        worker.ready()
        yield worker


@pytest.fixture
def worker(shared: WorkerProcess) -> WorkerProcess:
    shared.seen.clear()
    return shared


_numbers = iter(range(1, 10_000))


@pytest.fixture
def number() -> int:
    return next(_numbers)


def params(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_tm_a35_the_next_write_stores_the_version_of_the_executor(
    worker: WorkerProcess, number: int
) -> None:
    worker.run(
        *("t.upgraded", number),
        params=params(mode="write"),
        params_version=2,
        state=b'{"c":5}',
        state_version=1,
    )
    assert [(one.data, one.state_version) for one in worker.of(State)] == [(b'{"n":6}', 3)]


def test_tm_a35_a_step_is_validated_where_its_model_is_kept(
    worker: WorkerProcess, number: int
) -> None:
    ended = worker.run(
        *("t.upgraded", number),
        params=params(mode="a"),
        params_version=2,
        state=b'{"c":"many"}',
        state_version=1,
    )
    assert (ended.outcome, ended.reason) == ("failed", "invalid_state")
    assert ended.error is not None
    assert "step from version 1 to 2: count" in ended.error.message
    assert worker.of(Started) == []


def test_tm_a36_a_missing_step_in_between_is_named(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.gap", number, params_version=3, state=b'{"n":5}', state_version=1)
    assert (ended.outcome, ended.reason, ended.permanent) == ("failed", "invalid_state", True)
    assert ended.error is not None
    for part in ("t.gap version 3", "step from version 2 to 3", "no step from version 2"):
        assert part in ended.error.message
    assert worker.of(Started) == []


def test_tm_a35_state_is_upgraded_step_by_step(worker: WorkerProcess, number: int) -> None:
    ended = worker.run(
        "t.upgraded",
        number,
        params=params(mode="a"),
        params_version=2,
        state=b'{"c":5}',
        state_version=1,
    )
    assert json.loads(ended.result or b"") == ["a from 2", 5, {"c": 5}]


def test_tm_a36_a_step_that_raises_is_named(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.upgraded", number, params=params(mode="a"), params_version=1)
    assert (ended.outcome, ended.reason) == ("failed", "start_failed")
    assert ended.error is not None
    for part in ("t.upgraded version 3", "step from version 1 to 2", "nobody remembers"):
        assert part in ended.error.message


def test_pt_a44_tm_a38_unreadable_state_fails_without_the_code(
    worker: WorkerProcess, number: int
) -> None:
    ended = worker.run("demo.ticker", number, state=b'{"tick":"many"}')
    assert (ended.outcome, ended.reason, ended.permanent) == ("failed", "invalid_state", True)
    assert worker.of(Started) == []


def test_tm_a38_unreadable_state_may_be_taken_raw(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.raw", number, state=b'{"n":"many"}')
    assert json.loads(ended.result or b"") == [True, {"n": "many"}]


@pytest.mark.parametrize(
    "executor, version, asked, result",
    [
        ("t.raw", 1, "fail", None),
        ("t.raw", 1, "raw", [True, {"n": "many"}]),
        ("t.upgraded", 3, "fail", None),
        ("t.upgraded", 3, "raw", ["a", None, {"n": "many"}]),
    ],
)
def test_tm_1_tm_a38_unreadable_state_is_dealt_with_as_the_task_asks(
    worker: WorkerProcess, number: int, executor: str, version: int, asked: str, result: object
) -> None:
    ended = worker.run(
        *(executor, number),
        params=params(mode="a"),
        params_version=version,
        state=b'{"n":"many"}',
        state_version=version,
        invalid_state=asked,
    )
    failed = ("failed", "invalid_state")
    assert (ended.outcome, ended.reason) == (failed if result is None else ("succeeded", ""))
    assert json.loads(ended.result or b"null") == result
