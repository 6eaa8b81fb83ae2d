"""`taskctl start --ensure`: a task as it should be, and what that took (TM-22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.cli import exits
from coordinator.cli.selection import Entry
from coordinator.cli.session import Session
from coordinator.cli.task_texts import where
from coordinator.cli.texts import dry_line

if TYPE_CHECKING:
    from coordinator.client.replies import Ensured


def show_ensured(session: Session, found: Ensured, task_id: str, *, dry_run: bool) -> int:
    """Tell what was done; the exit code."""
    from coordinator.client.serializer import plain_dict

    extra = {
        "result": found.result,
        "changed": found.changed,
        "kept": found.kept,
        "validated": found.validated,
        "dry_run": dry_run,
    }
    view = {**plain_dict(found.task), **extra} if session.out.is_json else found.task
    entry = ensured_entry(found, task_id, dry_run=dry_run)
    session.out.single("Task", found.answer, view, task_id, lambda: entry.text)
    return exits.OK


def ensured_entry(found: Ensured, task_id: str, *, dry_run: bool) -> Entry:
    """`nightly  updated: schedule  kept as an operator set it: params`."""
    changed = f": {', '.join(found.changed)}" if found.changed else ""
    parts = [task_id, f"{found.result}{changed}"]
    if found.kept:
        parts.append(f"kept as it was set by hand: {', '.join(found.kept)}")
    if found.task.id and found.result != "created":
        parts.append(where(found.task))
    task = found.task if found.task.id else None
    text, revision = dry_line("  ".join(parts), dry_run=dry_run), found.answer.revision
    return Entry(task_id, found.result, task, text, revision=revision, dry_run=dry_run)
