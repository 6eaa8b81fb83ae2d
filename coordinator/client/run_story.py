"""The log of a task in sections, one for each run: what its run records say of it around what the runs wrote (TM-71).

The lines of the framework (queued, being processed, finished, the error) are made from the record of the run; "will be
retried" opens the section of the run that follows a failed one. Pure: whoever shows it fetches runs and lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from coordinator.client.instants import rfc3339
from coordinator.client.views import Json, LogLine, Run, Task

FRAMEWORK = "task"  # where such a line comes from; those of a run say `run`
RETRIES = frozenset({"retry"})
MOVED = frozenset({"reassigned", "moved"})  # due long before
GOOD = frozenset({"succeeded", "warning"})
STOPPED = frozenset({"cancelled", "aborted"})


class Section(Struct, frozen=True):
    """One run: `opening` stands before the lines that it wrote, `closing` after them."""

    run: Run | None
    """None: the next one, which has not begun yet."""
    attempt: int
    opening: list[LogLine]
    closing: list[LogLine]
    is_current: bool


def sections_of(runs: Sequence[Run], task: Task | None) -> list[Section]:
    """Sections of these neighbouring runs, oldest first; the last one is current.

    Where the task waits for its next attempt, that has a section already.
    """
    ordered = sorted(runs, key=lambda run: run.allocation_id)
    before: Run | None = None
    found: list[Section] = []
    coming = _coming(ordered[-1], task) if ordered and task is not None else None
    for place, run in enumerate(ordered):
        current = place == len(ordered) - 1 and coming is None
        found.append(Section(run, run.attempt, opening(run, before), closing(run), current))
        before = run
    return found if coming is None else [*found, coming]


def opening(run: Run, before: Run | None) -> list[LogLine]:
    """`before`: the run before it, if that is known."""
    lines = []
    if run.cause in RETRIES:
        at = before.ended_at if before is not None else run.assigned_at
        lines.append(_line(run.allocation_id, at, "will be retried", {"attempt": run.attempt}))
    else:
        at = run.assigned_at if run.cause in MOVED else run.due_at or run.assigned_at
        lines.append(_line(run.allocation_id, at, "queued", {"cause": run.cause or None}))
    if run.started_at is not None:
        lines.append(
            _line(run.allocation_id, run.started_at, "being processed", {"node": run.node})
        )
    return lines


def closing(run: Run) -> list[LogLine]:
    """How it ended; nothing while it goes on."""
    if run.outcome is None:
        return []
    if run.outcome in GOOD:
        level = "info" if run.outcome == "succeeded" else "warning"
        event = "finished"
        fields: dict[str, Json] = {"lasted_ms": run.duration_ms}
    else:
        level = "warning" if run.outcome in STOPPED else "error"
        event = _error_text(run)
        fields = {"outcome": run.outcome, "reason": run.reason}
    return [_line(run.allocation_id, run.ended_at, event, fields, level)]


def chosen(
    lines: Iterable[LogLine], level: str, since_at: int, levels: Sequence[str]
) -> list[LogLine]:
    """Those not below the level and not older, as the server chooses among what a run wrote."""
    low = levels.index(level) if level else 0
    return [
        line
        for line in lines
        if (line.at or 0) >= since_at
        and (line.level not in levels or levels.index(line.level) >= low)
    ]


def _coming(last: Run, task: Task) -> Section | None:
    """The section of an attempt that waits for its time."""
    waits = task.status in ("waiting", "unassigned") and last.outcome not in (None, *GOOD)
    if not waits or task.due_at is None or task.assignment.code != "backoff":
        return None
    attempt = last.attempt + 1
    due = rfc3339(task.due_at)
    line = _line(
        task.allocation_id, last.ended_at, "will be retried", {"attempt": attempt, "at": due}
    )
    return Section(None, attempt, [line], [], is_current=True)


def _error_text(run: Run) -> str:
    error = run.error if isinstance(run.error, dict) else {}
    told = ": ".join(str(error[key]) for key in ("type", "message") if error.get(key))
    return told or run.reason or run.outcome or ""


def _line(
    allocation_id: int,
    at: int | None,
    event: str,
    fields: dict[str, Json],
    level: str = "info",
) -> LogLine:
    said = {key: value for key, value in fields.items() if value is not None}
    return LogLine(at, level, event, said, allocation_id, FRAMEWORK)
