from __future__ import annotations

import msgspec
import pytest

from coordinator.machine.commands import AssignTask, EndRun, StartRun, UnassignTask, WriteState
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model import limits
from coordinator.model.events import RunEnded, TaskChanged
from coordinator.model.ids import AllocationId, Incarnation, TaskId
from coordinator.model.tasks import (
    Assignment,
    Code,
    Desired,
    LastOutcome,
    RunOutcome,
    Status,
    StopReason,
)
from tests.unit.machine.kit import AT, World, create, join, on, with_task

T, A, N = TaskId("t"), AllocationId(1), Incarnation("1-n1")


def stopping(reason: StopReason, desired: Desired = Desired.RUNNING) -> World:
    world = with_task()
    task = world.task()
    world.force(
        msgspec.structs.replace(
            task, status=Status.STOPPING, stop_reason=reason, stopping_since=AT, desired=desired
        )
    )
    return world


def test_a_start_without_an_instant_began_now() -> None:
    world = with_task()
    world.accept(StartRun(T, A, N, 0))
    assert (world.task().status, world.task().started_at) == (Status.RUNNING, AT)


def test_null_clears_the_state() -> None:
    world = with_task()
    world.accept(WriteState(T, A, N, 1, b"1", 3))
    world.accept(WriteState(T, A, N, 2, None, 3))
    task = world.task()
    assert (task.state, task.state_version, task.state_seq, task.state_is_current) == (
        None,
        3,
        2,
        True,
    )


def test_a_new_run_numbers_its_writes_anew() -> None:
    world = with_task()
    world.accept(WriteState(T, A, N, 7, b"1", 1))
    world.end("t", RunOutcome.LOST, next=on())
    assert not world.task().state_is_current
    world.accept(WriteState(T, AllocationId(2), N, 1, b"2", 1))
    assert (world.task().state, world.task().state_allocation_id) == (b"2", 2)


def test_a_state_is_limited_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_task()
    monkeypatch.setattr(limits, "STATE_BYTES_MAX", 4)
    assert world.refuse(WriteState(T, A, N, 1, b"12345", 1)).code is Refusal.TOO_LARGE
    assert world.accept(WriteState(T, A, N, 1, b"1234", 1)) == Accepted(T, A)
    monkeypatch.setattr(limits, "RECORDS_BYTES_MAX", 1)
    assert world.accept(WriteState(T, A, N, 2, b"4321", 1)) == Accepted(T, A)
    monkeypatch.setattr(limits, "STATE_BYTES_MAX", 5)
    assert world.refuse(WriteState(T, A, N, 3, b"12345", 1)).code is Refusal.LIMIT_REACHED


def test_an_older_final_state_does_not_overwrite() -> None:
    world = with_task()
    world.accept(WriteState(T, A, N, 5, b"5", 1))
    world.end("t", RunOutcome.SUCCEEDED, has_final_state=True, final_state=b"4", final_state_seq=4)
    assert world.task().state == b"5"


def test_the_end_of_a_run_is_told_with_all_that_the_record_does_not_keep() -> None:
    world = with_task()
    world.state.take_events()
    result = b'"' + b"x" * limits.RESULT_BYTES_IN_STATE + b'"'
    world.at += 10
    world.end(
        "t",
        RunOutcome.FAILED,
        permanent=True,
        reason="boom",
        error=b"{}",
        error_text="e" * 300,
        result=result,
        logs=b"[]",
        lasted_ms=7,
        started_at=AT + 3,
    )
    ended, changed = world.state.take_events()
    assert ended == RunEnded(
        T, A, RunOutcome.FAILED, "", "boom", AT + 10, b"{}", result, b"[]", AT + 3, "n1", 7
    )
    assert isinstance(changed, TaskChanged)
    assert changed.new is not None
    assert changed.new.last_outcome == LastOutcome(
        RunOutcome.FAILED, A, "boom", AT + 10, "n1", 7, None, "e" * 256
    )
    assert changed.new.started_at == AT + 3


def test_a_short_result_is_kept() -> None:
    world = with_task()
    world.accept(StartRun(T, A, N, AT))
    world.at += 20
    world.end("t", RunOutcome.SUCCEEDED, result=b"1")
    last = world.task().last_outcome
    assert last is not None
    assert (last.result, last.duration_ms) == (b"1", 20)


def test_attempts_stay_readable_after_success() -> None:
    world = with_task()
    world.end("t", RunOutcome.FAILED, retry_at=AT)
    world.at += 1
    world.accept(UnassignTask(T, world.task().allocation_id))
    assert world.task().attempts == 1
    assert world.task().wake_at == AT


