"""`taskctl get` for people: everything known about one task, a field per line. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from coordinator.cli.schedule_texts import series_rows
from coordinator.cli.task_texts import (
    attempts_text,
    compact,
    error_text,
    maximum,
    outcome_reason,
    placement_note,
    progress_text,
    short,
    where,
)
from coordinator.cli.texts import Moments, lasted
from coordinator.client.labels import label_text
from coordinator.client.views import LastOutcome, Policy, Task

_WIDTH = 14


def task_page(task: Task, moments: Moments) -> str:
    """All of a task; lines that have nothing to say are left out."""
    rows = [*_head(task, moments), *_wish(task), *series_rows(task, moments)]
    rows += [*_state(task), *_times(task, moments)]
    if task.last_outcome is not None:
        rows.append(("last run", _last_run(task.last_outcome, moments)))
        rows += _trace(task.last_outcome)
    return "\n".join(f"{title:<{_WIDTH}}{text}" for title, text in rows if text)


def _head(task: Task, moments: Moments) -> Iterator[tuple[str, str]]:
    yield "id", task.id
    yield "executor", f"{task.executor} v{task.executor_version}"
    yield "status", where(task)
    outcome = task.last_outcome.outcome if task.last_outcome is not None else None
    yield "label", label_text(task.status, outcome, recurring=task.spec.schedule is not None)
    if task.stop_reason:
        yield "stopping", f"{task.stop_reason}, since {moments.show(task.stopping_since_at)}"
    if task.desired != "running":
        yield "desired", task.desired
    if task.assignment.node is not None:
        yield "node", f"{task.assignment.node} (incarnation {task.assignment.incarnation})"
        yield "why", placement_note(task)
    yield "allocation", str(task.allocation_id)
    yield "attempts", attempts_text(task)
    yield "progress", progress_text(task)
    yield "description", task.description
    yield "end", task.end_reason or ""
    yield "run again", "once more after the run in progress" if task.run_again else ""
    yield "declared", f"by {task.executor}" if task.declared else ""


def _wish(task: Task) -> Iterator[tuple[str, str]]:
    yield "params", compact(task.params)
    yield "labels", ", ".join(f"{key}={value}" for key, value in sorted(task.spec.labels.items()))
    about = task.spec.object
    yield "object", f"{about['kind']}/{about['id']}" if about else ""
    yield "policy", policy_text(task.policy)
    after, until = task.spec.after, task.spec.until or "succeeded"
    yield "after", f"{', '.join(after)} ({until})" if after else ""
    yield "dedup key", task.spec.dedup_key or ""
    yield "set by", ", ".join(f"{group}: {who}" for group, who in sorted(task.set_by.items()))


def policy_text(policy: Policy) -> str:
    """The policy in force, on one line."""
    attempts = maximum(policy)
    return ", ".join(
        (
            f"priority {policy.priority}",
            f"cost {policy.cost}",
            f"timeout {policy.timeout}",
            "attempts unlimited" if attempts == "-" else f"at most {attempts} attempts",
            f"grace {policy.cancel_grace}",
            "exclusive" if policy.exclusive else "may overlap",
            f"{policy.isolation} worker",
        )
    )


def _state(task: Task) -> Iterator[tuple[str, str]]:
    if task.state is None:
        return
    whose = "of the current run" if task.state_is_current else "kept from"
    allocation = "" if task.state_is_current else f" allocation {task.state_allocation_id}"
    yield "state", f"{short(task.state, 2_000)}  ({whose}{allocation})"


def _times(task: Task, moments: Moments) -> Iterator[tuple[str, str]]:
    named = (
        ("created", task.created_at),
        ("due", task.due_at),
        ("paused until", task.paused_until_at),
        ("started", task.started_at),
        ("updated", task.updated_at),
        ("finished", task.finished_at),
        ("expires", task.expires_at),
    )
    for title, at in named:
        yield title, moments.full(at) if at is not None else ""
    yield "revision", f"{task.modified_revision} (created at {task.created_revision})"


def _last_run(last: LastOutcome, moments: Moments) -> str:
    parts = [last.outcome, f"allocation {last.allocation_id}"]
    if last.node is not None:
        parts.append(f"on {last.node}")
    if last.duration_ms is not None:
        parts.append(f"lasted {lasted(last.duration_ms)}")
    if last.ended_at is not None:
        parts.append(f"ended {moments.show(last.ended_at)}")
    why = outcome_reason(last) if last.outcome != "succeeded" else ""
    if why and why != last.outcome:
        parts.append(why)
    return ", ".join(parts)


def _trace(last: LastOutcome) -> Iterator[tuple[str, str]]:
    if last.result is not None:
        yield "result", json.dumps(last.result, ensure_ascii=False)
    if isinstance(last.error, dict) and last.error.get("traceback"):
        yield "error", error_text(last.error)
        yield "traceback", "\n  " + str(last.error["traceback"]).rstrip().replace("\n", "\n  ")
