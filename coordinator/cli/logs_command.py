"""`taskctl logs`: the log of a run, live with -f, afterwards what is kept of it (EX-13)."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.flags import DURATION
from coordinator.cli.lazy import Verb
from coordinator.cli.output import tell
from coordinator.cli.selection import by_prefix
from coordinator.cli.session import Session, session_of
from coordinator.cli.task_texts import compact
from coordinator.cli.texts import Moments

if TYPE_CHECKING:
    from coordinator.client.views import LogLine

LEVELS = ("debug", "info", "warning", "error")


@click.command("logs", cls=Verb)
@click.argument("task_id", metavar="ID", shell_complete=complete("tasks"))
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option(
    "--run",
    "allocation",
    type=int,
    default=0,
    metavar="ALLOC",
    help="Of this run.  [default: the latest]",
)
@click.option("--since", type=DURATION, help="Not older than this.")
@click.option("--level", type=click.Choice(LEVELS), help="Not below this level.")
@click.pass_context
def logs(ctx: click.Context, /, task_id: str, **flags: Any) -> int:
    """The log of a run. No node has to be there for it."""
    session = session_of(ctx)
    session.doing = f"logs {task_id}"
    since = flags["since"]
    since_at = 0 if since is None else round(time.time() * 1000) - since

    async def show(full: str) -> int:
        return await show_logs(
            session,
            full,
            follow=flags["follow"],
            allocation=flags["allocation"],
            level=flags["level"] or "",
            since_at=since_at,
        )

    return session.run(lambda: by_prefix(session, task_id, show))


async def show_logs(
    session: Session,
    task_id: str,
    *,
    follow: bool,
    allocation: int = 0,
    level: str = "",
    since_at: int = 0,
) -> int:
    """Write the lines as they come; runs are set apart, what was dropped is said."""
    kept: list[LogLine] = []
    batches = session.client.logs(
        task_id, allocation_id=allocation, follow=follow, level=level, since_at=since_at
    )
    shower = _Lines(session)
    dropped = 0
    async for lines, dropped_now in batches:
        dropped = max(dropped, dropped_now)
        if session.settings.style.form == "json" and not follow:
            kept += lines
            continue
        for line in lines:
            shower.show(line)
    if session.settings.style.form == "json" and not follow:
        session.out.listing("LogList", None, kept, ())
    elif dropped:
        tell(f"{dropped} lines were dropped")
    return exits.OK


async def follow_runs(session: Session, task_id: str) -> None:
    """The logs of one run after the other, until the task has ended."""
    from coordinator.client.errors import NotFound
    from coordinator.client.requests import Condition
    from coordinator.client.waiting import wait_until

    shown = 0
    begun = [Condition(kind="status", status=status) for status in ("running", "stopping")]
    while True:
        task = (await wait_until(session.client, task_id, begun, timeout_s=session.left_s)).task
        if task is None:
            return
        last = task.last_outcome.allocation_id if task.last_outcome is not None else 0
        allocation = last if task.is_finished else task.allocation_id
        if allocation > shown:
            try:
                await show_logs(session, task_id, follow=True, allocation=allocation)
            except NotFound:
                pass  # a run that ended before it said anything
        if task.is_finished:
            return
        shown = max(shown, allocation)
        later = Condition(kind="path", path="allocation_id", op=">", value=shown)
        await wait_until(session.client, task_id, [later], timeout_s=session.left_s)


class _Lines:
    """One line after the other, with a heading where another run begins."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._allocation = 0

    def show(self, line: LogLine) -> None:
        out = self._session.out
        if out.is_table and line.allocation_id and self._allocation not in (0, line.allocation_id):
            out.write(f"-- allocation {line.allocation_id}")
        self._allocation = line.allocation_id
        out.line("Log", line, line.event, partial(log_text, line, self._session.moments))


def log_text(line: LogLine, moments: Moments) -> str:
    """`14:02:11 info     file hashed  path="a.py"`."""
    fields = " ".join(f"{key}={compact(value)}" for key, value in (line.fields or {}).items())
    text = f"{moments.clock(line.at)} {line.level:<7}  {line.event}"
    return f"{text}  {fields}" if fields else text
