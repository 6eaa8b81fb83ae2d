"""How a run ended, from what its code did and what was asked of it. No input or output here.

First what the code did (`reported`): returned, raised, was interrupted, or gave the run back. Then what had been asked:
a cancel makes it `cancelled` and the time limit `timed_out` whatever the code did; after any other stop a success
stays one, and an exception counts as `aborted`, never as `failed`.

Workers and the test kit end their runs by this one module.
"""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from executors.errors import Fenced, PermanentError, RetryableError
from executors.reading import UnreadableError
from executors.results import Follow, encode_result
from executors.run_control import LocalAbort
from executors.texts import cut
from executors.views import StopReason

ERROR_BYTES_MAX = 16 * 1024
MESSAGE_BYTES_MAX = 4 * 1024
_HERE = Path(__file__).parent
_OURS = (f"{_HERE}/", f"{_HERE.parent / 'node'}/")
_BUILTIN = str(_HERE / "builtin")


@dataclass(frozen=True, slots=True)
class Problem:
    """What was raised, 16 KiB in all: class name, text, traceback (its end, if it was too long)."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. The fields as in the protocol of nodes and workers; `reported`: what the code itself did."""

    outcome: str
    reason: str = ""
    result: bytes | None = None
    error: Problem | None = None
    retry_in_ms: int | None = None
    retry_at: int | None = None
    permanent: bool = False
    overload: bool = False
    reported: str = ""
    follow: Follow | None = None  # what is to come after a success


@dataclass(frozen=True, slots=True)
class CodeEnd:
    """What user code did. `raised` None: it returned `value`."""

    value: object = None
    raised: BaseException | None = None
    abort_reason: str | None = None
    unawaited: tuple[str, ...] = ()
    follow: Follow | None = None


def conclude(end: CodeEnd, stop: StopReason | None, *, warnings: int, errors: int) -> Outcome:
    """The end of a run whose code was entered. `warnings`, `errors`: how many lines of these levels it logged."""
    reported = _reported(end, stop, warnings, errors)
    return replace(_after_stop(reported, stop), reported=reported.outcome)


def not_started(reason: str, error: BaseException) -> Outcome:
    """The end of a run whose code was never entered; reason start_failed or invalid_state."""
    permanent = isinstance(error, UnreadableError) and reason == "invalid_state"
    return Outcome(
        "failed", reason, error=problem_of(error), permanent=permanent, reported="failed"
    )


def problem_of(error: BaseException) -> Problem:
    """Type, message and traceback of an exception, 16 KiB in all; frames of ours are left out."""
    kind = type(error).__name__
    message = cut(str(error), MESSAGE_BYTES_MAX)
    lines = traceback.format_exception(type(error), error, _below_ours(error.__traceback__))
    room = ERROR_BYTES_MAX - len(kind.encode()) - len(message.encode())
    return Problem(kind, message, _cut_front("".join(lines), room))


def _reported(end: CodeEnd, stop: StopReason | None, warnings: int, errors: int) -> Outcome:
    if end.abort_reason is not None:
        return Outcome("aborted", end.abort_reason or "aborted")
    match end.raised:
        case None:
            return _returned(end, warnings, errors)
        case Fenced() as error:
            return Outcome("aborted", "fenced", error=problem_of(error))
        case asyncio.CancelledError() if stop is not None:
            return Outcome("aborted", stop.value)
        case PermanentError() as error:
            return Outcome("failed", "permanent", error=problem_of(error), permanent=True)
        case RetryableError() as error:
            return Outcome(
                "failed",
                "",
                error=problem_of(error),
                retry_in_ms=error.retry_in_ms,
                retry_at=_instant(error.retry_at),
                overload=error.overload,
            )
        case LocalAbort() as error:
            return Outcome("aborted", str(error))
        case other:
            return Outcome("failed", "", error=problem_of(other))


def _returned(end: CodeEnd, warnings: int, errors: int) -> Outcome:
    if end.unawaited:
        calls = ", ".join(f"task.{verb}(...)" for verb in end.unawaited)
        message = f"{calls} was called without await, so it never happened; write `await`, in a plain def task.blocking"
        return Outcome("failed", "unawaited", error=Problem("RuntimeError", message, ""))
    result, dropped = _encoded(end.value)
    if errors:
        told = Problem("SelfReported", f"the run logged {errors} error(s) and returned", "")
        return Outcome("failed", "self_reported", result, told, permanent=True)
    if dropped is not None:
        return Outcome("warning", "result_dropped", None, dropped, follow=end.follow)
    return Outcome("warning" if warnings else "succeeded", "", result, follow=end.follow)


def _encoded(value: object) -> tuple[bytes | None, Problem | None]:
    """The result as JSON, or why it cannot be kept."""
    try:
        return encode_result(value), None
    except ValueError as error:
        return None, Problem("ValueError", cut(str(error), MESSAGE_BYTES_MAX), "")


def _after_stop(reported: Outcome, stop: StopReason | None) -> Outcome:
    match stop:
        case None:
            return reported
        case StopReason.CANCEL:
            return replace(reported, outcome="cancelled", reason=stop.value, permanent=False)
        case StopReason.TIMEOUT:
            return replace(reported, outcome="timed_out", reason=stop.value, permanent=False)
        case StopReason.FENCED:
            return replace(reported, outcome="aborted", reason=stop.value, permanent=False)
        case _ if reported.outcome == "failed" and reported.reason != "self_reported":
            return replace(reported, outcome="aborted", reason=stop.value, permanent=False)
        case _:
            return reported


def _instant(at: datetime | None) -> int | None:
    return None if at is None else int(at.astimezone(UTC).timestamp() * 1000)


def _below_ours(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the author's first frame on; all of it if there is none."""
    one = trace
    while one is not None:
        file = one.tb_frame.f_code.co_filename
        if file.startswith(_BUILTIN) or not file.startswith(_OURS):
            return one
        one = one.tb_next
    return trace


def _cut_front(text: str, bytes_max: int) -> str:
    data = text.encode(errors="replace")
    if len(data) <= bytes_max:
        return data.decode()
    return "..." + data[-(bytes_max - 3) :].decode(errors="ignore")
