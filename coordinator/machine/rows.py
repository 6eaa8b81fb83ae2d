"""Rows of failures and of losses: what one more of them comes to, for one-off tasks and series alike (TM-36, TM-39, PT-66)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.backoff import longest_wait
from coordinator.machine.commands import EndRun
from coordinator.machine.leaving import (
    over,
    placed_again,
    reason_aborted,
    reason_lost,
    waiting,
    was_moved,
)
from coordinator.model.instants import MINUTE, Millis
from coordinator.model.state import ClusterState
from coordinator.model.tasks import LastOutcome, RunOutcome, Status, Task

LOSSES_PLACED_AT_ONCE = 2
SHORT_RUN_MS: Millis = 5 * MINUTE  # a lost run that lasted longer breaks the row of losses
SAID_REASONS = ("permanent", "self_reported", "invalid_state")


def attempts_before(task: Task, last: LastOutcome) -> int:
    """Failed attempts in the row that this failure lengthens: none, if the run lasted long enough (TM-39)."""
    return 0 if begins_anew(task, last.duration_ms) else task.attempts


def begins_anew(task: Task, lasted_ms: Millis) -> bool:
    """Whether a failure after a run that lasted so long is the first of a row (TM-39)."""
    return 0 < task.policy.reset_after_ms <= lasted_ms


def dead_letter_reason(report: EndRun, last: LastOutcome) -> str:
    """Why a failed task is a dead letter (TM-55)."""
    if report.permanent:
        return report.reason if report.reason in SAID_REASONS else "permanent"
    return "timed_out" if last.outcome is RunOutcome.TIMED_OUT else "attempts_exhausted"


def after_loss(state: ClusterState, task: Task, report: EndRun, lasted_ms: Millis) -> Task:
    """Not an attempt. The first two short ones in a row are placed again at once (PT-66)."""
    if task.policy.on_lost == "fail":
        return over(state, task, Status.FAILED, reason="lost")
    losses = task.losses + 1 if lasted_ms < SHORT_RUN_MS else 0
    task = replace(task, losses=losses, cause="reassigned")
    if losses <= LOSSES_PLACED_AT_ONCE:
        return placed_again(state, task, report, reason_lost(task, report))
    wait = longest_wait(task.policy.backoff, losses - LOSSES_PLACED_AT_ONCE)
    retry_at = report.retry_at or state.at + wait
    return waiting(state, task, max(retry_at, state.at))


def after_abort(state: ClusterState, task: Task, report: EndRun) -> Task:
    """The run gave up or was taken off its node: it goes on elsewhere, uncounted."""
    again = replace(task, losses=0, cause="moved" if was_moved(task) else "reassigned")
    return placed_again(state, again, report, reason_aborted(task, report))
