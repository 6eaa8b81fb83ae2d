"""What the lease demands of exclusive runs, and what it leaves alone: L1, L2, L8, PT-69."""

from __future__ import annotations

import pytest

from coordinator.client.node_values import FromLeader, Welcome
from node.effects import EXIT_ANEW, ArmKiller, Exit, SendHeartbeat
from node.inputs import LeaderSaid
from tests.unit.node.core_kit import CoreKit, L, wanted


@pytest.fixture
def kit() -> CoreKit:
    made = CoreKit(orphan_limit_ms=5_000)
    made.open_session()
    made.clear()
    return made


def test_no_exclusive_run_starts_before_the_first_acceptance() -> None:
    kit = CoreKit()
    kit.open_session(wanted("t", 1), wanted("u", 2, exclusive=False), accept=False)
    assert kit.starts == [2]
    kit.accept()
    assert kit.starts == [2, 1]


def test_an_exclusive_run_starts_only_with_four_tenths_left(kit: CoreKit) -> None:
    kit.go(kit.now + 600)
    kit.want(wanted("t", 1))
    assert kit.starts == []
    kit.beat()
    kit.accept()
    assert kit.starts == [1]


def test_exclusive_runs_are_cancelled_then_killed(kit: CoreKit) -> None:
    kit.running(wanted("t", 1), wanted("u", 2, exclusive=False))
    began = kit.now
    kit.go(began + 599)
    assert kit.stops == []
    kit.go(began + 600)
    assert kit.stops == [(1, "lease")]
    worker = kit.worker_of(1)
    kit.go(began + 899)
    assert kit.killed == []
    kit.go(began + 900)
    assert kit.killed == [worker]
    assert worker != kit.worker_of(2)
    kit.worker_died(worker)
    assert kit.ends == [(1, "lost", "lease")]
    assert not kit.all(Exit)


def test_l2_a_run_that_ends_by_itself_after_the_cancel_is_lost_and_its_worker_is_killed(
    kit: CoreKit,
) -> None:
    kit.running(wanted("t", 1))
    worker = kit.worker_of(1)
    kit.after(650)
    kit.ended(1, "aborted")
    assert kit.ends == [(1, "lost", "lease")]
    kit.after(249)
    assert kit.killed == []
    kit.after(1)
    assert kit.killed == [worker]
    kit.worker_died(worker)
    kit.after(500)
    assert not kit.all(Exit)


def test_g6_what_an_exclusive_run_may_have_left_does_not_outlive_the_lease(kit: CoreKit) -> None:
    kit.running(wanted("t", 1), wanted("u", 2, exclusive=False))
    worker, tolerant = kit.worker_of(1), kit.worker_of(2)
    kit.ended(1)
    kit.ended(2)
    kit.after(900)
    assert kit.killed == [worker] != [tolerant]
    kit.after(100)
    assert [effect.code for effect in kit.all(Exit)] == [EXIT_ANEW]


def test_a_success_in_the_last_moment_is_a_success(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.after(650)
    kit.ended(1, "succeeded")
    assert kit.ends == [(1, "succeeded", "")]


def test_an_agent_that_cannot_confirm_the_death_exits(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.after(L)
    assert [effect.code for effect in kit.all(Exit)] == [EXIT_ANEW]


def test_s44_a_node_whose_cluster_was_restored_begins_anew_whatever_the_term() -> None:
    kit = CoreKit()
    kit.open_session(wanted("t", 4))
    kit.give(LeaderSaid(FromLeader(term=kit.term - 1, close="wrong_cluster")))
    assert kit.all(Exit) == []
    kit.give(LeaderSaid(FromLeader(term=kit.term - 1, close="restored", close_detail="x")))
    assert [effect.code for effect in kit.all(Exit)] == [EXIT_ANEW]


def test_the_lease_counts_from_before_sending(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    before, sent_at = len(kit.all(SendHeartbeat)), 0
    while len(kit.all(SendHeartbeat)) == before:
        kit.after(1)
        kit.beat()
        sent_at = kit.now
    sent = kit.all(SendHeartbeat)[-1].heartbeat
    kit.after(300)
    kit.accept(sent)
    assert kit.core.lease.until == sent_at + L


def test_the_kernel_timer_is_armed_while_a_worker_lives_that_had_an_exclusive_run(
    kit: CoreKit,
) -> None:
    kit.want(wanted("u", 2, exclusive=False))
    assert kit.all(ArmKiller) == []
    kit.want(wanted("t", 1))
    assert [effect.at for effect in kit.all(ArmKiller)] == [kit.core.lease.until]
    kit.clear()
    kit.after(100)
    kit.beat()
    kit.accept()
    assert [effect.at for effect in kit.all(ArmKiller)] == [kit.core.lease.until]
    kit.clear()
    worker = kit.worker_of(1)
    kit.ended(1)
    assert kit.all(ArmKiller) == []
    kit.worker_died(worker)
    assert [effect.at for effect in kit.all(ArmKiller)] == [None]


def test_after_a_pause_the_lease_is_looked_at_first(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.now += 950
    kit.want(wanted("v", 3))
    assert kit.killed == [kit.worker_of(1)]
    assert kit.starts == []


def test_no_heartbeat_without_the_supervisor(kit: CoreKit) -> None:
    kit.after(360)
    kit.clear()
    kit.after(1_000)
    assert kit.all(SendHeartbeat) == []
    kit.beat()
    assert len(kit.all(SendHeartbeat)) == 1


def test_a_lower_term_moves_nothing(kit: CoreKit) -> None:
    until = kit.core.lease.until
    kit.after(50)
    kit.beat()
    kit.after(60)
    beat = kit.all(SendHeartbeat)[-1].heartbeat
    kit.term -= 1
    kit.accept(beat)
    assert kit.core.lease.until == until


def test_tolerant_runs_go_on_for_the_orphan_limit(kit: CoreKit) -> None:
    kit.running(wanted("u", 2, exclusive=False))
    kit.close_session()
    kit.after(L + 4_999)
    assert kit.stops == []
    kit.after(2)
    assert kit.stops == [(2, "lease")]
    kit.ended(2, "aborted")
    kit.open_session(wanted("u", 2, exclusive=False))
    assert kit.ends == [(2, "lost", "lease")]


def test_a_session_in_time_saves_the_orphans(kit: CoreKit) -> None:
    kit.running(wanted("u", 2, exclusive=False))
    kit.close_session()
    kit.after(L + 3_000)
    kit.open_session(wanted("u", 2, exclusive=False))
    for _ in range(80):
        kit.beat()
        kit.after(100)
        kit.accept()
    assert kit.stops == []


def test_heartbeats_list_the_runs_first_and_when_asked(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.beat()
    kit.after(100)
    assert kit.all(SendHeartbeat)[-1].heartbeat.runs is None
    digest = kit.all(SendHeartbeat)[-1].heartbeat.runs_digest
    assert digest != 0
    kit.hear(send_runs=True)
    kit.beat()
    kit.after(100)
    listed = kit.all(SendHeartbeat)[-1].heartbeat.runs
    assert listed is not None
    assert [(run.task_id, run.allocation_id, run.state) for run in listed] == [("t", 1, "running")]


def test_new_settings_within_a_session_change_values_and_nothing_else(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.hear(welcome=Welcome("c", "c1", 50, 400, 800))
    assert kit.core.lease.until == kit.now + 400
    kit.want(wanted("u", 2))
    assert kit.starts == [2]
    assert kit.stops == []
    kit.after(240)
    assert (1, "lease") in kit.stops
