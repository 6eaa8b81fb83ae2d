"""One change of several tasks: one call, and what became of each (PT-79, TM-31, EX-3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.client.replies import ChangedItem, ChangedMany
    from coordinator.client.requests import ChangeOptions, Filter
    from coordinator.client.views import Task

    Many = Callable[[Filter, ChangeOptions], Awaitable[ChangedMany]]
    Follow = Callable[[ChangedMany], Awaitable[Mapping[str, Task | None]]]


def change_many(
    session: Session,
    selection: Selection,
    change: ChangeOptions,
    many: Many,
    follow: Follow | None = None,
    *,
    finished: bool = False,
) -> int:
    """Ask, confirm, change all in one call, tell of each; the exit code.

    `follow` gives newer records, once something has come about that is waited for; None: it is gone.
    """
    session.doing = session.verb
    if session.settings.read_only:
        session.guard_change()

    async def work() -> int:
        ids = await ids_of(session, selection, finished=finished)
        if not ids:
            return report(session, [])
        confirm_many(session, ids, selection)
        session.guard_change(dry_run=change.dry_run)
        if not selection.is_filter:
            ids = await full_ids(session, ids)
        chosen = filter_of(selection, finished=finished)
        reply = await many(replace(chosen, ids=ids), change)
        newer = await follow(reply) if follow is not None and not change.dry_run else {}
        entries = [_entry(session, reply, item, change, newer) for item in reply.items]
        return report(session, entries)

    return session.run(work)


def _entry(
    session: Session,
    reply: ChangedMany,
    item: ChangedItem,
    change: ChangeOptions,
    newer: Mapping[str, Task | None],
) -> Entry:
    """In the words of TM-31."""
    if item.result == "skipped":
        text = f"{item.id}  skipped: it does not match any more"
        return Entry(item.id, "skipped", item.task, text, revision=reply.answer.revision)
    if item.error is not None:
        return refused_entry(session, item.id, item.error)._replace(result=item.result)
    changed = Changed(
        reply.answer,
        newer.get(item.id) or item.task,
        unchanged=item.result == "unchanged",
        removed=item.removed or (item.id in newer and newer[item.id] is None),
        effect="from_the_next_run_on" if item.result == "deferred" else "",
        validated=item.validated,
    )
    return entry_of(changed, item.id, dry_run=change.dry_run, is_told=True)
