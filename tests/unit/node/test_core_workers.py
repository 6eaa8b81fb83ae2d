"""Workers, slots and escalation: PT-56, PT-58, PT-66, TM-41, EX-40."""

from __future__ import annotations

import pytest

from node.frames import Shutdown, Start
from node.inputs import WorkerReady, WorkerWanted
from tests.unit.node.core_kit import EXECUTORS, CoreKit, wanted


@pytest.fixture
def kit() -> CoreKit:
    made = CoreKit(units=6, slot_wait_ms=5_000)
    made.open_session()
    made.clear()
    return made


def keep_alive(kit: CoreKit, ms: int) -> None:
    for _ in range(ms // 100):
        kit.beat()
        kit.after(100)
        kit.accept()


def test_exclusive_and_other_runs_never_share_a_worker(kit: CoreKit) -> None:
    kit.want(wanted("t", 1), wanted("u", 2, exclusive=False), wanted("v", 3))
    assert kit.worker_of(1) == kit.worker_of(3) != kit.worker_of(2)


def test_a_process_of_its_own_comes_from_the_spare_which_is_replaced(kit: CoreKit) -> None:
    kit.want(wanted("t", 1))
    shared = kit.worker_of(1)
    (spare,) = (n for n in kit.core.fleet.workers if n != shared)
    kit.clear()
    kit.want(wanted("u", 2, isolation="process"))
    assert kit.worker_of(2) == spare
    assert kit.told(Start)[0].own_process
    assert len(kit.spawned) == 1
    kit.started(2)
    kit.ended(2)
    assert kit.told(Shutdown)
    keep_alive(kit, 2_000)
    assert kit.killed == [spare]


def test_own_process_is_asked_for_by_the_record(kit: CoreKit) -> None:
    kit.want(wanted("t", 1), wanted("u", 2, own_process=True))
    assert kit.worker_of(1) != kit.worker_of(2)


def test_a_dead_worker_loses_its_runs_and_only_them(kit: CoreKit) -> None:
    kit.running(wanted("t", 1), wanted("u", 2, exclusive=False))
    kit.worker_died(kit.worker_of(1))
    assert kit.ends == [(1, "lost", "worker_died")]
    report = kit.reports[-1]
    assert report.ended is not None
    assert report.ended.worker_died
    kit.clear()
    kit.want(wanted("v", 3))
    assert kit.starts == [3]


def test_tm_a29_no_slot_is_handed_back_after_five_seconds(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, cost=4), wanted("u", 2, cost=2))
    kit.want(wanted("v", 3))
    keep_alive(kit, 4_900)
    assert kit.ends == []
    keep_alive(kit, 200)
    assert kit.ends == [(3, "aborted", "no_capacity")]
    assert kit.reports[-1].ended is not None
    assert kit.reports[-1].ended.handed_back


def test_a_slot_that_gets_free_is_taken(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, cost=6))
    kit.want(wanted("v", 3))
    kit.after(400)
    kit.ended(1)
    assert kit.starts == [3]
    keep_alive(kit, 5_200)
    assert (3, "aborted", "no_capacity") not in kit.ends


def test_tm_a29_an_unknown_executor_is_handed_back(kit: CoreKit) -> None:
    kit.want(wanted("t", 1, executor="nobody"))
    assert kit.ends == [(1, "aborted", "no_executor")]


def test_a_run_whose_worker_turns_out_to_lack_its_executor_goes_to_one_that_has_it(
    kit: CoreKit,
) -> None:
    kit.want(wanted("t", 1), wanted("u", 2, isolation="process"))
    starting = kit.worker_of(2)
    kit.give(WorkerReady(starting, frozenset({"f"})))  # a late plugin was left out there
    kit.clear()
    kit.ended(2, "aborted", "no_executor")
    assert (kit.starts, kit.ends) == ([2], [])
    assert kit.worker_of(2) not in (0, starting, kit.worker_of(1))
    kit.give(WorkerReady(kit.worker_of(2), EXECUTORS))
    kit.started(2)
    kit.ended(2)
    assert kit.ends == [(2, "succeeded", "")]


def test_a_run_asked_to_stop_does_not_look_for_another_worker(kit: CoreKit) -> None:
    kit.want(wanted("t", 1), wanted("u", 2, isolation="process"))
    kit.give(WorkerReady(kit.worker_of(2), frozenset({"f"})))
    kit.want(wanted("u", 2, isolation="process", stop=True, stop_reason="cancel"))
    kit.clear()
    kit.ended(2, "aborted", "no_executor")
    assert (kit.starts, kit.ends) == ([], [(2, "cancelled", "no_executor")])


def test_only_so_many_start_at_once() -> None:
    kit = CoreKit(max_starting=2)
    kit.open_session(*(wanted(f"t{n}", n) for n in range(1, 5)))
    assert kit.starts == [1, 2]
    kit.started(1)
    assert kit.starts == [1, 2, 3]


def test_tm_a30_at_the_time_limit_the_slot_is_free_within_the_grace(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, timeout_ms=60_000, isolation="process", cost=6))
    keep_alive(kit, 59_800)
    kit.want(wanted("next", 2))
    assert (kit.stops, kit.starts) == ([], [])
    kit.after(200)
    assert kit.stops == [(1, "timeout")]
    worker = kit.worker_of(1)
    kit.after(199)
    assert (kit.killed, kit.starts) == ([], [])  # nothing goes on outside the accounting
    kit.after(1)
    assert kit.killed == [worker]
    kit.worker_died(worker)
    assert kit.ends == [(1, "timed_out", "killed")]
    assert kit.starts == [2]


