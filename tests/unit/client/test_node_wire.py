"""The session's values to the wire and back."""

from __future__ import annotations

import pytest

from coordinator.client.node_values import (
    CallAnswer,
    Heartbeat,
    LocalRun,
    LogLine,
    Offer,
    Progress,
    Registration,
    Report,
    RunCall,
    RunEnd,
    RunState,
    runs_digest,
)
from coordinator.client.node_wire import (
    FRAME_BYTES_MAX,
    NO_LOG,
    KeptLog,
    Outgoing,
    leader_frame,
    node_frames,
    register_frame,
)
from coordinator.wire.v1 import internal_pb2 as wire


def no_logs(_: int) -> KeptLog:
    return NO_LOG


def test_registration() -> None:
    who = Registration(
        "n1", "uid", 3, "3-aa", "boot", "ns", 5, True, {"z": "a"}, 7, 50, "v", "py", machine="m"
    )
    register = register_frame(who, [Offer("e", 2, "d", b"{}")], [], "c", rejoin=True).register
    assert (register.name, register.counter, register.incarnation) == ("n1", 3, "3-aa")
    assert (register.old_is_dead, register.rejoin, register.cluster_id) == (True, True, "c")
    assert (register.boot_counter, register.machine) == (5, "m")
    assert dict(register.attributes) == {"z": "a"}
    assert (register.manifests[0].name, register.manifests[0].hash) == ("e", "d")


def test_reports() -> None:
    out = Outgoing(now=1_000)
    out.reports = [
        Report(1, "t", 7, started_at=900),
        Report(2, "t", 7, state=RunState(1, None, 2), started_at=900),
        Report(3, "t", 7, RunState(2, b"{}", 2), RunEnd("failed", "x", retry_in_ms=0), 900),
        Report(4, "u", 8, ended=RunEnd("aborted", "no_capacity", handed_back=True)),
        Report(5, "t", 7, stopping="timeout", started_at=900),
        Report(6, "v", 9, ended=RunEnd("cancelled", "cancel", reported="succeeded")),
        Report(7, "w", 9, ended=RunEnd("failed", reported="failed")),
    ]
    (frame,) = node_frames(
        out, lambda run: KeptLog(b"log", 2, (0, 3, 0, 1)) if run == 7 else NO_LOG
    )
    started, state, ended, back, stopping, *told = frame.reports
    assert [report.ended.reported for report in told] == ["succeeded", ""]
    assert (stopping.kind, stopping.stop_reason) == ("stopping", "timeout")
    assert (started.stop_reason, ended.stop_reason) == ("", "")
    assert (started.kind, started.started_ago_ms, started.has_state) == ("started", 100, False)
    assert (state.kind, state.state_seq, state.state_is_null) == ("state", 1, True)
    assert (ended.kind, ended.has_state, ended.state, ended.state_is_null) == (
        "ended",
        True,
        b"{}",
        False,
    )
    assert (ended.ended.logs, ended.ended.logs_dropped, ended.ended.retry_in_ms) == (b"log", 2, 0)
    assert (ended.ended.log_counts.info, ended.ended.log_counts.error) == (3, 1)
    assert not back.ended.HasField("log_counts")
    assert (back.started_ago_ms, back.ended.retry_in_ms, back.ended.handed_back) == (-1, -1, True)


@pytest.mark.parametrize(
    "sent_at, retry_in_ms, again_in_ms",
    [(1_000, 700, 5_000), (1_400, 300, 4_600), (1_800, 0, 4_200), (9_000, 0, 0), (900, 700, 5_000)],
)
def test_tm_36_the_time_that_a_run_asked_for_does_not_move_while_its_result_waits(
    sent_at: int, retry_in_ms: int, again_in_ms: int
) -> None:
    """It began at 400 and ended at 1,000 of its node's clock."""
    end = RunEnd("failed", retry_in_ms=700, again_in_ms=5_000, lasted_ms=600)
    out = Outgoing(now=sent_at)
    out.reports = [Report(1, "t", 7, ended=end, started_at=400), Report(2, "u", 8, ended=end)]
    (frame,) = node_frames(out, no_logs)
    told = [(report.ended.retry_in_ms, report.ended.again_in_ms) for report in frame.reports]
    assert told == [(retry_in_ms, again_in_ms), (700, 5_000)]


