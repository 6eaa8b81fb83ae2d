"""`taskctl logs`: the log of a run, live with -f, afterwards what is kept of it (EX-13, TM-71)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.failures import usage
from coordinator.cli.flags import DURATION
from coordinator.cli.lazy import Verb
from coordinator.cli.log_lines import Lines
from coordinator.cli.log_sections import (
    LEVELS,
    RUNS_LOOKED_AT,
    Wanted,
    show_run,
    show_sections,
)
from coordinator.cli.selection import by_prefix
from coordinator.cli.session import Session, session_of

if TYPE_CHECKING:
    from coordinator.client.views import Run


@click.command("logs", cls=Verb)
@click.argument("task_id", metavar="ID", shell_complete=complete("tasks"))
@click.option(
    "-f",
    "--follow",
    is_flag=True,
    help="Go on until the run has ended; of a recurring task over its runs, until it has ended.",
)
@click.option(
    "--run",
    "allocation",
    type=int,
    default=0,
    metavar="ALLOC",
    help="Of this run.  [default: the latest]",
)
@click.option(
    "--attempt", type=click.IntRange(1), metavar="N", help="Of the last run that was attempt N."
)
@click.option("--previous", is_flag=True, help="The earlier runs as well, each under its attempt.")
@click.option("--since", type=DURATION, help="Not older than this.")
@click.option("--level", type=click.Choice(LEVELS), help="Not below this level.")
@click.pass_context
def logs(ctx: click.Context, /, task_id: str, **flags: Any) -> int:
    """The log of a run, with what its record says around it. No node has to be there for it."""
    session = session_of(ctx)
    session.doing = f"logs {task_id}"
    since = flags["since"]
    wanted = Wanted(
        allocation=flags["allocation"],
        attempt=flags["attempt"] or 0,
        previous=flags["previous"],
        level=flags["level"] or "",
        since_at=0 if since is None else round(time.time() * 1000) - since,
    )
    if sum((bool(wanted.allocation), bool(wanted.attempt), wanted.previous)) > 1:
        raise usage("logs: only one of --run, --attempt and --previous")
    if flags["follow"] and (wanted.attempt or wanted.previous):
        raise usage("logs: -f goes with --run, or with neither --attempt nor --previous")

    async def show(full: str) -> int:
        if flags["follow"]:
            return await _follow(session, full, wanted)
        return await _show_kept(session, full, wanted)

    return session.run(lambda: by_prefix(session, task_id, show))


async def _show_kept(session: Session, task_id: str, wanted: Wanted) -> int:
    lines = Lines(session, collects=session.settings.style.form == "json")
    if not await show_sections(session, task_id, wanted, lines):
        await show_run(session, task_id, wanted, lines, follow=False)
    lines.end()
    return exits.OK


async def _follow(session: Session, task_id: str, wanted: Wanted) -> int:
    """One run to its end; of a recurring task the present one, or the last, and all that follow."""
    task = (await session.client.get(task_id, read=session.read)).task
    if task is None or wanted.allocation or task.spec.schedule is None or task.is_finished:
        lines = Lines(session)
        await show_run(session, task_id, wanted, lines, follow=True)
        lines.end()
        return exits.OK
    await _follow_series(session, task_id, wanted)
    return exits.OK


async def _follow_series(session: Session, task_id: str, wanted: Wanted) -> None:
    """The run in progress or the last one, and each that comes, however short, until the series has ended."""
    from coordinator.client.requests import Condition
    from coordinator.client.waiting import wait_until

    shown, known = -1, 0
    task = (await session.client.get(task_id, read=session.read)).task
    while task is not None:
        known = max(known, task.allocation_id)
        runs = (await session.client.runs(task_id, limit=RUNS_LOOKED_AT, read=session.read)).runs
        fresh = runs[:1] if shown < 0 else [run for run in runs if run.allocation_id > shown]
        for run in reversed(fresh):
            lines = Lines(session)
            lines.heading(f"-- allocation {run.allocation_id} on {run.node}")
            await _show_whole(session, run, wanted, lines)
            lines.end()
            shown = run.allocation_id
        shown = max(shown, 0)
        if task.is_finished:
            return
        later = Condition(kind="path", path="allocation_id", op=">", value=max(shown, known))
        task = (await wait_until(session.client, task_id, [later], timeout_s=session.left_s)).task


async def _show_whole(session: Session, run: Run, wanted: Wanted, lines: Lines) -> None:
    """One run to its end, and what its record says of it."""
    from coordinator.client.run_story import chosen, closing, opening

    for line in chosen(opening(run, None), wanted.level, wanted.since_at, LEVELS):
        lines.show(line)
    of_it = replace(wanted, allocation=run.allocation_id)
    await show_run(session, run.task, of_it, lines, follow=True)
    ended = (await session.client.run(run.task, run.allocation_id, read=session.read)).run
    late = opening(ended, None)[len(opening(run, None)) :]
    for line in chosen([*late, *closing(ended)], wanted.level, wanted.since_at, LEVELS):
        lines.show(line)


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
            lines = Lines(session)
            if shown and session.out.is_table:
                lines.heading(f"-- allocation {allocation} on {task.assignment.node or '-'}")
            try:
                await show_run(session, task_id, Wanted(allocation), lines, follow=True)
            except NotFound:
                pass  # a run that ended before it said anything
            lines.end()
        if task.is_finished:
            return
        shown = max(shown, allocation)
        later = Condition(kind="path", path="allocation_id", op=">", value=shown)
        await wait_until(session.client, task_id, [later], timeout_s=session.left_s)
