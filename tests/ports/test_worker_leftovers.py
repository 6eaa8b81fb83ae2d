"""What a run has started beside its coroutine, in a real worker process: no end is told while it works (PT-55)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.burial import is_dead
from node.frames import Ended, Log, Ping, Pong, Started, Stop
from tests.ports.worker_driver import WorkerProcess


def mode(word: object) -> bytes:
    return json.dumps({"mode": str(word)}).encode()


def wait_for_line(worker: WorkerProcess, event: str) -> Log:
    return worker.wait_for(Log, lambda one: one.event == event)


@pytest.mark.parametrize(
    "left,reason,outcome",
    [("", "move", "aborted"), ("!", "move", "succeeded"), ("!", "", "succeeded")],
)
def test_pt_55_a_run_ends_when_its_threads_are_over(
    tmp_path: Path, left: str, reason: str, outcome: str
) -> None:
    place = tmp_path / "go"
    with WorkerProcess() as worker:
        worker.start("t.leaves_a_thread", 1, params=mode(f"{place}{left}"))
        wait_for_line(worker, "thread works")
        if reason:
            worker.send(Stop(1, reason))
        wait_for_line(worker, "waits for threads of the code")
        assert worker.run("demo.noop", 2).outcome == "succeeded"
        worker.send(Ping(1))
        worker.wait_for(Pong)
        assert [one.allocation_id for one in worker.of(Ended)] == [2]
        place.touch()
        assert worker.ended(1).outcome == outcome
        events = [one.event for one in worker.of(Log)]
        assert events.index("thread is over") > events.index("waits for threads of the code")


def test_pt_55_the_programs_that_a_stopped_run_waited_for_are_dead_when_its_end_is_told() -> None:
    with WorkerProcess() as worker:
        worker.start("t.leaves_a_program", 1)
        pids = json.loads(wait_for_line(worker, "programs").fields)["pids"]
        assert not any(map(is_dead, pids))
        worker.send(Stop(1, "cancel"))
        assert worker.ended(1).outcome == "cancelled"
        assert all(map(is_dead, pids))


def test_a_run_whose_programs_have_ended_leaves_nothing() -> None:
    with WorkerProcess() as worker:
        assert worker.run("t.leaves_a_program", 1, params=mode("reaped")).outcome == "succeeded"
        assert [one.event for one in worker.of(Log)] == ["programs"]
        worker.start("demo.sleep", 2, params=b'{"duration":"1h"}')
        worker.wait_for(Started, lambda one: one.allocation_id == 2)
        worker.send(Stop(2, "cancel"))
        assert worker.ended(2).outcome == "cancelled"
