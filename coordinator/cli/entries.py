"""What to say of one task that was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.cli.schedule_texts import fire_line
from coordinator.cli.selection import Entry
from coordinator.cli.task_texts import where
from coordinator.cli.texts import dry_line

if TYPE_CHECKING:
    from coordinator.client.replies import Changed


# of a manual run
_EFFECTS = {
    "queued": "once more after the run in progress",
    "replaces": "the run in progress is stopped first",
    "runs_once": "runs once and stays paused",
}


def entry_of(changed: Changed, task_id: str, *, dry_run: bool, is_told: bool = False) -> Entry:
    """What to say of one task that was changed. `is_told`: it may be there though its record did not come along."""
    task = changed.task
    name = task.id if task is not None else task_id
    word = "unchanged" if changed.unchanged else "updated"
    if changed.effect == "from_the_next_run_on":
        word = "deferred"
    is_gone = changed.removed or (task is None and not is_told)
    state = "removed" if is_gone else where(task) if task is not None else word
    parts = [name, *(["unchanged"] if changed.unchanged else []), state]
    if changed.next_run and not changed.unchanged:
        parts.append(f"from the next run on: {', '.join(changed.next_run)}")
    elif changed.effect not in ("", "now", "unchanged"):
        parts.append(_EFFECTS.get(changed.effect, changed.effect.replace("_", " ")))
    parts += changed.notes
    lines = [
        dry_line("  ".join(parts), dry_run=dry_run),
        *(f"  {fire_line(one)}" for one in changed.fire_times),
    ]
    text, revision = "\n".join(lines), changed.answer.revision
    return Entry(name, word, task, text, revision=revision, dry_run=dry_run)