def test_a_large_load_is_several_frames_in_order() -> None:
    out = Outgoing(heartbeat=Heartbeat(4, 3, 6_000, 1 << 63, (LocalRun("t", 1, "running"),)))
    size = FRAME_BYTES_MAX // 3
    out.reports = [Report(n, "t", n, state=RunState(1, b"x" * size, 1)) for n in range(1, 8)]
    out.progress = [Progress("t", 1, 0.5, None, "half")]
    out.logs = [LogLine("t", 1, 5, "info", "hello", b"{}")]
    frames = list(node_frames(out, no_logs))
    assert len(frames) > 2
    assert frames[0].heartbeat.runs_digest == 1 << 63
    assert [r.number for frame in frames for r in frame.reports] == list(range(1, 8))
    assert all(frame.ByteSize() < 2 * FRAME_BYTES_MAX for frame in frames)
    assert frames[-1].logs[0].event == "hello"
    assert not frames[-1].progress[0].HasField("total")


def test_what_the_leader_says() -> None:
    run = wire.WantedRun(
        task_id="t", allocation_id=7, executor="e", params=b"{}", state_is_null=True, cost=2,
        invalid_state="raw",
    )  # fmt: skip
    stop = wire.WantedRun(task_id="u", allocation_id=8, stop=True, stop_reason="cancel")
    said = leader_frame(
        wire.LeaderFrame(
            term=4,
            wanted=wire.Wanted(revision=9, previous=8, runs=[run, stop], gone=["v"]),
            answers=[wire.ReportAnswer(number=1, reason="stale_allocation")],
        )
    )
    assert (said.term, said.welcome, said.heartbeat) == (4, None, None)
    assert said.wanted is not None
    first, second = said.wanted.runs
    assert (first.state, first.timeout_ms, first.due_at, first.parent) == (None, None, None, None)
    assert (first.isolation, first.stop, first.max_attempts) == ("shared", False, None)
    assert (second.stop, second.stop_reason) == (True, "cancel")
    assert (first.invalid_state, second.invalid_state) == ("raw", "")
    assert said.wanted.gone == ("v",)
    assert (said.answers[0].accepted, said.answers[0].reason) == (False, "stale_allocation")


def test_the_digest_does_not_depend_on_order_and_is_fixed_for_ever() -> None:
    runs = [("a", 1), ("b", 2), ("c", 3)]
    assert runs_digest(runs) == runs_digest(reversed(runs))
    assert runs_digest([]) == 0
    assert runs_digest([("a", 1), ("a", 1)]) == 0
    assert runs_digest([("ingest-eu", 41)]) == 0xEAE1CA511A7A6777


def test_pt_85_calls_and_their_answers_over_the_wire() -> None:
    asked = wire.RunCall(call=7, task_id="t", allocation_id=3, method="stats", payload=b"{}",
                         timeout_ms=900, headers={"x-opaque-id": "o"})  # fmt: skip
    (call,) = leader_frame(wire.LeaderFrame(term=1, calls=[asked])).calls
    assert call == RunCall(7, "t", 3, "stats", b"{}", 900, {"x-opaque-id": "o"})
    out = Outgoing()
    out.call_answers = [CallAnswer(n, b"x" * 250_000) for n in range(20)]
    assert out
    frames = list(node_frames(out, no_logs))
    assert [one.call for frame in frames for one in frame.call_answers] == list(range(20))
    assert len(frames) > 2
    assert all(frame.ByteSize() < 2 * FRAME_BYTES_MAX for frame in frames)


def test_pt_25_an_end_that_no_frame_can_carry_is_told_without_what_it_was_to_say() -> None:
    out = Outgoing()
    end = RunEnd("succeeded", result=b"{}", retry_in_ms=2**80)
    out.reports = [Report(1, "t", 7, RunState(2, b"{}", 2), end, 0)]
    (frame,) = node_frames(out, no_logs)
    (report,) = frame.reports
    assert (report.ended.outcome, report.ended.reported, report.state) == ("failed", "", b"{}")
    assert b"cannot be sent" in report.ended.error
    assert not out.unsendable


def test_tm_70_live_news_of_many_runs_are_several_frames() -> None:
    out = Outgoing()
    out.progress = [Progress(f"t{n}", n, 1, None, "x" * 4_000) for n in range(1_000)]
    out.logs = [LogLine(f"t{n}", n, 5, "info", "y" * 4_000, b"{}") for n in range(1_000)]
    frames = list(node_frames(out, no_logs))
    assert max(frame.ByteSize() for frame in frames) < FRAME_BYTES_MAX
    assert sum(len(frame.progress) for frame in frames) == 1_000
    assert sum(len(frame.logs) for frame in frames) == 1_000
