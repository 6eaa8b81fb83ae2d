"""How a list of tasks looks as a table, and the line below it."""

from __future__ import annotations

from coordinator.cli.output import Column
from coordinator.cli.task_texts import attempt_of, attempts_text, note, progress_text
from coordinator.cli.texts import Moments, count
from coordinator.client.labels import label_text
from coordinator.client.views import Answer, Task


def columns(moments: Moments) -> tuple[Column[Task], ...]:
    """The columns of a list of tasks; those marked wide are shown by `-o wide`."""
    return (
        Column("ID", lambda task: task.id),
        Column("EXECUTOR", lambda task: task.executor),
        Column("STATUS", lambda task: task.status),
        Column("NODE", lambda task: task.assignment.node or "-", lambda task: task.assignment.node),
        Column("ALLOC", _allocation, lambda task: task.allocation_id, right=True),
        Column("TRY", attempts_text, attempt_of, right=True),
        Column("PROGRESS", progress_text),
        Column("AGE", lambda task: moments.age(task.created_at), lambda task: task.created_at),
        Column("PRIORITY", lambda t: str(t.policy.priority), lambda t: t.policy.priority, right=True, wide=True),
        Column("COST", lambda t: str(t.policy.cost), lambda t: t.policy.cost, right=True, wide=True),
        Column("LABEL", _label, lambda task: task.label, wide=True),
        Column("LABELS", _labels, wide=True),
        Column("UPDATED", lambda task: moments.show(task.updated_at), lambda task: task.updated_at, wide=True),
        Column("NOTE", lambda task: note(task, moments)),
    )  # fmt: skip


def _allocation(task: Task) -> str:
    """A task without a node has no allocation in force; its last number is history."""
    return str(task.allocation_id) if task.assignment.node is not None else "-"


def _label(task: Task) -> str:
    outcome = task.last_outcome.outcome if task.last_outcome is not None else None
    return label_text(task.status, outcome, recurring=task.spec.schedule is not None)


def _labels(task: Task) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(task.spec.labels.items()))


def footer(number: int, answer: Answer) -> str:
    """`4 tasks · revision 1841 · leader c2, term 6`."""
    text = f"{count(number, 'task')} · revision {answer.revision}"
    if answer.stale:
        return f"{text} · stale: as {answer.member} had it, {answer.age_ms / 1000:.1f} s after it last heard a leader"
    return f"{text} · leader {answer.leader or 'unknown'}, term {answer.term}"
