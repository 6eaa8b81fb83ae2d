"""Calls that reach a run in a real worker process: each is answered once, whatever its code does (PT-85)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.frames import Call, CallDone, Log, Started, Stop
from tests.ports.worker_driver import WorkerProcess

PLUGIN = str(Path(__file__).with_name("called_plugin.py"))
_numbers = iter(range(1, 10_000))


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess(PLUGIN) as started:
        started.ready()
        yield started


@pytest.fixture
def run(worker: WorkerProcess) -> int:
    """The allocation id of a run of `c.counter` whose code is at work."""
    number = next(_numbers)
    worker.start("c.counter", number)
    worker.wait_for(Log, lambda one: one.allocation_id == number)
    return number


def ask(
    worker: WorkerProcess, run: int, method: str, payload: object = None, ms: int = 20_000
) -> int:
    """The number of the call."""
    number = next(_numbers)
    data = json.dumps(payload).encode()
    worker.send(Call(run, number, method, data, ms, {"x-opaque-id": "o1"}))
    return number


def answer(worker: WorkerProcess, call: int) -> CallDone:
    return worker.wait_for(CallDone, lambda one: one.call == call)


def test_pt_85_the_code_answers_and_goes_on(worker: WorkerProcess, run: int) -> None:
    for count in (1, 2):
        done = answer(worker, ask(worker, run, "ask", {"n": count}))
        assert (done.allocation_id, done.reason) == (run, "")
        told = {"asked": count, "got": {"n": count}, "headers": {"x-opaque-id": "o1"}}
        assert json.loads(done.payload) == told
    assert json.loads(answer(worker, ask(worker, run, "save")).payload) == run
    worker.send(Stop(run, "cancel"))
    assert worker.ended(run).reported in ("succeeded", "aborted")


@pytest.mark.parametrize(
    "method, reason, detail",
    [
        ("raise", "call_failed", "RuntimeError: broken"),
        ("nothing", "validation_failed", "there is no nothing"),
        ("no_text", "validation_failed", "there is no ?"),
        ("much", "too_large", "at most 262144"),
    ],
)
def test_pt_85_what_goes_wrong_is_the_callers_and_not_the_runs(
    worker: WorkerProcess, run: int, method: str, reason: str, detail: str
) -> None:
    done = answer(worker, ask(worker, run, method))
    assert (done.reason, detail in done.detail) == (reason, True)
    assert answer(worker, ask(worker, run, "ask")).reason == ""


def test_pt_85_one_that_takes_too_long_is_given_up(worker: WorkerProcess, run: int) -> None:
    assert answer(worker, ask(worker, run, "hang", ms=50)).reason == "timed_out"


def test_pt_85_a_run_that_ends_answers_what_it_was_asked(worker: WorkerProcess, run: int) -> None:
    hanging = ask(worker, run, "hang")
    answer(worker, ask(worker, run, "ask"))
    worker.send(Stop(run, "cancel"))
    worker.ended(run)
    assert answer(worker, hanging).reason == "not_here"
    assert answer(worker, ask(worker, run, "ask")).reason == "not_here"


def test_pt_85_an_executor_without_on_call_says_so(worker: WorkerProcess) -> None:
    number = next(_numbers)
    worker.start("c.deaf", number)
    worker.wait_for(Started, lambda one: one.allocation_id == number)
    done = answer(worker, ask(worker, number, "ask"))
    assert (done.reason, done.detail) == ("not_supported", "c.deaf takes no calls")


def test_pt_85_code_in_a_thread_is_called_beside_it(worker: WorkerProcess) -> None:
    number = next(_numbers)
    worker.start("c.threaded", number)
    worker.wait_for(Started, lambda one: one.allocation_id == number)
    assert json.loads(answer(worker, ask(worker, number, "ping")).payload) == "ping"
