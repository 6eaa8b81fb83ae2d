"""What executor code raises, and what is raised at it.

Exception
 +- ExecutorDefinitionError   the class or its policy is wrong; shown when it is made, with file and line
 |   +- DuplicateExecutorError  one name offered by two places; stops the process that loads them
 +- ValidationError           raise it in `validate` to refuse params; update_state raises it for a bad state
 +- RetryableError            raise it in `node_operation`: failed, try again at a time of your choosing
 +- PermanentError            raise it in `node_operation`: failed for good
 +- Fenced                    this run has been superseded; stop writing anywhere
 +- RunEnded                  the run is over (abort_locally, or its end); nothing more is sent
"""

from __future__ import annotations

import sys
import types
from datetime import datetime, timedelta
from pathlib import Path

from executors.durations import span_ms

_HERE = str(Path(__file__).parent)
_BUILTIN = str(Path(__file__).parent / "builtin")


class ExecutorDefinitionError(Exception):
    """A mistake in an executor's definition. The text begins with FILE:LINE where that is known."""


class DuplicateExecutorError(ExecutorDefinitionError):
    """One executor name offered from two places. The text names both."""


class ValidationError(Exception):
    """What was given does not fit. `field` is a path such as `params.source`, or empty for the whole.

    `ValidationError("endpoint", "must be https")`, or with a message alone.
    """

    def __init__(self, field: str, message: str | None = None) -> None:
        self.field = "" if message is None else field
        self.message = field if message is None else message
        super().__init__(f"{self.field}: {self.message}" if self.field else self.message)


class RetryableError(Exception):
    """Failed, and the code knows when another try makes sense: in a while, or at an instant (aware datetime).

    With neither, the task's back-off decides as for any exception. `overload` says that the node, or what the run
    talks to, has more than it can carry.
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_in: str | timedelta | None = None,
        retry_at: datetime | None = None,
        overload: bool = False,
    ) -> None:
        if retry_in is not None and retry_at is not None:
            raise ValueError("RetryableError takes retry_in or retry_at, not both")
        if retry_at is not None and retry_at.tzinfo is None:
            raise ValueError("retry_at needs a time zone, for instance datetime.now(timezone.utc)")
        super().__init__(message)
        self.retry_in_ms = None if retry_in is None else span_ms(retry_in)
        self.retry_at = retry_at
        self.overload = overload


class PermanentError(Exception):
    """Failed, and no further try can help: the task ends as `failed`, a series too."""


class Fenced(Exception):
    """Another run of this task has taken over. Nothing this run writes counts any more."""


class RunEnded(Exception):
    """The run is over; the call named in the text was not sent."""


def caller_location() -> str:
    """FILE:LINE of the nearest caller outside the SDK, or empty."""
    frame = sys._getframe(1)  # noqa: SLF001  (the documented way to ask for a caller without building a traceback)
    while frame is not None:
        file = frame.f_code.co_filename
        ours = file.startswith(_HERE) and not file.startswith(_BUILTIN)
        if not ours and file != types.__file__ and not file.startswith("<"):
            return f"{file}:{frame.f_lineno}"
        next_frame = frame.f_back
        if next_frame is None:
            break
        frame = next_frame
    return ""


def definition_error(problem: str, location: str = "") -> ExecutorDefinitionError:
    """An ExecutorDefinitionError that says where. Without `location`: where the SDK was called from."""
    where = location or caller_location()
    return ExecutorDefinitionError(f"{where}: {problem}" if where else problem)
