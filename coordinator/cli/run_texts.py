"""Runs as people read them: the columns of a list, the page of one run. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.cli.output import Column
from coordinator.cli.task_texts import compact, error_text
from coordinator.cli.texts import Moments, bar, lasted
from coordinator.client.views import Json, Run

GOES_ON = ("reassigned", "moved", "resumed", "retry")
_WIDTH = 14


def every_column(moments: Moments) -> tuple[Column[Run], ...]:
    """Of runs of several tasks."""
    return (
        Column("RUN", lambda run: run.name),
        Column("EXECUTOR", lambda run: run.executor),
        *run_columns(moments, has_state=False)[1:],
    )


def run_columns(moments: Moments, *, has_state: bool) -> tuple[Column[Run], ...]:
    """The columns of a list of runs."""
    return (
        Column("ALLOC", lambda run: str(run.allocation_id), lambda run: run.allocation_id, right=True),
        Column("TRY", lambda run: str(run.attempt), lambda run: run.attempt, right=True),
        Column("NODE", lambda run: run.node or "-", lambda run: run.node),
        Column("CAUSE", lambda run: run.cause or "-"),
        Column("OCCURRENCE", lambda run: moments.clock(run.occurrence_at), lambda run: run.occurrence_at, wide=True),
        Column("DUE", lambda run: moments.clock(run.due_at), lambda run: run.due_at, wide=True),
        Column("STARTED", lambda run: moments.clock(run.started_at), lambda run: run.started_at),
        Column("LASTED", lambda run: lasted(_duration(run, moments)), lambda run: run.duration_ms),
        Column("OUTCOME", lambda run: run.outcome or "-", lambda run: run.outcome),
        Column("LINES", lambda run: str(run.log_lines), lambda run: run.log_lines, right=True, wide=True),
        Column("REASON", lambda run: run_reason(run, has_state)),
    )  # fmt: skip


def _duration(run: Run, moments: Moments) -> int | None:
    if run.duration_ms is not None or run.started_at is None or run.status == "ended":
        return run.duration_ms
    return max(0, moments.now - run.started_at)


def run_reason(run: Run, has_state: bool) -> str:
    """Why it ended as it did, or what it is doing."""
    if run.status != "ended":
        return (
            f"{run.status}, goes on from its saved state"
            if has_state and run.cause in GOES_ON
            else run.status
        )
    told = _told(run.error)
    reason = run.reason or ""
    if told and reason and reason != "failed" and not told.startswith(reason):
        return f"{reason}: {told}"
    return told or reason


def _told(error: Json) -> str:
    return error_text(error)


def run_page(run: Run, moments: Moments) -> str:
    """All of a run; lines that have nothing to say are left out."""
    rows = [(title, text) for title, text in _rows(run, moments) if text]
    return "\n".join(f"{title:<{_WIDTH}}{text}" for title, text in rows)


def _rows(run: Run, moments: Moments) -> Iterator[tuple[str, str]]:
    yield "run", run.name
    yield "executor", run.executor
    yield "status", run.status
    if run.stop_reason:
        yield "stopping", f"{run.stop_reason}, since {moments.show(run.stopping_since_at)}"
    yield "outcome", run.outcome or ""
    yield "reason", run_reason(run, has_state=False) if run.status == "ended" else ""
    yield "node", f"{run.node} (incarnation {run.incarnation})" if run.node else ""
    yield "attempt", str(run.attempt)
    yield "cause", run.cause
    yield "parent", run.parent or ""
    yield "description", run.description
    yield "headers", ", ".join(f"{key}={value}" for key, value in sorted(run.headers.items()))
    for title, at in (
        ("occurrence", run.occurrence_at),
        ("due", run.due_at),
        ("placed", run.assigned_at),
        ("started", run.started_at),
        ("ended", run.ended_at),
    ):
        yield title, moments.show(at) if at is not None else ""
    yield "lasted", lasted(run.running_for_ms) if run.running_for_ms is not None else ""
    yield "progress", _progress(run)
    yield "state", _state(run)
    counts = (f"{number} {level}" for level, number in run.log_counts.items() if number)
    yield "log lines", ", ".join(counts)
    yield "result", compact(run.result) if run.result is not None else ""
    trace = run.error.get("traceback") if isinstance(run.error, dict) else None
    yield "trace", f"\n{trace}" if trace else ""


def _progress(run: Run) -> str:
    """Of a lost run the last that was heard of it."""
    if run.progress is None:
        return ""
    return f"{bar(run.progress.done, run.progress.total)}  {run.progress.message}".rstrip()


def _state(run: Run) -> str:
    """Which saved state it was given and which it left, by their digests."""
    given, left = run.state_digest_before, run.state_digest_after
    if left is None or left == given:
        return f"{given}, unchanged" if given is not None else ""
    size = f", {run.state_bytes} bytes" if run.state_bytes is not None else ""
    return f"{given or 'none'} -> {left}{size}"
