"""SIGTERM: PT-72, TM-46."""

from __future__ import annotations

import pytest

from node.effects import EXIT_ASKED, AskDrain, Exit, SayGoodbye
from node.inputs import ShutdownAsked
from tests.unit.node.core_kit import CoreKit, wanted


@pytest.fixture
def kit() -> CoreKit:
    made = CoreKit(shutdown_grace_ms=500, farewell_ms=1_000, units=4)
    made.open_session()
    made.clear()
    return made


def exits(kit: CoreKit) -> list[int]:
    return [effect.code for effect in kit.all(Exit)]


def test_an_idle_node_leaves_at_once(kit: CoreKit) -> None:
    kit.give(ShutdownAsked())
    assert kit.all(AskDrain)
    assert kit.all(SayGoodbye)
    assert exits(kit) == [EXIT_ASKED]


def test_runs_get_the_grace_then_are_cancelled(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.give(ShutdownAsked())
    kit.after(499)
    assert kit.stops == []
    kit.after(1)
    assert kit.stops == [(1, "shutdown")]
    kit.ended(1, "failed")
    assert kit.ends == [(1, "aborted", "shutdown")]
    assert exits(kit) == []
    kit.answer_all()
    assert kit.effects == []


def test_tm_a34_goodbye_comes_after_the_last_answer(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.give(ShutdownAsked())
    kit.ended(1)
    assert not kit.all(SayGoodbye)
    kit.answer(kit.reports[-1])
    assert kit.all(SayGoodbye)
    assert exits(kit) == [EXIT_ASKED]


def test_the_second_signal_skips_the_wait(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.give(ShutdownAsked())
    kit.give(ShutdownAsked())
    assert kit.stops == [(1, "shutdown")]


def test_tm_a34_what_has_not_started_is_handed_back(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, cost=4))
    kit.want(wanted("u", 2))
    kit.give(ShutdownAsked())
    assert kit.ends == [(2, "aborted", "shutting_down")]
    kit.want(wanted("v", 3))
    assert kit.ends[-1] == (3, "aborted", "shutting_down")
    assert kit.starts == []


def test_tm_a34_shutdown_takes_nothing_new_and_repeats_nothing_finished(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, cost=4))
    kit.want(wanted("waits", 2))
    kit.close_session()
    kit.ended(1)  # nobody can be told yet
    kit.clear()
    kit.open_session(wanted("t", 1), wanted("waits", 2))
    kit.clear()
    kit.give(ShutdownAsked())
    kit.want(wanted("new", 3), wanted("t", 1))
    assert not kit.all(SayGoodbye)
    assert not {1, 3} & set(kit.starts)
    kit.started(2)
    kit.ended(2, "aborted", "shutdown")
    kit.clear()
    kit.close_session()
    kit.open_session(wanted("t", 1), wanted("waits", 2), wanted("new", 3))
    assert set(kit.ends) == {
        (1, "succeeded", ""),
        (2, "aborted", "shutdown"),
        (3, "aborted", "shutting_down"),
    }
    assert kit.starts == []
    for report in kit.reports:
        kit.answer(report)
    assert kit.all(SayGoodbye)
    assert exits(kit) == [EXIT_ASKED]


def test_without_a_leader_the_node_waits_a_moment_and_goes(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.close_session()
    kit.give(ShutdownAsked())
    kit.after(100)
    worker = kit.worker_of(1)
    kit.ended(1)
    kit.worker_died(worker)
    kit.after(999)
    assert exits(kit) == []
    kit.after(1)
    assert exits(kit) == [EXIT_ASKED]


def test_without_a_leader_and_without_news_the_node_goes_at_once(kit: CoreKit) -> None:
    kit.close_session()
    kit.give(ShutdownAsked())
    assert exits(kit) == [EXIT_ASKED]
    assert not kit.all(SayGoodbye)


def test_a_new_session_is_told_of_the_drain(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.give(ShutdownAsked())
    kit.close_session()
    kit.clear()
    kit.open_session(wanted("t", 1))
    assert kit.all(AskDrain)
