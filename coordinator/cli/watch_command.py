"""`taskctl watch`: changes as they happen, each once and in order, over the loss of any member (EX-12)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.lazy import Verb
from coordinator.cli.output import tell
from coordinator.cli.selection import filter_of, full_id, ids_of, selection_flags, selection_of
from coordinator.cli.session import Session, session_of
from coordinator.cli.task_texts import progress_text, where
from coordinator.client.errors import NotFound, WatchReset

if TYPE_CHECKING:
    from coordinator.client.requests import Filter
    from coordinator.client.views import Change, Task
    from coordinator.client.watch import Watch, WatchEvent


@click.command("watch", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@selection_flags
@click.option("--after", type=click.IntRange(1), metavar="REV", help="Go on after this revision.")
@click.option("--progress", is_flag=True, help="What runs say of their progress, too.")
@click.option(
    "--or-restart", is_flag=True, help="If that revision is no longer kept: the full list, and on."
)
@click.pass_context
def watch(ctx: click.Context, /, **flags: Any) -> int:
    """Changes of tasks as they happen, in order. What is there comes first, unless --after is given."""
    session = session_of(ctx)
    selection = selection_of(flags.pop("ids"), flags)
    session.doing = f"watch {' '.join(selection.ids)}".strip()
    watcher = Watcher(session, progress=flags["progress"])

    async def work() -> int:
        ids = await _full_ids(session, await ids_of(session, selection)) if selection.ids else []
        chosen = _with_ids(filter_of(selection, finished=True), ids)
        return await watcher.run(chosen, flags["after"], or_restart=flags["or_restart"])

    try:
        return session.run(work)
    except KeyboardInterrupt:
        watcher.tell_revision()
        return exits.INTERRUPTED


async def _full_ids(session: Session, ids: list[str]) -> list[str]:
    full = []
    for one in ids:
        try:
            full.append(await full_id(session, one))
        except NotFound:
            full.append(one)  # it may be created yet
    return full


def _with_ids(chosen: Filter, ids: list[str]) -> Filter:
    from msgspec.structs import replace

    return replace(chosen, ids=ids)


class Watcher:
    """Prints a watch. Knows the last complete revision, for whoever goes on later."""

    def __init__(self, session: Session, *, progress: bool = False) -> None:
        self._session = session
        self._progress = progress
        self._watch: Watch | None = None

    def tell_revision(self) -> None:
        """After Ctrl-C, or when the time is over."""
        revision = self._watch.revision if self._watch is not None else None
        if revision:
            tell(f"resume with: --after {revision}")

    async def run(self, chosen: Filter, after: int | None, *, or_restart: bool) -> int:
        """Until the time given is over, or for ever. Raises WatchReset; Unavailable when nobody answers from the start."""
        try:
            async with asyncio.timeout(self._session.left_s):
                await self._follow_on(chosen, after, or_restart=or_restart)
        except TimeoutError:
            if self._watch is not None and self._watch.silence is not None:
                raise self._watch.silence from None
            self.tell_revision()
        return exits.OK

    async def _follow_on(self, chosen: Filter, after: int | None, *, or_restart: bool) -> None:
        while True:
            try:
                await self._follow(chosen, after)
            except WatchReset as reset:
                if not or_restart:
                    raise
                tell(f"{reset.message}; begins anew with the full list")
                after = None

    async def _follow(self, chosen: Filter, after: int | None) -> None:
        self._watch = self._session.client.open_watch(
            chosen, progress=self._progress, on_loss=tell_loss, on_reconnect=tell_reconnected
        )
        async for event in self._watch.events(after):
            for change in event.changes:
                self._show(event, change)

    def _show(self, event: WatchEvent, change: Change) -> None:
        kind = "live" if event.kind == "live" else change.type
        text = partial(_line, change.task, kind, change.revision)
        self._session.out.line("Change", change, change.task.id, text)


def tell_loss(address: str) -> None:
    """Once for each loss, when it comes."""
    tell(f"connection lost: {address} answers no more; looking for a coordinator")


def tell_reconnected(address: str, revision: int) -> None:
    """Nothing was missed."""
    tell(f"goes on at {address} after revision {revision}")


def _line(task: Task, kind: str, revision: int) -> str:
    """`1842  hello  updated  running on n1  82 %`."""
    said = where(task) if kind != "removed" else ""
    progress = progress_text(task) if kind == "live" else ""
    return "  ".join(part for part in (str(revision), task.id, kind, said, progress) if part)