def test_tm_a31_the_time_limit_is_counted_here_too(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, timeout_ms=300, isolation="process"))
    kit.after(300)
    assert kit.stops == [(1, "timeout")]
    worker = kit.worker_of(1)
    kit.after(200)
    assert kit.killed == [worker]
    kit.worker_died(worker)
    assert kit.ends == [(1, "timed_out", "killed")]


def test_neighbours_of_a_hung_run_get_time_to_end(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, exclusive=False), wanted("u", 2, exclusive=False))
    worker = kit.worker_of(1)
    kit.want(wanted("t", 1, stop=True, stop_reason="cancel"))
    kit.after(200)
    assert kit.killed == []
    kit.want(wanted("v", 3, exclusive=False))
    assert kit.worker_of(3) != worker
    keep_alive(kit, 1_000)
    kit.ended(2)
    assert kit.killed == [worker]
    kit.worker_died(worker)
    assert (1, "cancelled", "killed") in kit.ends


def test_tm_a30_neighbours_that_do_not_end_are_cut_off_and_lost_after_30_s(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, exclusive=False), wanted("u", 2, exclusive=False))
    worker = kit.worker_of(1)
    kit.want(wanted("t", 1, stop=True, stop_reason="pause"))
    keep_alive(kit, 30_100)
    assert kit.killed == []
    keep_alive(kit, 200)
    assert kit.killed == [worker]
    kit.worker_died(worker)
    assert kit.ends == [(1, "aborted", "killed"), (2, "lost", "worker_died")]


def test_a_worker_that_cannot_start_is_not_started_in_a_loop() -> None:
    kit = CoreKit()
    kit.open_session(wanted("t", 1, exclusive=False))
    (spare,) = (n for n in kit.core.fleet.workers if n != 1)
    kit.clear()
    kit.worker_died(spare)
    assert kit.spawned == []
    kit.after(400)
    assert len(kit.spawned) == 1
    kit.worker_died(kit.spawned[0])
    kit.after(700)
    assert len(kit.spawned) == 1
    kit.after(100)
    assert len(kit.spawned) == 2


def test_runs_go_to_the_worker_that_tells_first_what_is_offered() -> None:
    kit = CoreKit(spare_workers=0)
    kit.open_session(wanted("t", 1))
    assert kit.worker_of(1) == 1
    assert kit.core.fleet.executors == EXECUTORS


# --- workers that offer different executors ----------------------------------------------------------------------------


MORE = EXECUTORS | {"slow"}


def test_a_late_worker_counts_for_nothing_until_it_is_ready() -> None:
    kit = CoreKit(ready=False)
    kit.give(WorkerWanted())
    assert kit.spawned == [1, 2]
    kit.give(WorkerReady(2, EXECUTORS))
    kit.open_session()
    kit.want(wanted("t", 1), wanted("u", 2, own_process=True))
    assert 1 not in (kit.worker_of(1), kit.worker_of(2))
    kit.want(wanted("s", 3, executor="slow"))
    assert kit.ends == [(3, "aborted", "no_executor")]
    kit.give(WorkerReady(1, MORE))
    kit.want(wanted("s", 4, executor="slow", own_process=True))
    assert kit.worker_of(4) == 1


def test_a_late_worker_that_dies_is_no_failure_to_start() -> None:
    kit = CoreKit(ready=False)
    kit.give(WorkerWanted())
    kit.give(WorkerReady(2, EXECUTORS))
    kit.worker_died(1)
    assert kit.core.fleet.is_up
    assert kit.spawned == [1, 2]


def test_a_shared_worker_that_lacks_the_executor_makes_way(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    old = kit.worker_of(1)
    kit.give(WorkerWanted())
    kit.give(WorkerReady(max(kit.core.fleet.workers), MORE))
    kit.want(wanted("s", 2, executor="slow"), wanted("u", 3))
    assert old not in (kit.worker_of(2), kit.worker_of(3))
    assert kit.worker_of(2) == kit.worker_of(3)
    kit.clear()
    kit.ended(1)
    assert kit.shut_down == [old]


def test_an_idle_shared_worker_that_lacks_the_executor_goes_at_once(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    old = kit.worker_of(1)
    kit.ended(1)
    kit.give(WorkerWanted())
    kit.give(WorkerReady(max(kit.core.fleet.workers), MORE))
    kit.clear()
    kit.want(wanted("s", 2, executor="slow"))
    assert kit.shut_down == [old]


def test_what_one_worker_offers_is_offered_though_a_newer_one_lacks_it(kit: CoreKit) -> None:
    kit.running(wanted("t", 1, executor="f"))
    kit.give(WorkerReady(max(kit.core.fleet.workers), frozenset({"e"})))
    kit.want(wanted("u", 2, executor="f"))
    assert kit.worker_of(2) == kit.worker_of(1)


def test_idle_workers_are_not_more_than_are_wanted(kit: CoreKit) -> None:
    (first,) = kit.core.fleet.workers
    for _ in range(3):
        kit.give(WorkerWanted())
        kit.give(WorkerReady(max(kit.core.fleet.workers), EXECUTORS))
    assert kit.shut_down == [first, first + 1, first + 2]
    kit.clear()
    kit.give(WorkerWanted())
    kit.give(WorkerReady(max(kit.core.fleet.workers), MORE))
    assert kit.shut_down == [first + 3]
    assert kit.spawned == [first + 4]


def test_a_node_that_leaves_starts_no_worker_more(kit: CoreKit) -> None:
    kit.core.fleet.close()
    kit.clear()
    kit.give(WorkerWanted())
    assert kit.spawned == []
