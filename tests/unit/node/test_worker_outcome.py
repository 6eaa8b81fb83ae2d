"""How a run ended: what the code did, and what had been asked of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from executors import Fenced, PermanentError, RetryableError, StopReason
from executors.run_control import LocalAbort
from node.frames import ERROR_BYTES_MAX, Ended, LogCounts
from node.worker_outcome import CodeEnd, conclude, error_of

NONE = LogCounts()


def end(
    code: CodeEnd, stop: StopReason | None = None, counts: LogCounts = NONE
) -> tuple[str, str, str]:
    ended = whole(code, stop, counts)
    return ended.outcome, ended.reason, ended.reported


def whole(code: CodeEnd, stop: StopReason | None = None, counts: LogCounts = NONE) -> Ended:
    return conclude(1, code, stop, counts)


@pytest.mark.parametrize(
    "code,expected",
    [
        (CodeEnd(value=1), ("succeeded", "", "succeeded")),
        (CodeEnd(value=object()), ("warning", "result_dropped", "warning")),
        (CodeEnd(value=float("nan")), ("warning", "result_dropped", "warning")),
        (CodeEnd(raised=ValueError()), ("failed", "", "failed")),
        (CodeEnd(raised=KeyboardInterrupt()), ("failed", "", "failed")),
        (CodeEnd(raised=asyncio.CancelledError()), ("failed", "", "failed")),
        (CodeEnd(raised=PermanentError()), ("failed", "permanent", "failed")),
        (CodeEnd(raised=Fenced()), ("aborted", "fenced", "aborted")),
        (CodeEnd(raised=LocalAbort("r"), abort_reason="r"), ("aborted", "r", "aborted")),
        (CodeEnd(value=1, abort_reason="r"), ("aborted", "r", "aborted")),
        (CodeEnd(value=1, unawaited=("sleep",)), ("failed", "unawaited", "failed")),
        (
            CodeEnd(raised=KeyError(), unawaited=("sleep",)),
            ("failed", "", "failed"),
        ),
    ],
)
def test_without_a_stop(code: CodeEnd, expected: tuple[str, str, str]) -> None:
    assert end(code) == expected


def test_tm_a28_logged_problems_count_when_the_code_returns() -> None:
    assert end(CodeEnd(), counts=LogCounts(warning=1)) == ("warning", "", "warning")
    told = whole(CodeEnd(), counts=LogCounts(warning=1, error=2))
    assert (told.outcome, told.reason, told.permanent) == ("failed", "self_reported", True)
    raised = whole(CodeEnd(raised=ValueError()), counts=LogCounts(error=1))
    assert (raised.reason, raised.permanent) == ("", False)


RETURNED, RAISED = CodeEnd(value=1), CodeEnd(raised=ValueError("x"))
INTERRUPTED = CodeEnd(raised=asyncio.CancelledError())


@pytest.mark.parametrize("reason", list(StopReason))
def test_a_total_table(reason: StopReason) -> None:
    certain = {
        StopReason.CANCEL: "cancelled",
        StopReason.TIMEOUT: "timed_out",
        StopReason.FENCED: "aborted",
    }
    assert end(RETURNED, reason)[0] == certain.get(reason, "succeeded")
    assert end(RAISED, reason)[0] == certain.get(reason, "aborted")
    assert end(INTERRUPTED, reason)[0] == certain.get(reason, "aborted")
    assert [end(code, reason)[2] for code in (RETURNED, RAISED, INTERRUPTED)] == [
        "succeeded",
        "failed",
        "aborted",
    ]


def test_a_retry_time() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    assert whole(CodeEnd(raised=RetryableError("x", retry_at=at))).retry_at == 1_893_456_000_000
    assert whole(CodeEnd(raised=RetryableError("x", retry_in="1m"))).retry_in_ms == 60_000


def test_errors_are_cut_to_size_and_keep_the_end_of_the_trace() -> None:
    def deep(levels: int) -> None:
        if levels:
            exec(f"def f{levels}(g, n): g(n)\nf{levels}(deep, {levels - 1})", {"deep": deep})
        raise ValueError("ü" * 50_000)

    with pytest.raises(ValueError, match="ü") as caught:
        deep(150)
    error = error_of(caught.value)
    size = len(error.type.encode()) + len(error.message.encode()) + len(error.traceback.encode())
    assert size <= ERROR_BYTES_MAX
    assert error.message.endswith("...")
    assert error.traceback.startswith("...")
