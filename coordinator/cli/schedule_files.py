"""`taskctl schedule lint` and `apply`: files of recurring tasks, in the form of `start -f` (EX-15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coordinator.cli import exits
from coordinator.cli.ensuring import ensured_entry
from coordinator.cli.failures import usage
from coordinator.cli.selection import UNCONFIRMED_MAX, Entry, refused_entry, report
from coordinator.cli.session import Session
from coordinator.cli.task_files import read_file, to_task
from coordinator.cli.texts import dry_line
from coordinator.client.errors import ClientError

if TYPE_CHECKING:
    from coordinator.client.requests import ChangeOptions, NewTask


def lint_file(session: Session, path: str) -> int:
    """A line for each warning; the exit code."""
    session.doing = f"schedule lint {path}"
    tasks = _tasks(path)

    async def work() -> int:
        items: list[dict[str, Any]] = []
        for task in tasks:
            items += [{"task": task.id, "warning": text} for text in await _warnings(session, task)]
        if session.out.is_json:
            session.out.listing("CheckList", None, items, ())
        else:
            for item in items:
                session.out.write(f"{item['task']}: {item['warning']}")
            if not items and session.out.is_table:
                session.out.write(f"{len(tasks)} schedules, nothing to say")
        return exits.TROUBLE_FOUND if items else exits.OK

    return session.run(work)


async def _warnings(session: Session, task: NewTask) -> list[str]:
    """Of the file's schedule; of a task that is there with how long it runs."""
    try:
        found = await session.client.preview_schedule(task.id, task.schedule, count=1)
    except ClientError as error:
        if error.reason != "invalid_schedule":
            raise
        return [error.message]
    return list(found.preview.warnings)


def apply_file(
    session: Session, path: str, change: ChangeOptions, prune: Sequence[str], *, overwrite: bool
) -> int:
    """Ensure each, end what is not in the file, tell what was done; the exit code."""
    session.doing = f"schedule apply -f {path}"
    tasks = _tasks(path)

    async def work() -> int:
        session.guard_change(dry_run=change.dry_run)
        gone = await _not_in(session, tasks, prune) if prune else []
        if len(gone) > UNCONFIRMED_MAX and not change.dry_run:
            session.confirm(f"apply: --prune ends {len(gone)} tasks", str(len(gone)))
        entries = [
            await _ensure(session, task, change, n, overwrite) for n, task in enumerate(tasks)
        ]
        entries += await _end(session, gone, change)
        return report(session, entries)

    return session.run(work)


async def _ensure(
    session: Session,
    task: NewTask,
    change: ChangeOptions,
    number: int,
    overwrite: bool,
) -> Entry:
    from msgspec.structs import replace

    options = replace(change, request_id=f"{change.request_id}/{number}")
    try:
        found = await session.client.ensure(task, options, overwrite=overwrite)
    except ClientError as error:
        error.metadata.setdefault("executor", task.executor)
        return refused_entry(session, task.id, error)
    return ensured_entry(found, task.id, dry_run=change.dry_run)


async def _not_in(session: Session, tasks: Sequence[NewTask], prune: Sequence[str]) -> list[str]:
    """Recurring tasks of the selector that the file does not name."""
    from coordinator.client.requests import Filter

    labels = [term.strip() for text in prune for term in text.split(",") if term.strip()]
    named = {task.id for task in tasks}
    chosen = Filter(labels=labels, recurring=True, include_finished=True)
    pages = session.client.pages(chosen)
    return [task.id async for page in pages for task in page.tasks if task.id not in named]


async def _end(session: Session, gone: Sequence[str], change: ChangeOptions) -> list[Entry]:
    """Cancelled and purged, or what that would be."""
    from coordinator.client.requests import Filter

    if not gone:
        return []
    chosen = Filter(ids=gone, include_finished=True)
    reply = await session.client.cancel_many(chosen, change, purge=True)
    entries = []
    for item in reply.items:
        if item.error is not None:
            entries.append(refused_entry(session, item.id, item.error))
            continue
        text = dry_line(f"{item.id}  pruned: not in the file", dry_run=change.dry_run)
        revision = reply.answer.revision
        entry = Entry(item.id, "pruned", item.task, text, revision=revision, dry_run=change.dry_run)
        entries.append(entry)
    return entries


def _tasks(path: str) -> list[NewTask]:
    """The recurring tasks of a file, each with an id of its own. Raises Failure."""
    tasks = [to_task(entry, f"{path}: task {n}") for n, entry in enumerate(read_file(path), 1)]
    ids = [task.id for task in tasks]
    for number, task in enumerate(tasks, 1):
        if not task.id:
            raise usage(
                f"{path}: task {number}: id is missing; without one nobody can tell whether it is there"
            )
        if task.schedule is None:
            raise usage(f"{path}: task {number} ({task.id}): schedule is missing")
        if ids.count(task.id) > 1:
            raise usage(f"{path}: task {number}: the id {task.id} is there twice")
    return tasks
