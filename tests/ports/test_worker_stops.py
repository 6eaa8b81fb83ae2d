"""Stops, hangs and lines of a real worker process."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from node.frames import Log, LoopLag, Ping, Pong, Progress, Started, State, Stop, Stopping
from tests.ports.worker_driver import HANG_SECONDS, WorkerProcess

HOUR = json.dumps({"duration": "1h"}).encode()
_numbers = iter(range(1, 10_000))


@pytest.fixture(scope="module")
def shared() -> Iterator[WorkerProcess]:
    with WorkerProcess() as worker:
        worker.ready()
        yield worker


@pytest.fixture
def worker(shared: WorkerProcess) -> WorkerProcess:
    shared.seen.clear()
    return shared


@pytest.fixture
def number() -> int:
    return next(_numbers)


def mode(word: str) -> bytes:
    return json.dumps({"mode": word}).encode()


def wait_for_line(worker: WorkerProcess, event: str) -> Log:
    return worker.wait_for(Log, lambda one: one.event == event)


@pytest.mark.parametrize(
    "code,reason,outcome,reported",
    [
        ("succeed", "cancel", "cancelled", "succeeded"),
        ("raise", "cancel", "cancelled", "failed"),
        ("", "cancel", "cancelled", "aborted"),
        ("succeed", "timeout", "timed_out", "succeeded"),
        ("succeed", "pause", "succeeded", "succeeded"),
        ("raise", "pause", "aborted", "failed"),
        ("raise", "move", "aborted", "failed"),
        ("", "shutdown", "aborted", "aborted"),
        ("succeed", "lease", "succeeded", "succeeded"),
        ("", "not_wanted", "aborted", "aborted"),
        ("succeed", "fenced", "aborted", "succeeded"),
    ],
)
def test_what_was_asked_and_what_the_code_did_make_the_outcome(
    worker: WorkerProcess, number: int, code: str, reason: str, outcome: str, reported: str
) -> None:
    worker.start("t.careful", number, params=mode(code))
    wait_for_line(worker, "waiting")
    worker.send(Stop(number, reason))
    ended = worker.ended(number)
    assert (ended.outcome, ended.reported) == (outcome, reported)
    assert [one.data for one in worker.of(State)] == [b'{"n":9}']


def test_on_stop_is_called_once_and_a_stronger_reason_wins(
    worker: WorkerProcess, number: int
) -> None:
    worker.start("t.careful", number, params=mode("succeed"))
    wait_for_line(worker, "waiting")
    worker.send(Stop(number, "move"), Stop(number, "cancel"), Stop(number, "pause"))
    ended = worker.ended(number)
    assert (ended.outcome, ended.result) == ("cancelled", b'"cancel"')
    calls = [json.loads(one.fields) for one in worker.of(Log) if one.event == "on_stop"]
    assert [one["calls"] for one in calls] == [1]
    assert [one.reason for one in worker.of(Stopping)] == ["move", "cancel"]


def test_a_stop_in_the_same_write_as_the_start_still_ends_the_run(
    worker: WorkerProcess, number: int
) -> None:
    worker.start("demo.sleep", number, params=HOUR)
    worker.send(Stop(number, "cancel"))
    assert worker.ended(number).outcome == "cancelled"


def test_tm_a30_at_the_time_limit_the_flag_is_set_on_stop_called_once_and_a_warning_given() -> None:
    with WorkerProcess() as worker:
        worker.start("t.careful", 1, params=mode("ignore"), timeout_ms=300, cancel_grace_ms=300)
        line = wait_for_line(worker, "time limit reached")
        fields = json.loads(line.fields)
        assert line.level == "warning"
        assert (fields["executor"], fields["task"], fields["limit_ms"]) == ("t.careful", "t1", 300)
        assert fields["started_at"] > 0
        wait_for_line(worker, "on_stop")
        assert [one.data for one in worker.of(State)] == [b'{"n":9}']  # the code was woken
        worker.send(Ping(1))
        worker.wait_for(Pong)
        calls = [json.loads(one.fields) for one in worker.of(Log) if one.event == "on_stop"]
        assert calls == [{"reason": "timeout", "calls": 1}]
        worker.kill()


def test_tm_a32_a_stop_concerns_the_run_that_it_names(worker: WorkerProcess) -> None:
    first, second = next(_numbers), next(_numbers)
    worker.run("demo.noop", first)
    worker.start("demo.sleep", second, params=HOUR)
    worker.wait_for(Started, lambda one: one.allocation_id == second)
    worker.send(Stop(first, "cancel"), Ping(1))
    worker.wait_for(Pong)
    assert worker.of(Stopping) == []
    worker.send(Stop(second, "cancel"))
    assert worker.ended(second).outcome == "cancelled"


def test_tm_a31_the_time_limit_stops_the_run_and_says_so(
    worker: WorkerProcess, number: int
) -> None:
    worker.start("demo.sleep", number, params=HOUR, timeout_ms=80, cancel_grace_ms=7_000)
    ended = worker.ended(number)
    assert (ended.outcome, ended.reported) == ("timed_out", "aborted")
    assert worker.of(Stopping) == [Stopping(number, "timeout", 7_000)]
    line = wait_for_line(worker, "time limit reached")
    assert (line.level, json.loads(line.fields)["limit_ms"]) == ("warning", 80)
    assert ended.log_counts.warning == 0


def test_on_stop_has_no_more_time_than_the_grace(worker: WorkerProcess, number: int) -> None:
    worker.start("t.slow_stop", number)
    wait_for_line(worker, "waiting")
    worker.send(Stop(number, "cancel", 60))
    assert worker.ended(number).outcome == "cancelled"
    assert ("error", "on_stop raised") in worker.log_lines()


def test_code_that_ignores_its_stop_is_left_to_the_agent(number: int) -> None:
    with WorkerProcess() as worker:
        worker.start("t.careful", number, params=mode("ignore"))
        wait_for_line(worker, "waiting")
        worker.send(Stop(number, "cancel", 50))
        wait_for_line(worker, "on_stop")
        worker.send(Ping(1))
        assert worker.wait_for(Pong) == Pong(1, 1)
        worker.kill()
        with pytest.raises((EOFError, ConnectionResetError)):
            worker.ended(number)


def test_a_thread_has_its_flag_and_may_still_write(worker: WorkerProcess, number: int) -> None:
    worker.start("t.threaded", number, params=mode("wait"))
    wait_for_line(worker, "entered")
    worker.send(Stop(number, "cancel"))
    ended = worker.ended(number)
    assert (ended.outcome, ended.reported) == ("cancelled", "aborted")
    assert json.loads(wait_for_line(worker, "flag seen").fields) == {"revision": 101}


def test_a_thread_that_hangs_holds_up_nobody(number: int) -> None:
    with WorkerProcess() as worker:
        worker.start("t.threaded", number, params=mode("hang"), timeout_ms=50, cancel_grace_ms=50)
        assert worker.wait_for(Stopping).reason == "timeout"
        assert worker.run("demo.noop", number + 1).outcome == "succeeded"
        worker.send(Ping(5))
        assert worker.wait_for(Pong) == Pong(5, 1)


def test_verbs_of_a_thread(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.threaded", number)
    assert (ended.outcome, ended.result) == ("succeeded", b"102")
    assert [one.data for one in worker.of(State)] == [b'{"n":1}', b'{"n":2}']
    assert worker.of(Progress) == [Progress(number, 1, 2, "half")]
    assert ("info", "printed in a thread") in worker.log_lines()


def test_a_thread_can_give_the_run_back(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.threaded", number, params=mode("abort"))
    assert (ended.outcome, ended.reason) == ("aborted", "not in this thread")


def test_a_thread_that_forgets_blocking_is_told(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.threaded", number, params=mode("wrong"))
    assert (ended.outcome, ended.reason) == ("failed", "unawaited")


def test_a_blocked_loop_is_named_and_pings_are_answered(worker: WorkerProcess, number: int) -> None:
    worker.start("t.blocks", number)
    lag = worker.wait_for(LoopLag)
    assert (lag.blocking, lag.running, lag.over) == (number, ("t.blocks",), False)
    worker.send(Ping(9))
    assert worker.wait_for(Pong) == Pong(9, 1)
    assert ("info", "blocking") in worker.log_lines()
    assert worker.ended(number).outcome == "succeeded"
    over = worker.wait_for(LoopLag, lambda one: one.over)
    assert over.lag_ms >= lag.lag_ms


def test_frames_read_while_the_loop_was_blocked_keep_their_order(
    worker: WorkerProcess, number: int
) -> None:
    worker.start("t.blocks", number)
    worker.wait_for(LoopLag)
    for one in range(5):
        worker.start("demo.noop", 5_000 + one)
        worker.send(Ping(one))
        worker.wait_for(Pong, lambda pong, one=one: pong.token == one)  # type: ignore[misc]
    worker.ended(5_004)
    assert [one.allocation_id for one in worker.of(Started)] == [number, *range(5_000, 5_005)]


def test_what_the_code_left_in_the_loop_ends_with_it(worker: WorkerProcess, number: int) -> None:
    assert worker.run("t.leaves", number).outcome == "succeeded"
    assert ("info", "left over was ended") in worker.log_lines()


def test_lines_of_every_kind_land_in_the_runs_log(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.talks", number)
    lines = {one.event: json.loads(one.fields) for one in worker.of(Log)}
    assert lines == {
        "by print": {"stream": "stdout"},
        "by stderr": {"stream": "stderr"},
        "unfinished": {"stream": "stderr"},
        "by logging": {"logger": "shop"},
        "from a thread": {"stream": "stdout"},
        "by log": {"password": "***", "nested": {"api_key": "***", "city": "Ulm"}},
    }
    assert {one.allocation_id for one in worker.of(Log)} == {number}
    assert (ended.outcome, ended.log_counts.info) == ("succeeded", 6)


def test_a_worker_dies_when_its_agent_hangs_up(number: int) -> None:
    with WorkerProcess() as worker:
        worker.start("t.children", number)
        child = json.loads(wait_for_line(worker, "child").fields)["pid"]
        worker.hang_up()
        assert worker.exit_code() != 0
        wait_until_gone(child)


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + HANG_SECONDS
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except FileNotFoundError:
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} is still there")


def test_a_worker_leads_a_process_group_of_its_own() -> None:
    with WorkerProcess() as worker:
        worker.ready()
        assert os.getpgid(worker.pid) == worker.pid


def test_the_death_of_the_worker_shows_even_while_a_forked_child_lives(number: int) -> None:
    with WorkerProcess() as worker:
        worker.start("t.forks", number)
        child = json.loads(wait_for_line(worker, "forked").fields)["pid"]
        try:
            os.kill(worker.pid, signal.SIGKILL)
            with pytest.raises((EOFError, ConnectionResetError)):
                worker.ended(number)
        finally:
            os.kill(child, signal.SIGKILL)


def test_an_event_loop_that_user_code_stops_ends_the_worker_at_once(number: int) -> None:
    with WorkerProcess() as worker:
        worker.start("t.threaded", number, params=mode("hang"))
        wait_for_line(worker, "entered")
        worker.start("t.stops_the_loop", number + 1)
        assert worker.exit_code() == 1


def test_an_event_loop_that_user_code_exits_ends_the_worker_at_once(
    number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with WorkerProcess() as worker:
        worker.start("demo.sleep", number, params=HOUR)
        worker.wait_for(Started)
        worker.start("t.exits_in_a_task", number + 1)
        assert worker.exit_code() == 1
    told = capfd.readouterr().err
    assert "ended the event loop" in told
    assert "in leaves_all" in told
