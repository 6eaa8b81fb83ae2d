"""`taskctl list -w`: redrawn in place on a terminal, a line per change elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING

from coordinator.cli import exits
from coordinator.cli.session import Session
from coordinator.cli.task_columns import columns, footer
from coordinator.cli.task_texts import where
from coordinator.cli.watch_command import tell_loss, tell_reconnected
from coordinator.client.requests import Filter
from coordinator.client.views import Answer, Task

if TYPE_CHECKING:
    from coordinator.client.watch import WatchEvent

REDRAW_S = 0.2
_CLEAR = "\x1b[H\x1b[2J"


async def watch_list(session: Session, chosen: Filter) -> int:
    """Until the time given is over, or for ever. Raises Unavailable when nobody answers from the start."""
    watch = session.client.open_watch(chosen, on_loss=tell_loss, on_reconnect=tell_reconnected)
    show = _redraw if _in_place(session) else _lines
    try:
        async with asyncio.timeout(session.left_s):
            await show(session, chosen, watch.events())
    except TimeoutError:
        if watch.silence is not None:
            raise watch.silence from None
    return exits.OK


def _in_place(session: Session) -> bool:
    return session.out.on_terminal and session.out.is_table


async def _lines(session: Session, _chosen: Filter, events: AsyncIterator[WatchEvent]) -> None:
    async for event in events:
        for change in event.changes:
            task = change.task
            text = f"{task.id}  {'removed' if change.type == 'removed' else where(task)}"
            if session.out.is_json:
                session.out.line("Change", change, task.id, str)
            else:
                session.out.line("Task", task, task.id, partial(str, text))


async def _redraw(session: Session, chosen: Filter, events: AsyncIterator[WatchEvent]) -> None:
    tasks: dict[str, Task] = {}
    revision = 0
    drawn = asyncio.get_running_loop().time() - REDRAW_S
    async for event in events:
        if event.restarted:
            tasks.clear()
        for change in event.changes:
            if change.type == "removed" or not _wanted(change.task, chosen):
                tasks.pop(change.task.id, None)
            else:
                tasks[change.task.id] = change.task
        revision = max(revision, event.revision)
        now = asyncio.get_running_loop().time()
        if event.more or (now - drawn < REDRAW_S and event.kind == "change" and not event.changes):
            continue
        drawn = now
        _draw(session, [tasks[name] for name in sorted(tasks)], revision)


def _wanted(task: Task, chosen: Filter) -> bool:
    """A watch also tells of tasks that have just left the filter's statuses."""
    if chosen.statuses:
        return task.status in chosen.statuses
    return chosen.include_finished or task.status not in ("succeeded", "cancelled")


def _draw(session: Session, tasks: list[Task], revision: int) -> None:
    sys.stdout.write(_CLEAR)
    session.out.listing("TaskList", None, tasks, columns(session.moments))
    session.out.write(footer(len(tasks), Answer(revision=revision)))
    session.out.flush()
