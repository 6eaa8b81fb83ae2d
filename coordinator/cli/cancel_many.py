"""`taskctl cancel` of several tasks: one call, and what became of each (PT-79, EX-3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from coordinator.cli.entries import entry_of
from coordinator.cli.selection import (
    Entry,
    Selection,
    confirm_many,
    filter_of,
    full_ids,
    ids_of,
    refused_entry,
    report,
)
from coordinator.cli.session import Session
from coordinator.client.replies import Changed
from coordinator.client.requests import Filter

if TYPE_CHECKING:
    from coordinator.client.replies import ChangedItem, ChangedMany
    from coordinator.client.requests import ChangeOptions
    from coordinator.client.views import Task


class How(NamedTuple):
    """`grace_ms` None: as the tasks have it. `waits`: until each is cancelled."""

    grace_ms: int | None
    purge: bool
    waits: bool


def cancel_many(session: Session, selection: Selection, change: ChangeOptions, how: How) -> int:
    """Ask, confirm, cancel all in one call, tell of each; the exit code."""
    session.doing = session.verb
    if session.settings.read_only:
        session.guard_change()

    async def work() -> int:
        ids = await ids_of(session, selection)
        if not ids:
            return report(session, [])
        confirm_many(session, ids, selection)
        session.guard_change(dry_run=change.dry_run)
        if not selection.is_filter:
            ids = await full_ids(session, ids)
        chosen = replace(filter_of(selection), ids=ids)
        reply = await session.client.cancel_many(
            chosen, change, purge=how.purge, grace_ms=how.grace_ms
        )
        ended: dict[str, Task] = {}
        if how.waits and not change.dry_run:
            ended = await _ends(session, reply.items)
        entries = [_entry(session, reply, item, change, ended) for item in reply.items]
        return report(session, entries)

    return session.run(work)


async def _ends(session: Session, items: Sequence[ChangedItem]) -> dict[str, Task]:
    """The records of those that were still on their way out, once they have ended. Raises TimedOut."""
    open_ids = [
        item.id for item in items if item.task is not None and item.task.status == "stopping"
    ]
    if not open_ids:
        return {}
    chosen = Filter(ids=open_ids, include_finished=True)
    found = await session.client.wait_all(chosen, timeout_s=session.left_s)
    return {one.id: one.task for one in found.ended if one.task is not None}


def _entry(
    session: Session,
    reply: ChangedMany,
    item: ChangedItem,
    change: ChangeOptions,
    ended: dict[str, Task],
) -> Entry:
    """In the words of TM-31."""
    if item.result == "skipped":
        text = f"{item.id}  skipped: it does not match any more"
        return Entry(item.id, "skipped", item.task, text, revision=reply.answer.revision)
    if item.error is not None:
        return refused_entry(session, item.id, item.error)._replace(result=item.result)
    changed = Changed(
        reply.answer,
        ended.get(item.id, item.task),
        unchanged=item.result == "unchanged",
        removed=item.removed,
        effect="",
        validated="",
    )
    return entry_of(changed, item.id, dry_run=change.dry_run)
