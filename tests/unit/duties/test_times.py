"""What comes due: waiting tasks, retries, retention, time limits (TM-37, TM-41, TM-74)."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.duties import prune as prune_module
from coordinator.duties.agenda import earliest
from coordinator.duties.due import place_now, wake_due
from coordinator.duties.prune import prune
from coordinator.duties.retry import backoff_ms, wait_after
from coordinator.duties.time_limits import AFTER_MS, TimeLimits
from coordinator.machine.commands import (
    AssignTask,
    ForgetNode,
    ForgetRequests,
    RemoveTask,
    StopRun,
)
from coordinator.model.ids import AllocationId
from coordinator.model.instants import DAY
from coordinator.model.limits import REQUESTS_REMEMBERED_MS
from coordinator.model.nodes import NodeStatus
from coordinator.model.requests import Remembered
from coordinator.model.schedules import Occurrence, Series
from coordinator.model.settings import Settings, SettingValue
from coordinator.model.tasks import (
    Assignment,
    Backoff,
    Code,
    Desired,
    LastOutcome,
    Policy,
    RunOutcome,
    Status,
    StopReason,
    Task,
)
from tests.unit.assignment.kit import node, task
from tests.unit.duties.kit import WALL, Term, commands


def waiting(task_id: str, wake_at: int, **more: object) -> Task:
    return msgspec.structs.replace(
        task(task_id, **more), status=Status.WAITING, wake_at=WALL + wake_at
    )


def finished(task_id: str, expires_at: int, status: Status = Status.SUCCEEDED) -> Task:
    return msgspec.structs.replace(task(task_id), status=status, expires_at=WALL + expires_at)


def test_tm_29_a_paused_series_that_is_tried_again_stays_paused() -> None:
    """Somebody let it run once; that its attempt is due says nothing about its pause."""
    paused = waiting("t", 10, desired=Desired.PAUSED)
    term = Term(node("a", 1), tasks=(paused,))
    (command,) = commands(wake_due(term.view, term.at(10)))
    assert isinstance(command, AssignTask)
    assert command.assignment.node == "a"


def test_due_tasks_are_placed_earliest_first_and_each_sees_the_others() -> None:
    term = Term(
        node("a", 1), node("b", 1), tasks=(waiting("3", 30), waiting("1", 10), waiting("2", 20))
    )
    agenda = wake_due(term.view, term.at(30))
    assert [c.task_id for c in commands(agenda)] == ["1", "2", "3"]
    nodes = [c.assignment.node for c in commands(agenda)]
    assert sorted(nodes[:2]) == ["a", "b"]
    assert nodes[2] is None
    assert commands(agenda)[2].assignment.code is Code.NO_CAPACITY


def test_not_before_its_time_and_says_when_to_come_again() -> None:
    term = Term(node("a"), tasks=(waiting("t", 500),))
    agenda = wake_due(term.view, term.at(499))
    assert (commands(agenda), agenda.wake_at) == ([], 500)


def test_a_due_task_that_is_under_way_is_left_alone() -> None:
    term = Term(node("a"), tasks=(waiting("t", 0),))
    term.view.busy["t"] = 1
    assert not commands(wake_due(term.view, term.at(1)))


def test_l10_a_wall_clock_set_back_holds_nothing_up() -> None:
    term = Term(node("a"), tasks=(waiting("t", 500),))
    term.state.at = WALL + 500
    assert commands(wake_due(term.view, term.at(-1_000)))


def test_pt_35_the_switch_comes_before_nodes_and_own_choice() -> None:
    term = Term(node("a"))
    term.choosing("demo.noop")
    asked, claims = place_now(task("t"), term.view, term.at(0))
    assert (asked.code, claims) == (Code.AWAITING_FIRST_ASSIGNMENT, ())
    term.state.settings = Settings({"assignment.enable": SettingValue("none", "ann", 0)})
    off, claims = place_now(task("t"), term.view, term.at(0))
    assert (off.code, off.explanation, claims) == (
        Code.ASSIGNMENT_DISABLED,
        "assignment.enable = none, set by ann",
        (),
    )
    assert isinstance(off, Assignment)


@pytest.mark.parametrize(
    "backoff, waits",
    [
        (Backoff(jitter="none"), [30_000, 300_000, 600_000, 1_200_000, 2_400_000, 3_600_000]),
        (Backoff("fixed", 7_000), [7_000] * 6),
        (Backoff("exponential", 1_000, 100, 1_000, "none"), [1_000, 100, 200, 400, 800, 1_000]),
        (Backoff("exponential", 5, 0, 0, "full"), [5, 0, 0, 0, 0, 0]),
    ],
)
def test_tm_37_waits_after_each_failure(backoff: Backoff, waits: list[int]) -> None:
    assert [backoff_ms(backoff, n, lambda _: 0) for n in range(1, 7)] == waits


@pytest.mark.parametrize(
    "said, facts, wait",
    [
        (RunOutcome.FAILED, {"attempts": 1}, 4_000),
        (RunOutcome.LOST, {"attempts": 5, "losses": 2}, 1_000),
        (RunOutcome.LOST, {"attempts": 5, "losses": 3}, 4_000),
        (RunOutcome.LOST, {"attempts": 2, "losses": 9, "stop_reason": StopReason.TIMEOUT}, 8_000),
    ],
)
def test_pt_66_losses_and_failures_are_counted_apart(
    said: RunOutcome, facts: dict[str, object], wait: int
) -> None:
    policy = Policy(backoff=Backoff(first_ms=1_000, base_ms=4_000, jitter="none"))
    made = msgspec.structs.replace(task("t", on="a"), policy=policy, **facts)
    assert wait_after(made, said, 10, lambda _: 0) == wait


@pytest.mark.parametrize("lasted_ms, wait", [(4_999, 4_000), (5_000, 1_000)])
@pytest.mark.parametrize("stop", [None, StopReason.TIMEOUT])
def test_tm_39_after_a_long_run_the_back_off_begins_anew_too(
    stop: StopReason | None, lasted_ms: int, wait: int
) -> None:
    backoff = Backoff(first_ms=1_000, base_ms=4_000, jitter="none")
    policy = Policy(backoff=backoff, reset_after_ms=5_000)
    of_one_off = msgspec.structs.replace(
        task("t", on="a"), policy=policy, attempts=1, stop_reason=stop
    )
    series = Series(0, occurrence=Occurrence("schedule", 1, 1, attempts=1))
    of_series = msgspec.structs.replace(of_one_off, series=series)
    said = RunOutcome.FAILED if stop is None else RunOutcome.LOST
    for made in (of_one_off, of_series):
        assert wait_after(made, said, lasted_ms, lambda _: 0) == wait


@pytest.mark.parametrize("jitter, low, high", [("full", 0, 300_000), ("half", 150_000, 300_000)])
def test_tm_37_jitter_lies_within_its_bounds(jitter: str, low: int, high: int) -> None:
    backoff = Backoff(jitter=jitter)
    assert backoff_ms(backoff, 2, lambda _: 0) == low
    assert backoff_ms(backoff, 2, lambda n: n - 1) == high
    assert backoff_ms(backoff, 10_000, lambda _: 0) <= backoff.cap_ms


def test_tm_74_records_go_when_their_retention_ends() -> None:
    term = Term(tasks=(finished("a", 100), finished("b", 50), finished("c", 999)))
    agenda = prune(term.view, term.at(100))
    assert sorted(c.task_id for c in commands(agenda)) == ["a", "b"]
    assert all(isinstance(c, RemoveTask) for c in commands(agenda))
    again = prune(term.view, term.at(150))
    assert again.wake_at is not None
    assert again.wake_at <= 999


def keep(term: Term, entries: int) -> None:
    for key in ("retention.succeeded", "retention.failed"):
        term.state.settings.values[key] = SettingValue(f"30d/{entries}", "ann", 1)


def test_tm_74_beyond_the_number_kept_the_oldest_of_that_group_go() -> None:
    good = [finished(f"good{n}", 1_000 + n) for n in range(5)]
    bad = [finished(f"bad{n}", 9_000 - n, Status.FAILED) for n in range(4)]
    term = Term(tasks=(*good, *bad))
    keep(term, 3)
    removed = [c.task_id for c in commands(prune(term.view, term.at(0)))]
    assert removed == ["good0", "good1", "bad3"]


def test_tm_74_a_surplus_is_worked_off_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune_module, "BATCH", 5)
    term = Term(tasks=tuple(finished(f"t{n}", 90_000_000 + n) for n in range(20)))
    keep(term, 3)
    agenda = prune(term.view, term.at(0))
    assert len(agenda.items) == 5
    assert agenda.wake_at == 0
    for command in commands(agenda):
        term.state.drop_task(command.task_id)
    for _ in range(2):
        for command in commands(prune(term.view, term.at(0))):
            term.state.drop_task(command.task_id)
    assert len(term.state.tasks) == 5
    assert prune(term.view, term.at(0)).wake_at == prune_module.EVERY_MS


def test_q2_old_request_ids_are_forgotten_by_command() -> None:
    term = Term()
    for number, at in enumerate((0, 10, 20)):
        term.state.requests.put(f"r{number}", Remembered(1, WALL + at, "t", 1, True))
    now = term.at(REQUESTS_REMEMBERED_MS + 11)
    assert commands(prune(term.view, now)) == [ForgetRequests(2)]
    assert commands(prune(term.view, term.at(0))) == []


def test_nodes_long_gone_and_without_tasks_leave_the_list() -> None:
    day = 24 * 3_600_000
    gone = {"status": NodeStatus.LOST, "gone_at": WALL}
    term = Term(
        node("gone", **gone),
        node("left", **{**gone, "status": NodeStatus.LEFT}),
        node("lately", **{**gone, "gone_at": WALL + 1}),
        node("ready"),
    )
    found = commands(prune(term.view, term.at(day)))
    assert found == [ForgetNode("gone", "1-gone"), ForgetNode("left", "1-left")]


def running(task_id: str, timeout_ms: int, grace_ms: int = 1_000) -> Task:
    policy = Policy(timeout_ms=timeout_ms, cancel_grace_ms=grace_ms)
    made = task(task_id, on="a")
    return msgspec.structs.replace(made, policy=policy, status=Status.RUNNING)


def test_tm_41_a_run_long_over_its_limit_is_asked_to_end_once() -> None:
    term = Term(node("a"), tasks=(running("t", 60_000),))
    limits = TimeLimits(term.state, 0)
    due = 61_000 + AFTER_MS
    assert not commands(limits.overdue(due - 1))
    (command,) = commands(limits.overdue(due))
    assert isinstance(command, StopRun)
    assert (command.task_id, command.allocation_id, command.incarnation) == ("t", 1, "1-a")
    assert not commands(limits.overdue(due + 1))


def test_tm_41_a_run_that_ended_or_has_no_limit_is_not() -> None:
    term = Term(node("a"), tasks=(running("ends", 1_000), running("free", 0)))
    limits = TimeLimits(term.state, 0)
    before = term.state.tasks["ends"]
    term.state.put_task(msgspec.structs.replace(before, allocation_id=7))
    assert not commands(limits.overdue(10**9))


def test_earliest_of_what_is_there() -> None:
    assert earliest([None, 5, 3, None]) == 3
    assert earliest([None]) is None


def test_tm_a59_finished_records_go_with_or_without_a_result_and_active_ones_never() -> None:
    """30 d: what ended longer ago goes, and its runs and fates with it."""
    last = LastOutcome(RunOutcome.SUCCEEDED, AllocationId(1), "", WALL, "n1", 5, b"1")
    with_result = msgspec.structs.replace(finished("a", 30 * DAY), last_outcome=last)
    without, running = finished("b", 30 * DAY + 1), task("c")
    term = Term(tasks=(with_result, without, running))
    assert commands(prune(term.view, term.at(30 * DAY - 1))) == []
    assert [c.task_id for c in commands(prune(term.view, term.at(30 * DAY)))] == ["a"]
    both = [c.task_id for c in commands(prune(term.view, term.at(3_000 * DAY)))]
    assert sorted(both) == ["a", "b"]