@pytest.mark.parametrize(
    "reason, said, recorded, status",
    [
        (StopReason.CANCEL, RunOutcome.FAILED, RunOutcome.CANCELLED, Status.CANCELLED),
        (StopReason.TIMEOUT, RunOutcome.SUCCEEDED, RunOutcome.TIMED_OUT, Status.WAITING),
        (StopReason.TIMEOUT, RunOutcome.LOST, RunOutcome.TIMED_OUT, Status.WAITING),
        (StopReason.REPLACE, RunOutcome.FAILED, RunOutcome.ABORTED, Status.UNASSIGNED),
        (StopReason.REPLACE, RunOutcome.CANCELLED, RunOutcome.ABORTED, Status.UNASSIGNED),
        (StopReason.MOVE, RunOutcome.WARNING, RunOutcome.WARNING, Status.SUCCEEDED),
        (StopReason.MOVE, RunOutcome.TIMED_OUT, RunOutcome.TIMED_OUT, Status.WAITING),
        (StopReason.PAUSE, RunOutcome.SUCCEEDED, RunOutcome.SUCCEEDED, Status.SUCCEEDED),
        (StopReason.PAUSE, RunOutcome.FAILED, RunOutcome.ABORTED, Status.PAUSED),
        (StopReason.PAUSE, RunOutcome.TIMED_OUT, RunOutcome.TIMED_OUT, Status.PAUSED),
        (StopReason.PAUSE, RunOutcome.LOST, RunOutcome.LOST, Status.PAUSED),
    ],
)
def test_reports_while_stopping(
    reason: StopReason, said: RunOutcome, recorded: RunOutcome, status: Status
) -> None:
    """PT-16, and the row `stopping` of the table of transitions."""
    wishes = {StopReason.CANCEL: Desired.CANCELLED, StopReason.PAUSE: Desired.PAUSED}
    world = stopping(reason, wishes.get(reason, Desired.RUNNING))
    world.state.take_events()
    world.end("t", said)
    ended = world.state.take_events()[0]
    assert isinstance(ended, RunEnded)
    assert (ended.outcome, ended.reported) == (recorded, said.value if said is not recorded else "")
    assert (world.task().status, world.task().stop_reason) == (status, None)


@pytest.mark.parametrize("did", ["succeeded", "warning", "failed"])
def test_pt_16_what_the_code_did_is_kept_beside_what_a_stop_made_of_it(did: str) -> None:
    world = stopping(StopReason.CANCEL, Desired.CANCELLED)
    world.state.take_events()
    world.end("t", RunOutcome.CANCELLED, reported=did)
    ended = world.state.take_events()[0]
    assert isinstance(ended, RunEnded)
    assert (ended.outcome, ended.reported) == (RunOutcome.CANCELLED, did)


def test_pt_16_a_report_that_is_the_outcome_is_not_told_twice() -> None:
    world = with_task()
    world.state.take_events()
    world.end("t", RunOutcome.FAILED, reported="failed", permanent=True)
    ended = world.state.take_events()[0]
    assert isinstance(ended, RunEnded)
    assert ended.reported == ""


def test_a_choice_that_does_not_hold_leaves_the_task_unassigned_with_its_own_reason() -> None:
    world = with_task()
    world.end("t", RunOutcome.LOST, next=on("n9"))
    assert world.task().assignment == Assignment(code=Code.NODE_LOST, explanation="n1")
    world.accept(join("n2"))
    world.accept(create("u", on("n2")))
    world.end("u", RunOutcome.LOST, next=Assignment())
    assert world.task("u").status is Status.UNASSIGNED


def test_on_its_own_node_a_task_takes_what_it_has_just_freed() -> None:
    world = World()
    world.accept(join(capacity=1))
    world.accept(create())
    world.end("t", RunOutcome.LOST, next=on())
    assert world.task().status is Status.ASSIGNED
    assert world.state.use_of(on().node or "").units == 2  # type: ignore[arg-type]


def test_an_outcome_nobody_can_place_is_stale() -> None:
    world = with_task()
    world.end("t", RunOutcome.LOST)
    for allocation in (9, 2):
        refused = world.refuse(EndRun(T, AllocationId(allocation), N, RunOutcome.LOST))
        assert (refused.code, refused.current) == (Refusal.STALE_ALLOCATION, 2)


def test_tm_a13_of_two_assignments_of_one_due_task_exactly_one_is_accepted() -> None:
    world = World()
    world.accept(join("n1"))
    world.accept(join("n2"))
    world.accept(create(assignment=Assignment(code=Code.NO_CAPACITY)))
    due = world.task()
    of_the_old_leader, of_the_new = (
        AssignTask(due.id, due.allocation_id, on(name)) for name in ("n1", "n2")
    )
    world.accept(of_the_old_leader)
    placed = world.task()
    assert world.refuse(of_the_new).code is Refusal.STALE_ALLOCATION
    assert world.task() == placed
    assert (placed.assignment.node, placed.attempts) == ("n1", 0)
    world.end("t", RunOutcome.ABORTED)  # it is due once more, and the other is still of before
    assert world.task().status is Status.UNASSIGNED
    assert world.refuse(of_the_new).code is Refusal.STALE_ALLOCATION
    assert (world.task().status, world.task().attempts) == (Status.UNASSIGNED, 0)
