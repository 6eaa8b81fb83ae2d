"""What to say of one task that was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.cli.selection import Entry
from coordinator.cli.task_texts import where

if TYPE_CHECKING:
    from coordinator.client.replies import Changed


def entry_of(changed: Changed, task_id: str, *, dry_run: bool) -> Entry:
    """What to say of one task that was changed."""
    task = changed.task
    name = task.id if task is not None else task_id
    word = "unchanged" if changed.unchanged else "updated"
    state = "removed" if changed.removed or task is None else where(task)
    parts = [name, *(["unchanged"] if changed.unchanged else []), state]
    if changed.next_run and not changed.unchanged:
        parts.append(f"from the next run on: {', '.join(changed.next_run)}")
    elif changed.effect not in ("", "now", "unchanged"):
        parts.append(changed.effect.replace("_", " "))
    if dry_run:
        parts.append("(dry run: nothing was written)")
    return Entry(name, word, task, "  ".join(parts), revision=changed.answer.revision)
