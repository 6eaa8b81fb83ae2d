"""Reports and their answers: PT-14, PT-60, PT-61, N2."""

from __future__ import annotations

import pytest

from coordinator.client.node_values import RunCall
from node.effects import EXIT_REMOVED, Exit, SendCallAnswer, Settled
from node.frames import Call, ChildAnswer, StateAck, StateRefused, Stopping
from node.inputs import WorkerSaid
from tests.unit.node.core_kit import CoreKit, wanted


@pytest.fixture
def kit() -> CoreKit:
    made = CoreKit()
    made.open_session()
    made.clear()
    return made


def kinds(kit: CoreKit) -> list[str]:
    return [
        "ended" if report.ended else report.stopping or ("state" if report.state else "started")
        for report in kit.reports
    ]


def test_a_start_is_reported_at_once_where_runs_are_not_known_to_be_brief(kit: CoreKit) -> None:
    kit.want(wanted("t", 1))
    kit.started(1)
    assert kinds(kit) == ["started"]


def test_a_brief_run_sends_one_report(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    kit.clear()
    kit.want(wanted("u", 2))
    kit.started(2)
    kit.after(20)
    kit.ended(2)
    assert kinds(kit) == ["ended"]
    assert kit.reports[0].started_at == kit.now - 20


def test_a_start_is_held_back_for_fifty_ms_at_most(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    kit.clear()
    kit.want(wanted("u", 2))
    kit.started(2)
    kit.after(49)
    assert kinds(kit) == []
    kit.after(1)
    assert kinds(kit) == ["started"]


def test_pt_15_a_time_limit_is_reported_when_the_stop_begins(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, timeout_ms=300))
    kit.give(WorkerSaid(kit.worker_of(1), (Stopping(1, "timeout", 200),)))
    assert kinds(kit) == ["timeout"]
    kit.after(100)
    kit.want(wanted("t", 1, stop=True, stop_reason="timeout"))
    kit.ended(1, "succeeded")
    assert kinds(kit) == ["timeout", "ended"]
    assert kit.ends == [(1, "timed_out", "timeout")]


def test_pt_15_also_when_the_worker_cannot_say_so(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, timeout_ms=300))
    kit.after(299)
    assert kinds(kit) == []
    kit.after(1)
    assert kinds(kit) == ["timeout"]
    kit.give(WorkerSaid(kit.worker_of(1), (Stopping(1, "timeout", 200),)))
    assert kinds(kit) == ["timeout"]


@pytest.mark.parametrize("reason", ["cancel", "move", "timeout"])
def test_pt_15_what_the_leader_asked_for_it_is_not_told(kit: CoreKit, reason: str) -> None:
    kit.running(wanted("t", 1, timeout_ms=300))
    kit.want(wanted("t", 1, stop=True, stop_reason=reason))
    kit.give(WorkerSaid(kit.worker_of(1), (Stopping(1, reason, 200),)))
    kit.after(50)
    assert kinds(kit) == []


def test_pt_15_a_time_limit_is_stronger_than_a_move(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, timeout_ms=300))
    kit.want(wanted("t", 1, stop=True, stop_reason="move"))
    kit.give(WorkerSaid(kit.worker_of(1), (Stopping(1, "timeout", 200),)))
    assert kinds(kit) == ["timeout"]
    kit.ended(1, "failed")
    assert kit.ends == [(1, "timed_out", "timeout")]


def test_a_stop_takes_the_held_start_along(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    kit.clear()
    kit.want(wanted("u", 2, timeout_ms=20))
    kit.started(2)
    kit.after(20)
    assert kinds(kit) == ["started", "timeout"]
    kit.after(100)
    assert kinds(kit) == ["started", "timeout"]


def test_a_stop_of_a_run_that_is_superseded_ends_it(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, timeout_ms=300))
    kit.after(300)
    kit.answer(kit.reports[-1], "stale_allocation")
    assert kit.stops == [(1, "timeout")]
    assert kit.core.unanswered == 0


