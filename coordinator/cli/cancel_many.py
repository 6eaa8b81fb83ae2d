"""`taskctl cancel` of several tasks: one call, and what became of each (PT-79, EX-3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from coordinator.cli.change_many import change_many
from coordinator.cli.selection import Selection
from coordinator.cli.session import Session
from coordinator.client.requests import Filter

if TYPE_CHECKING:
    from coordinator.client.replies import ChangedMany
    from coordinator.client.requests import ChangeOptions
    from coordinator.client.views import Task


class How(NamedTuple):
    """`grace_ms` None: as the tasks have it. `waits`: until each is cancelled."""

    grace_ms: int | None
    purge: bool
    waits: bool


def cancel_many(session: Session, selection: Selection, change: ChangeOptions, how: How) -> int:
    """Ask, confirm, cancel all in one call, tell of each; the exit code."""

    async def many(chosen: Filter, options: ChangeOptions) -> ChangedMany:
        client = session.client
        return await client.cancel_many(chosen, options, purge=how.purge, grace_ms=how.grace_ms)

    async def ends(reply: ChangedMany) -> Mapping[str, Task | None]:
        """Those that were still on their way out, once they have ended; None: gone. Raises TimedOut."""
        open_ids = [
            item.id
            for item in reply.items
            if item.task is not None and item.task.status == "stopping"
        ]
        if not open_ids:
            return {}
        chosen = Filter(ids=open_ids, include_finished=True)
        found = await session.client.wait_all(chosen, timeout_s=session.left_s)
        return {one.id: None if one.status == "gone" else one.task for one in found.ended}

    finished = how.purge and bool(selection.object)  # TM-68: the thing is gone, with all its tasks
    follow = ends if how.waits else None
    return change_many(session, selection, change, many, follow, finished=finished)
