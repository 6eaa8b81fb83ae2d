"""A real worker process, driven over its pipe: what it offers, how runs end, what they may write. See `test_worker_versions`, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.frames import (
    Ended,
    LoadError,
    Loading,
    Log,
    Ping,
    Pong,
    Progress,
    Start,
    Started,
    State,
    StateAck,
    StateRefused,
    Stop,
    Stopping,
)
from tests.ports.worker_driver import PLUGIN, WorkerProcess


@pytest.fixture(scope="module")
def shared() -> Iterator[WorkerProcess]:
    with WorkerProcess() as worker:
        worker.ready()
        yield worker


@pytest.fixture
def worker(shared: WorkerProcess) -> WorkerProcess:
    shared.seen.clear()
    shared.acks = True
    return shared


_numbers = iter(range(1, 10_000))


@pytest.fixture
def number() -> int:
    return next(_numbers)


def params(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_ready_comes_after_the_imports_and_offers_manifests() -> None:
    with WorkerProcess() as worker:
        ready = worker.ready()
        assert worker.seen == [Loading(f"--executors {PLUGIN}"), ready]
        offers = {one.name: one for one in ready.offers}
        assert {"demo.noop", "demo.digest", "t.careful"} <= set(offers)
        document = json.loads(offers["demo.digest"].body)
        assert document["params_schema"]["additionalProperties"] is False
        assert (document["own_validate"], document["own_assignment"]) == (True, False)
        assert ready.pid == worker.pid
        assert ready.load_errors == ()
        assert worker.shut_down() == 0


def test_a_broken_plugin_takes_no_other_with_it(tmp_path: Path) -> None:
    (tmp_path / "broken_plugin.py").write_text("raise SystemExit('no way')\n")
    with WorkerProcess(str(tmp_path / "broken_plugin.py"), PLUGIN) as worker:
        ready = worker.ready()
        assert [one.source for one in ready.load_errors] == [
            f"--executors {tmp_path / 'broken_plugin.py'}"
        ]
        assert "no way" in ready.load_errors[0].message.splitlines()[0]
        assert worker.run("t.ends").outcome == "succeeded"


def test_a_plugin_that_is_to_be_skipped_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "never_plugin.py").write_text("raise SystemExit('it was imported')\n")
    source = f"--executors {tmp_path / 'never_plugin.py'}"
    with WorkerProcess(source.split()[1], PLUGIN, skipped={source: "it hung"}) as worker:
        assert worker.ready().load_errors == (LoadError(source, "it hung"),)
        assert worker.run("t.ends").outcome == "succeeded"


def test_one_name_from_two_places_stops_the_worker(tmp_path: Path) -> None:
    copy = tmp_path / "copied_plugin.py"
    copy.write_text(Path(PLUGIN).read_text())
    with WorkerProcess(PLUGIN, str(copy)) as worker:
        ready = worker.ready()
        assert ready.offers == ()
        assert str(copy) in ready.fatal
        assert PLUGIN in ready.fatal
        assert worker.exit_code() == 2


def test_noop_starts_and_succeeds(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("demo.noop", number)
    assert worker.seen == [Started(number), ended]
    assert (ended.outcome, ended.reported, ended.error) == ("succeeded", "succeeded", None)


def test_many_runs_in_one_write(worker: WorkerProcess) -> None:
    numbers = range(20_000, 20_500)
    worker.send(*(Start("t", one, "demo.noop", b"{}") for one in numbers))
    for one in numbers:
        assert worker.ended(one).outcome == "succeeded"
    assert len(worker.of(Started)) == len(worker.of(Ended)) == 500


def test_a_start_repeated_runs_once(worker: WorkerProcess, number: int) -> None:
    start = Start("t", number, "demo.sleep", params(seconds=0.05))
    worker.send(start, start)
    worker.ended(number)
    assert worker.of(Started) == [Started(number)]


def test_unknown_executor_is_handed_back(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("no.such", number)
    assert (ended.outcome, ended.reason) == ("aborted", "no_executor")
    assert worker.of(Started) == []


@pytest.mark.parametrize(
    "mode,outcome,reason,permanent",
    [
        ("", "succeeded", "", False),
        ("raise", "failed", "", False),
        ("exit", "failed", "", False),
        ("permanent", "failed", "permanent", True),
        ("retry", "failed", "", False),
        ("warning", "warning", "", False),
        ("error", "failed", "self_reported", True),
        ("unawaited", "failed", "unawaited", False),
        ("abort", "aborted", "not here", False),
    ],
)
def test_ends(
    worker: WorkerProcess, number: int, mode: str, outcome: str, reason: str, permanent: bool
) -> None:
    ended = worker.run("t.ends", number, params=params(mode=mode))
    assert (ended.outcome, ended.reason, ended.permanent) == (outcome, reason, permanent)
    assert ended.reported == outcome


@pytest.mark.parametrize("mode", ["big", "object"])
def test_a_result_that_cannot_be_kept_is_dropped(
    worker: WorkerProcess, number: int, mode: str
) -> None:
    ended = worker.run("t.returns", number, params=params(mode=mode))
    assert (ended.outcome, ended.reason, ended.result) == ("warning", "result_dropped", None)


def test_an_error_tells_type_message_and_the_authors_traceback(
    worker: WorkerProcess, number: int
) -> None:
    error = worker.run("t.ends", number, params=params(mode="raise")).error
    assert error is not None
    assert (error.type, error.message) == ("RuntimeError", "broken")
    assert "worker_plugin.py" in error.traceback
    assert "worker_run.py" not in error.traceback


def test_a_retryable_error_names_its_time(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.ends", number, params=params(mode="retry"))
    assert (ended.retry_in_ms, ended.retry_at, ended.overload) == (90_000, None, True)


def test_an_unawaited_call_is_named(worker: WorkerProcess, number: int) -> None:
    error = worker.run("t.ends", number, params=params(mode="unawaited")).error
    assert error is not None
    assert "task.update_state(...) was called without await" in error.message
    assert worker.of(State) == []


def test_a_local_abort_flushes_the_checkpoint(worker: WorkerProcess, number: int) -> None:
    worker.run("t.ends", number, params=params(mode="abort"))
    assert [one.data for one in worker.of(State)] == [b'{"n":1}', b'{"n":2}']
    assert isinstance(worker.seen[-1], Ended)


def test_final_state_comes_before_the_outcome(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("t.returns", number, params=params(mode="state"))
    assert ended.result == b'{"ok":true}'
    assert worker.seen[-2:] == [State(number, 1, b'{"n":7}', 1), ended]


def test_facts_reach_the_code(worker: WorkerProcess, number: int) -> None:
    ended = worker.run(
        "t.returns",
        number,
        attempt=4,
        max_attempts=5,
        headers={"x-opaque-id": "a"},
        due_at=1_700_000_000_000,
    )
    due = "2023-11-14 22:13:20+00:00"
    assert json.loads(ended.result or b"") == ["t1", number, [4, 5], {"x-opaque-id": "a"}, due]


def test_own_process_has_token_and_mark_in_its_environment() -> None:
    with WorkerProcess() as worker:
        worker.ready()
        ended = worker.run("t.returns", 77, params=params(mode="env"), own_process=True)
        assert json.loads(ended.result or b"") == ["77", "mark-of-the-test"]


@pytest.mark.parametrize(
    "executor, own_process", [("t.holds_gil", True), ("t.thread_holds_gil", False)]
)
def test_started_leaves_before_code_that_holds_the_interpreter(
    executor: str, own_process: bool
) -> None:
    with WorkerProcess() as worker:
        worker.ready()
        worker.start(executor, 78, own_process=own_process)
        assert worker.wait_for(Started) == Started(78)


def test_a_short_coroutine_in_a_shared_worker_costs_one_write(
    worker: WorkerProcess, number: int
) -> None:
    worker.start("demo.noop", number)
    worker.read(10)
    assert [type(one) for one in worker.seen] == [Started, Ended]


def test_pt_a44_bad_params_never_enter_the_code(worker: WorkerProcess, number: int) -> None:
    ended = worker.run("demo.ticker", number, params=params(until="secret-number"))
    assert (ended.outcome, ended.reason) == ("failed", "start_failed")
    assert ended.error is not None
    assert "until" in ended.error.message
    assert "secret-number" not in ended.error.message + ended.error.traceback
    assert worker.of(Started) == []


def test_extra_params_of_an_older_version_are_dropped(worker: WorkerProcess, number: int) -> None:
    assert worker.run("demo.noop", number, params=params(old="key")).outcome == "succeeded"


# --- state -----------------------------------------------------------------------------------------------------------


def test_ticker_waits_for_each_acknowledgement(worker: WorkerProcess, number: int) -> None:
    worker.acks = False
    worker.start("demo.ticker", number, params=params(interval="1ms", until=3))
    for seq in (1, 2, 3):
        written = worker.wait_for(State, lambda one, seq=seq: one.seq == seq)  # type: ignore[misc]
        assert json.loads(written.data or b"") == {"tick": seq}
        worker.send(Ping(seq))
        worker.wait_for(Pong, lambda one, seq=seq: one.token == seq)  # type: ignore[misc]
        assert len(worker.of(State)) == seq
        worker.send(StateAck(number, seq, 10 + seq))
    assert worker.ended(number).result == b"3"
    assert worker.of(Progress)[-1] == Progress(number, 3, 3, "")


def test_tm_a37_ticker_goes_on_from_its_state_without_an_unknown_key(
    worker: WorkerProcess, number: int
) -> None:
    worker.start(
        "demo.ticker", number, params=params(interval="1ms", until=5), state=b'{"tick":3,"old":1}'
    )
    assert worker.ended(number).result == b"5"
    assert [one.data for one in worker.of(State)] == [b'{"tick":4}', b'{"tick":5}']


def test_checkpoints_are_throttled_and_the_last_is_kept(worker: WorkerProcess, number: int) -> None:
    worker.run("t.checkpoints", number)
    assert [one.data for one in worker.of(State)] == [b'{"n":1}', b'{"n":100}']
    assert worker.of(Progress)[-1].done == 100
    assert len(worker.of(Progress)) < 20


def test_a_waiting_checkpoint_is_flushed_at_a_stop(worker: WorkerProcess, number: int) -> None:
    worker.start("t.checkpoints", number, params=params(mode="wait"))
    worker.wait_for(Log, lambda one: one.event == "waiting")
    worker.send(Stop(number, "cancel"))
    assert worker.ended(number).outcome == "cancelled"
    assert [one.data for one in worker.of(State)] == [b'{"n":1}', b'{"n":100}']


def test_a_fenced_run_is_told_at_every_verb(worker: WorkerProcess, number: int) -> None:
    worker.acks = False
    worker.start("t.fences", number)
    worker.wait_for(State)
    worker.send(StateRefused(number, 1, "fenced", "current allocation is 9"))
    ended = worker.ended(number)
    assert (ended.outcome, ended.reason) == ("aborted", "fenced")
    told = worker.wait_for(Log, lambda one: one.event == "told")
    assert json.loads(told.fields) == {"errors": ["Fenced", "Fenced"]}
    assert len(worker.of(State)) == 1


def test_a_fenced_run_that_lets_it_pass_is_no_failure(worker: WorkerProcess, number: int) -> None:
    worker.acks = False
    worker.start("t.fences", number, params=params(mode="raise"))
    worker.wait_for(State)
    worker.send(StateRefused(number, 1, "fenced"))
    ended = worker.ended(number)
    assert (ended.outcome, ended.reason, ended.reported) == ("aborted", "fenced", "aborted")


def test_stopping_is_said_before_the_end(worker: WorkerProcess, number: int) -> None:
    worker.start("demo.sleep", number, params=params(duration="1h"))
    worker.wait_for(Started)
    worker.send(Stop(number, "cancel", 1_234))
    ended = worker.ended(number)
    assert (ended.outcome, ended.reason, ended.reported) == ("cancelled", "cancel", "aborted")
    assert worker.seen == [Started(number), Stopping(number, "cancel", 1_234), ended]