def test_a_state_write_takes_the_held_start_along(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    kit.clear()
    kit.want(wanted("u", 2))
    kit.started(2)
    kit.wrote(2, 1)
    assert kinds(kit) == ["started", "state"]


def test_a_state_write_is_acknowledged_to_the_run(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.wrote(1, 1)
    kit.wrote(1, 2)
    assert kinds(kit) == ["state"]
    kit.answer(kit.reports[0])
    assert kit.told(StateAck) == [StateAck(1, 1, 50)]
    assert kinds(kit) == ["state", "state"]


def test_a_stale_state_write_fences_the_run(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.wrote(1, 1)
    kit.answer(kit.reports[0], "stale_allocation")
    assert kit.told(StateRefused) == [StateRefused(1, 1, "fenced")]
    assert kit.stops == [(1, "fenced")]


def test_pt_77_the_answer_to_a_child_reaches_the_run(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.starts_child(1, 1)
    kit.starts_child(1, 2)
    first, second = kit.reports[-2:]
    assert (first.child.key, second.child.key) == ("k1", "k2")
    kit.answer(first)
    kit.answer(second, "unknown_executor")
    assert kit.told(ChildAnswer) == [
        ChildAnswer(1, 1, "t/k1", False, ""),
        ChildAnswer(1, 2, "t/k2", False, "unknown_executor"),
    ]
    assert kit.stops == []


def test_pt_a41_a_superseded_run_starts_no_child(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.starts_child(1, 1)
    kit.answer(kit.reports[0], "parent_ended")  # under another number than ours
    assert kit.told(ChildAnswer) == [ChildAnswer(1, 1, "t/k1", False, "fenced")]
    assert kit.stops == [(1, "fenced")]


def test_pt_52_a_poke_is_answered_and_a_superseded_run_learns_it(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.pokes(1, 1)
    kit.pokes(1, 2)
    first, second = kit.reports[-2:]
    assert (first.poke.executor, second.poke.seq) == ("demo", 2)
    kit.answer(first)
    kit.answer(second, "stale_allocation")
    assert kit.told(ChildAnswer) == [
        ChildAnswer(1, 1, "", False, ""),
        ChildAnswer(1, 2, "", False, "fenced"),
    ]
    assert kit.stops == [(1, "fenced")]


def test_a_child_whose_answer_got_lost_is_asked_for_again(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.starts_child(1, 1)
    kit.close_session()
    kit.clear()
    kit.open_session(wanted("t", 1))
    assert [report.child.key for report in kit.reports if report.child is not None][-1] == "k1"


def test_a_write_that_is_refused_for_itself_stops_nothing(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.wrote(1, 1)
    kit.answer(kit.reports[0], "too_large")
    assert kit.told(StateRefused) == [StateRefused(1, 1, "too_large")]
    assert kit.stops == []


def test_a_stale_start_fences_the_run(kit: CoreKit) -> None:
    kit.want(wanted("t", 1))
    kit.started(1)
    kit.answer(kit.reports[0], "stale_allocation")
    assert kit.stops == [(1, "fenced")]


def test_an_answer_that_decides_nothing_is_asked_for_again(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    first = kit.reports[0]
    kit.answer(first, "outcome_unknown")
    kit.clear()
    kit.after(999)
    assert kit.reports == []
    kit.after(1)
    assert kit.reports == [first]
    kit.answer(first)
    assert [effect.allocation_ids for effect in kit.all(Settled)] == [(1,)]


def test_unanswered_reports_outlive_the_session(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    first = kit.reports[0]
    kit.close_session()
    kit.clear()
    kit.open_session(wanted("t", 1))
    assert kit.reports == [first]
    assert kit.starts == []


def test_what_ends_without_a_session_waits(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.close_session()
    kit.ended(1)
    assert kit.reports == []
    assert kit.core.unanswered == 1


def test_a_removed_node_ends(kit: CoreKit) -> None:
    kit.hear(close="removed")
    assert [effect.code for effect in kit.all(Exit)] == [EXIT_REMOVED]


def test_a_late_answer_to_a_forgotten_report_is_nothing(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    report = kit.reports[0]
    kit.answer(report)
    kit.clear()
    kit.answer(report, "stale_allocation")
    assert kit.effects == []


def test_pt_85_a_call_reaches_the_worker_of_its_run(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    call = RunCall(7, "t", 1, "stats", b"{}", 5_000, {"x-opaque-id": "o"})
    kit.hear(calls=(call,))
    assert kit.told(Call) == [Call(1, 7, "stats", b"{}", 5_000, {"x-opaque-id": "o"})]
    kit.ended(1)
    kit.clear()
    kit.hear(calls=(call, RunCall(8, "t", 9, "stats", b"{}", 5_000)))
    assert kit.told(Call) == []
    answers = [one.answer for one in kit.effects if isinstance(one, SendCallAnswer)]
    assert [(one.call, one.reason) for one in answers] == [(7, "not_here"), (8, "not_here")]
