"""`taskctl start -f FILE`: many tasks at once, each of which succeeds or fails alone (EX-10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from coordinator.cli import exits
from coordinator.cli.failures import describe, usage
from coordinator.cli.selection import Entry, report
from coordinator.cli.task_files import read_file, to_task
from coordinator.cli.texts import dry_line

if TYPE_CHECKING:
    from coordinator.cli.session import Session
    from coordinator.client.replies import CreatedItem
    from coordinator.client.requests import ChangeOptions, NewTask


def start_many(
    session: Session, path: str, change: Callable[[], ChangeOptions], *, waits: bool = False
) -> int:
    """Create all tasks of a file; each succeeds or fails alone. `waits`: until those that were made have ended."""
    session.doing = f"start -f {path}"
    tasks = [to_task(entry, f"{path}: task {n}") for n, entry in enumerate(read_file(path), 1)]
    if not tasks:
        raise usage(f"{path}: no tasks in it")
    return session.run(lambda: _create(session, tasks, change(), waits=waits))


async def _create(
    session: Session, tasks: list[NewTask], change: ChangeOptions, *, waits: bool
) -> int:
    session.guard_change(dry_run=change.dry_run)
    reply = await session.client.create_many(tasks, change)
    entries = [
        _entry(item, task.executor, reply.answer.revision, dry_run=change.dry_run)
        for item, task in zip(reply.items, tasks, strict=True)
    ]
    if waits and not change.dry_run:
        from coordinator.cli.waits_many import until_they_end

        return await until_they_end(session, entries)
    code = report(session, entries)
    if session.out.is_table:
        made = sum(entry.failure is None for entry in entries)
        session.out.write(dry_line(f"{made} of {len(entries)} tasks", dry_run=change.dry_run))
    return code


def _entry(item: CreatedItem, executor: str, revision: int, *, dry_run: bool) -> Entry:
    if item.error is not None:
        item.error.metadata.setdefault("executor", executor)
        failure = describe(item.error, f"start {item.id}")
        word = "conflict" if failure.exit_code == exits.CONFLICT else "refused"
        return Entry(item.id, word, failure=failure)
    place = f"assigned to {item.node}" if item.node and item.status == "assigned" else item.status
    parts = [item.id, "" if item.created else "already there", place]
    if dry_run and item.created:
        parts[1:] = ["created"]
    if item.node:
        parts.append(f"allocation {item.allocation_id}")
    text = dry_line("  ".join(part for part in parts if part), dry_run=dry_run)
    word = "created" if item.created else "unchanged"
    return Entry(item.id, word, item.task, text, revision=revision, dry_run=dry_run)
