"""`taskctl start --ensure`: a task as it should be, and what that took (TM-22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.cli import exits
from coordinator.cli.selection import Entry
from coordinator.cli.session import Session
from coordinator.cli.task_texts import where

if TYPE_CHECKING:
    from coordinator.client.replies import Ensured
    from coordinator.client.requests import ChangeOptions, NewTask


async def ensure_one(
    session: Session, task: NewTask, change: ChangeOptions, *, overwrite: bool
) -> int:
    """Ensure it, tell what was done; the exit code."""
    from coordinator.client.serializer import plain_dict

    found = await session.client.ensure(task, change, overwrite=overwrite)
    extra = {
        "result": found.result,
        "changed": found.changed,
        "kept": found.kept,
        "validated": found.validated,
        "dry_run": change.dry_run,
    }
    view = {**plain_dict(found.task), **extra} if session.out.is_json else found.task
    entry = ensured_entry(found, task.id, dry_run=change.dry_run)
    session.out.single("Task", found.answer, view, task.id, lambda: entry.text)
    return exits.OK


def ensured_entry(found: Ensured, task_id: str, *, dry_run: bool) -> Entry:
    """`nightly  updated: schedule  kept as an operator set it: params`."""
    changed = f": {', '.join(found.changed)}" if found.changed else ""
    parts = [task_id, f"{found.result}{changed}"]
    if found.kept:
        parts.append(f"kept as it was set by hand: {', '.join(found.kept)}")
    if found.task.id and found.result != "created":
        parts.append(where(found.task))
    if dry_run:
        parts.append("(dry run: nothing was written)")
    task = found.task if found.task.id else None
    text = "  ".join(parts)
    return Entry(task_id, found.result, task, text, revision=found.answer.revision)
