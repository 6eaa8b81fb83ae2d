"""A node with too much to carry, and a leader that takes no writes (TM-62, TM-64, TM-65)."""

from __future__ import annotations

import pytest

from coordinator.client.node_values import RunEnd
from node.core_desk import CoreConfig
from node.effects import SendHeartbeat
from node.inputs import RunEnded, WorkerLagged, WorkerSaid
from tests.unit.node.core_kit import CoreKit, wanted

WINDOW = 10_000


@pytest.fixture
def kit() -> CoreKit:
    made = CoreKit(units=20)
    made.open_session()
    return made


def window(kit: CoreKit, *, trouble: bool = False) -> int:
    """One window goes by; the effective capacity after it."""
    if trouble:
        kit.give(WorkerLagged(1, 5_001, ("demo.block",)))
    kit.after(WINDOW)
    return kit.core.overload.effective


def told(kit: CoreKit) -> tuple[int, str]:
    """By the next heartbeat."""
    kit.clear()
    for _ in range(20):
        kit.beat()
        kit.after(50)
    beat = kit.all(SendHeartbeat)[-1].heartbeat
    return beat.effective_capacity, beat.overload


def test_tm_a63_three_windows_with_signals_and_clean_ones_after(kit: CoreKit) -> None:
    assert [window(kit, trouble=True) for _ in range(3)] == [8, 6, 5]
    assert [window(kit) for _ in range(6)] == [6, 7, 8, 9, 10, 10]


def test_tm_62_never_below_the_floor_nor_above_what_is_configured() -> None:
    kit = CoreKit(units=20)
    assert [window(kit, trouble=True) for _ in range(5)] == [8, 6, 5, 5, 5]
    small = CoreKit(units=6)
    assert [window(small, trouble=True) for _ in range(2)] == [3, 3]
    other = CoreKit(units=200, overload_floor=20, overload_down=0.5, overload_up=1.5)
    assert [window(other, trouble=True) for _ in range(3)] == [50, 25, 20]
    assert [window(other) for _ in range(4)] == [30, 45, 68, 100]


def test_tm_62_any_number_of_signals_within_a_window_count_once(kit: CoreKit) -> None:
    for _ in range(50):
        kit.give(WorkerLagged(1, 6_000, ()))
        kit.after(100)
    kit.after(WINDOW)
    assert kit.core.overload.effective == 8


def test_tm_62_what_it_says_is_heard_by_the_leader_and_shown_for_two_windows_more(
    kit: CoreKit,
) -> None:
    kit.running(wanted("t", 1))
    assert told(kit) == (0, "")
    news = RunEnded(1, RunEnd("failed", overload=True))
    kit.give(WorkerSaid(kit.worker_of(1), (news,)))
    reason = "a run of e said so"
    assert told(kit) == (0, reason)
    kit.after(WINDOW - 1_000)
    assert told(kit) == (8, reason)
    kit.after(2 * WINDOW)
    assert told(kit) == (0, reason)
    kit.after(2 * WINDOW)
    assert told(kit) == (0, "")
    assert kit.core.overload.effective == 10


def test_tm_62_a_refusal_as_overloaded_is_a_signal_and_other_trouble_is_not(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.wrote(1, 1)
    kit.answer(kit.reports[0], "disk_full")
    assert window(kit) == 10
    kit.give(WorkerLagged(1, 5_000, ("e",)))
    assert window(kit) == 10
    kit.answer(kit.reports[-1], "overloaded")
    assert window(kit) == 8
    assert told(kit)[1] == "the leader refused writes as overloaded"


def test_tm_62_a_node_without_trouble_is_never_woken_for_it(kit: CoreKit) -> None:
    assert kit.core.overload._timer == 0
    window(kit, trouble=True)
    for _ in range(5):
        window(kit)
    assert kit.core.overload._timer == 0


def test_tm_a64_writes_that_are_impossible_are_tried_once_a_second(kit: CoreKit) -> None:
    kit.running(wanted("a", 1), wanted("b", 2))
    kit.wrote(1, 1)
    kit.answer(kit.reports[0], "disk_full")
    kit.clear()
    tries = 0
    for step in range(100):
        kit.after(100)
        if step % 10 == 5:
            kit.wrote(2, 1 + step)  # what comes meanwhile waits as well
        sent = kit.reports
        tries += bool(sent)
        kit.clear()
        for report in sent:
            kit.answer(report, "disk_full")
        assert kit.reports == []
    assert tries == 10
    assert kit.core.overload.effective == 10  # the capacity stays, and so do the runs
    assert kit.stops == []


def test_tm_a64_everything_goes_on_with_the_first_success(kit: CoreKit) -> None:
    kit.running(*(wanted(f"t{number}", number) for number in range(1, 6)))
    for number in range(1, 6):
        kit.ended(number)
    first = kit.reports
    for report in first:
        kit.answer(report, "disk_full")
    kit.clear()
    kit.after(1_000)
    again = kit.reports
    assert again == first
    kit.answer(again[0], "disk_full")
    kit.clear()
    kit.answer(again[1])
    assert [report.task_id for report in kit.reports] == ["t1"]  # at once, not after a second


def test_tm_a64_a_new_session_is_tried_at_once(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    first = kit.reports[0]
    kit.answer(first, "disk_full")
    kit.close_session()
    kit.clear()
    kit.open_session(wanted("t", 1))
    assert kit.reports == [first]


def waits(kit: CoreKit, tries: int) -> list[int]:
    """How long the node waited before each further try at a write that is refused as overloaded."""
    found: list[int] = []
    for _ in range(tries):
        (report,) = kit.reports
        kit.clear()
        kit.answer(report, "overloaded")
        before = kit.now
        while not kit.reports:
            kit.after(1)
        found.append(kit.now - before)
    return found


def test_tm_63_a_leader_with_too_much_to_do_is_given_ever_more_time(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    found = waits(kit, 9)
    longest = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]
    assert all(1 <= wait <= most for wait, most in zip(found, longest, strict=True))
    assert max(found) > 1_000
    other = CoreKit(units=18)
    other.core._desk.config = CoreConfig("2-bb", units=18)
    other.open_session()
    other.running(wanted("t", 1))
    other.ended(1)
    assert waits(other, 9) != found  # each node has a share of its own


def test_tm_63_after_a_success_it_begins_anew(kit: CoreKit) -> None:
    kit.running(wanted("a", 1), wanted("b", 2))
    kit.ended(1)
    waits(kit, 8)
    kit.answer(kit.reports[0])
    kit.clear()
    kit.ended(2)
    assert waits(kit, 1)[0] <= 100
