"""Exit codes (spec experience 1.4). The reason goes before the class of the error: `outcome_unknown` is 7 whatever else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.client.errors import ClientError

OK = 0
BUG = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
FORBIDDEN = 5
UNAVAILABLE = 6
TIME_RAN_OUT = 7
CONTENT_REFUSED = 8
LIMIT = 9
TASK_FAILED = 10
TASK_CANCELLED = 11
STAYED_UNASSIGNED = 12
SOME_FAILED = 13
TROUBLE_FOUND = 14
INTERRUPTED = 130

_BY_CLASS = {
    "InvalidRequest": CONTENT_REFUSED,
    "NotSupported": CONTENT_REFUSED,
    "WatchReset": CONTENT_REFUSED,
    "NotFound": NOT_FOUND,
    "Conflict": CONFLICT,
    "LimitReached": LIMIT,
    "Forbidden": FORBIDDEN,
    "Unavailable": UNAVAILABLE,
    "OutcomeUnknown": TIME_RAN_OUT,
    "TimedOut": TIME_RAN_OUT,
}


def code_of(error: ClientError) -> int:
    """The exit code that tells this error."""
    return _BY_CLASS.get(type(error).__name__, BUG)


def code_of_status(status: str) -> int:
    """The exit code of a wait for a task that ended in `status`."""
    return {"failed": TASK_FAILED, "cancelled": TASK_CANCELLED}.get(status, OK)
