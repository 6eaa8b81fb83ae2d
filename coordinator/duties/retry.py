"""When a run that failed, or was lost again and again, is tried again: drawn by the leader, shipped in the command."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.machine.endings import outcome_of
from coordinator.machine.rows import LOSSES_PLACED_AT_ONCE, begins_anew
from coordinator.model.instants import Millis
from coordinator.model.tasks import Backoff, RunOutcome, Task

Dice = Callable[[int], int]


def wait_after(task: Task, said: RunOutcome, lasted_ms: Millis, dice: Dice) -> Millis:
    """Wait if the current run of the task ends now, has lasted so long and is said to have ended so, by the task's own
    policy (TM-37, TM-39, PT-66).

    In force only where the machine lets the task wait at all.
    """
    failures = task.attempt
    if task.series is not None and task.series.occurrence is not None:
        failures = task.series.occurrence.attempts + 1
    if begins_anew(task, lasted_ms):
        failures = 1
    if outcome_of(task.stop_reason, said) is RunOutcome.LOST:
        failures = task.losses + 1 - LOSSES_PLACED_AT_ONCE
    return backoff_ms(task.policy.backoff, max(1, failures), dice)


def backoff_ms(backoff: Backoff, failures: int, dice: Dice) -> Millis:
    """Wait after the n-th failed attempt in a row (n >= 1). `dice(n)` gives 0 <= x < n."""
    if backoff.kind == "fixed" or failures <= 1:
        return backoff.first_ms
    bound = min(backoff.cap_ms, backoff.base_ms << min(failures - 2, 40))
    if backoff.jitter == "none" or bound <= 0:
        return bound
    if backoff.jitter == "half":
        return bound // 2 + dice(bound // 2 + 1)
    return dice(bound + 1)
