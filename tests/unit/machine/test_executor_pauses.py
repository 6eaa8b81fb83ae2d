"""What the law says of paused types of work, where the story says nothing (TM-28)."""

from __future__ import annotations

from coordinator.codec.snapshots import digest, encode, freeze, load
from coordinator.machine.commands import CancelTask, PauseExecutor, ResumeExecutor
from coordinator.machine.outcome import Refusal
from coordinator.model import limits
from coordinator.model.pauses import REASON_SHOWN, ExecutorPause, since, worded
from coordinator.model.tasks import StopReason
from tests.unit.machine.kit import AT, with_task

NOOP = "demo.noop"


def test_tm_28_a_pause_stands_in_a_snapshot() -> None:
    world = with_task()
    world.accept(PauseExecutor(NOOP, "migration", "ann"))
    again = load(list(encode(freeze(world.state))))
    assert again.paused_executors == {NOOP: ExecutorPause("migration", "ann", AT)}
    assert digest(again) == digest(world.state)


def test_tm_28_only_so_many_are_paused() -> None:
    world = with_task()
    full = {f"x{n}": ExecutorPause("r", "ann", AT) for n in range(limits.PAUSED_EXECUTORS_MAX)}
    world.state.paused_executors.update(full)
    assert world.refuse(PauseExecutor(NOOP, "migration")).code is Refusal.LIMIT_REACHED
    assert len(world.accept(ResumeExecutor("")).cleared) == limits.PAUSED_EXECUTORS_MAX


def test_tm_28_a_stop_for_a_pause_is_weaker_than_a_cancel() -> None:
    world = with_task()
    world.accept(CancelTask(world.task().id))
    world.accept(PauseExecutor(NOOP, "migration", "ann", stop=True))
    assert world.task().stop_reason is StopReason.CANCEL


def test_tm_28_what_was_paused_before_may_be_told_to_stop_later() -> None:
    world = with_task()
    world.accept(PauseExecutor(NOOP, "migration", "ann"))
    assert world.accept(PauseExecutor(NOOP, "now", "bob")).unchanged
    assert not world.accept(PauseExecutor(NOOP, "now", "bob", stop=True)).unchanged
    assert (world.task().stop_reason, world.task().stop_text) == (StopReason.MOVE, "now")
    assert world.accept(PauseExecutor(NOOP, "now", "bob", stop=True)).unchanged


def test_a_pause_is_told_shortly() -> None:
    assert (worded("", ""), worded("ann", "")) == ("", " by ann")
    assert worded("", "x" * 1_000) == f' ("{"x" * REASON_SHOWN}...")'
    assert since(1_700_000_000_999) == "2023-11-14T22:13:20Z"
