"""Tasks as lines of text: what `start`, `wait`, `cancel` and lists say of one. Pure."""

from __future__ import annotations

import json

from coordinator.cli.schedule_texts import next_text
from coordinator.cli.texts import Moments, age, bar, lasted
from coordinator.client.views import FINISHED, ON_A_NODE, Json, LastOutcome, Policy, Task

STATE_SHOWN = 200


def compact(value: Json) -> str:
    """JSON on one line, as people write it."""
    return json.dumps(value, ensure_ascii=False)


def short(value: Json, limit: int = STATE_SHOWN) -> str:
    """JSON on one line, cut where it gets long."""
    text = compact(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def created_line(task: Task, *, created: bool, revision: int) -> str:
    """`hello  assigned to n1  allocation 1  revision 12`."""
    parts = [task.id]
    if not created:
        parts.append("already there")
    parts.append(where(task))
    if task.assignment.node is not None:
        parts.append(f"allocation {task.allocation_id}")
    parts.append(f"revision {revision}")
    return "  ".join(parts)


def where(task: Task) -> str:
    """`assigned to n1`, `running on n1`, `unassigned: no_capacity: n3`, `succeeded on n2 after 5 ms`."""
    if task.status in FINISHED:
        return ended(task)
    node = task.assignment.node
    if task.status in ON_A_NODE and node is not None:
        return f"{task.status} {'to' if task.status == 'assigned' else 'on'} {node}"
    note = placement_note(task)
    return f"{task.status}: {note}" if note else task.status


def placement_note(task: Task) -> str:
    """The code of the assignment with its text."""
    code, text = task.assignment.code, task.assignment.explanation
    if not code or code in ("assigned", task.status):
        return text
    return f"{code}: {text}" if text else code


def ended(task: Task) -> str:
    """How it ended, where, after how long, with which error; of a cancelled one the state that was kept."""
    last = task.last_outcome
    if task.status == "cancelled":
        return "cancelled" if task.state is None else f"cancelled  state kept: {short(task.state)}"
    if last is None:
        return task.status
    text = task.status + _place_and_time(last)
    why = outcome_reason(last) if task.status == "failed" else ""
    return f"{text}  {why}" if why else text


def ended_run(last: LastOutcome) -> str:
    """How a run ended, where, after how long, and why if it did not succeed."""
    text = last.outcome + _place_and_time(last)
    why = "" if last.outcome in ("succeeded", "warning") else outcome_reason(last)
    return f"{text}  {why}" if why and why != last.outcome else text


def _place_and_time(last: LastOutcome) -> str:
    text = f" on {last.node}" if last.node is not None else ""
    return text if last.duration_ms is None else f"{text} after {lasted(last.duration_ms)}"


def outcome_reason(last: LastOutcome) -> str:
    """`ConnectError: 410`, or the reason's code."""
    return (
        error_text(last.error) or last.reason or ("" if last.outcome == "failed" else last.outcome)
    )


def error_text(error: Json) -> str:
    """`shop.errors.Gone: 410` of a run's error, its first line only."""
    if not isinstance(error, dict):
        return str(error) if error else ""
    kind = str(error.get("type") or "").rpartition(".")[2]
    lines = str(error.get("message") or "").splitlines()
    message = lines[0] if lines else ""
    return f"{kind}: {message}" if kind and message else kind or message


def attempts_text(task: Task) -> str:
    """The column TRY: the attempt in progress or made last, and the maximum."""
    return f"{attempt_of(task)}/{maximum(task.policy)}"


def attempt_of(task: Task) -> int:
    """The attempt in progress or made last; 0: none yet."""
    last = task.last_outcome.outcome if task.last_outcome is not None else None
    under_way = task.status in ON_A_NODE
    counted_later = last in ("succeeded", "warning", "cancelled") and task.is_finished
    return task.attempts + (under_way or counted_later)


def maximum(policy: Policy) -> str:
    """The greatest number of attempts; `-` when there is none."""
    limit = policy.retry.max_attempts
    return str(limit) if isinstance(limit, int) else "-"


def progress_text(task: Task) -> str:
    """The column PROGRESS."""
    return "" if task.progress is None else bar(task.progress.done, task.progress.total)


def note(task: Task, moments: Moments) -> str:
    """The column NOTE: why it waits or has no node, or how it ended."""
    if task.status == "waiting":
        return _waiting_note(task, moments)
    if task.status == "unassigned":
        return placement_note(task)
    if task.status == "stopping":
        return task.stop_reason or ""
    if task.status == "failed" and task.last_outcome is not None:
        return outcome_reason(task.last_outcome)
    if task.status == "paused" and task.paused_until_at is not None:
        away = age(max(0, task.paused_until_at - moments.now))
        return f"until {moments.clock(task.paused_until_at)} (in {away})"
    return ""


def _waiting_note(task: Task, moments: Moments) -> str:
    code = task.assignment.code or "not_due"
    coming = next_text(task, moments) if code == "not_due" else ""
    if coming:
        return f"not_due: {coming}{_last_trouble(task)}"
    if task.due_at is None:
        return placement_note(task) or code
    away = age(max(0, task.due_at - moments.now))
    if code == "backoff":
        after = f" after {_error_name(task.last_outcome)}" if task.last_outcome is not None else ""
        return f"backoff: again in {spaced(away)}{after}"
    return f"{code}: due {moments.clock(task.due_at)} (in {away})"


def _last_trouble(task: Task) -> str:
    """A series goes on after a run that failed: its list says so (TM-72)."""
    last = task.last_outcome
    if last is None or last.outcome not in ("failed", "timed_out", "warning"):
        return ""
    return f"; last run {last.outcome.replace('_', ' ')}"


def spaced(compact_age: str) -> str:
    """`40 s` of `40s`."""
    return f"{compact_age[:-1]} {compact_age[-1]}"


def _error_name(last: LastOutcome) -> str:
    if isinstance(last.error, dict) and last.error.get("type"):
        return str(last.error["type"]).rpartition(".")[2]
    return last.reason or last.outcome
