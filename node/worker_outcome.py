"""How a run ended, as the frame that tells the agent. What is decided is decided in `executors.run_outcome`."""

from __future__ import annotations

from executors import StopReason, run_outcome
from executors.results import Follow
from executors.run_outcome import CodeEnd, Outcome, Problem
from node.frames import Ended, LogCounts, RunError

__all__ = ["CodeEnd", "conclude", "error_of", "not_started"]


def conclude(allocation_id: int, end: CodeEnd, stop: StopReason | None, counts: LogCounts) -> Ended:
    """The last frame of a run."""
    outcome = run_outcome.conclude(end, stop, warnings=counts.warning, errors=counts.error)
    return _frame(allocation_id, outcome, counts)


def not_started(allocation_id: int, reason: str, error: BaseException) -> Ended:
    """The end of a run whose code was never entered; reason start_failed or invalid_state."""
    return _frame(allocation_id, run_outcome.not_started(reason, error), None)


def error_of(error: BaseException) -> RunError:
    """Type, message and traceback of an exception, 16 KiB in all; frames of ours are left out."""
    return _error(run_outcome.problem_of(error))


def _frame(allocation_id: int, outcome: Outcome, counts: LogCounts | None) -> Ended:
    follow = outcome.follow or Follow()
    return Ended(
        allocation_id,
        outcome.outcome,
        outcome.reason,
        outcome.result,
        None if outcome.error is None else _error(outcome.error),
        outcome.retry_in_ms,
        outcome.retry_at,
        outcome.permanent,
        outcome.overload,
        outcome.reported,
        LogCounts() if counts is None else counts,
        follow.again_at,
        follow.schedule,
        follow.then,
    )


def _error(problem: Problem) -> RunError:
    return RunError(problem.type, problem.message, problem.traceback)
