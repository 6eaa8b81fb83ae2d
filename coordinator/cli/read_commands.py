"""`taskctl get` and `taskctl history`: everything about a task, and its last runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.lazy import Verb
from coordinator.cli.output import Column
from coordinator.cli.selection import by_prefix
from coordinator.cli.session import Session, session_of
from coordinator.cli.task_texts import error_text
from coordinator.cli.texts import Moments, lasted
from coordinator.client.views import Json, Run

if TYPE_CHECKING:
    from coordinator.client.replies import Found, RunPage

_GOES_ON = ("reassigned", "moved", "resumed", "retry")


@click.command("get", cls=Verb)
@click.argument("ids", nargs=-1, required=True, shell_complete=complete("tasks"))
@click.pass_context
def get(ctx: click.Context, ids: tuple[str, ...]) -> int:
    """Everything known about tasks, with the last run."""
    session = session_of(ctx)
    session.doing = f"get {ids[0]}"
    return session.run(lambda: _get(session, ids))


async def _get(session: Session, ids: tuple[str, ...]) -> int:
    async def read(task_id: str) -> Found:
        return await session.client.get(task_id, read=session.read)

    found = await asyncio.gather(*(by_prefix(session, one, read) for one in ids))
    tasks = [one.task for one in found if one.task is not None]
    answer = found[0].answer
    if len(tasks) == 1:
        from coordinator.cli.task_page import task_page

        task = tasks[0]
        session.out.single("Task", answer, task, task.id, lambda: task_page(task, session.moments))
        return exits.OK
    if session.out.is_table:
        from coordinator.cli.task_page import task_page

        session.out.write("\n\n".join(task_page(task, session.moments) for task in tasks))
        return exits.OK
    from coordinator.cli.task_columns import columns

    session.out.listing("TaskList", answer, tasks, columns(session.moments))
    return exits.OK


@click.command("history", cls=Verb)
@click.argument("task_id", metavar="ID", shell_complete=complete("tasks"))
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many."
)
@click.pass_context
def history(ctx: click.Context, task_id: str, limit: int) -> int:
    """The last runs of a task, one line each, the newest last."""
    session = session_of(ctx)
    session.doing = f"history {task_id}"
    return session.run(lambda: _history(session, task_id, limit))


async def _history(session: Session, task_id: str, limit: int) -> int:
    async def read(full: str) -> RunPage:
        return await session.client.runs(full, limit=limit, read=session.read)

    page = await by_prefix(session, task_id, read)
    runs = sorted(page.runs, key=lambda run: run.allocation_id)
    has_state = await _has_state(session, runs)
    session.out.listing(
        "RunList", page.answer, runs, run_columns(session.moments, has_state), page.next_page
    )
    return exits.OK


async def _has_state(session: Session, runs: list[Run]) -> bool:
    """Whether a run in progress went on from something; asked only when a person reads it."""
    from coordinator.client.errors import NotFound

    under_way = [run for run in runs if run.status != "ended" and run.cause in _GOES_ON]
    if not under_way or not session.out.is_table:
        return False
    try:
        found = await session.client.get(under_way[0].task, read=session.read)
    except NotFound:
        return False
    return found.task is not None and found.task.state is not None


def run_columns(moments: Moments, has_state: bool) -> tuple[Column[Run], ...]:
    """The columns of a list of runs."""
    return (
        Column("ALLOC", lambda run: str(run.allocation_id), lambda run: run.allocation_id, right=True),
        Column("TRY", lambda run: str(run.attempt), lambda run: run.attempt, right=True),
        Column("NODE", lambda run: run.node or "-", lambda run: run.node),
        Column("CAUSE", lambda run: run.cause or "-"),
        Column("STARTED", lambda run: moments.clock(run.started_at), lambda run: run.started_at),
        Column("LASTED", lambda run: lasted(_duration(run, moments)), lambda run: run.duration_ms),
        Column("OUTCOME", lambda run: run.outcome or "-", lambda run: run.outcome),
        Column("REASON", lambda run: run_reason(run, has_state)),
    )  # fmt: skip


def _duration(run: Run, moments: Moments) -> int | None:
    if run.duration_ms is not None or run.started_at is None or run.status == "ended":
        return run.duration_ms
    return max(0, moments.now - run.started_at)


def run_reason(run: Run, has_state: bool) -> str:
    """Why it ended as it did, or what it is doing."""
    if run.status != "ended":
        return (
            f"{run.status}, goes on from its saved state"
            if has_state and run.cause in _GOES_ON
            else run.status
        )
    told = _told(run.error)
    reason = run.reason or ""
    if told and reason and reason != "failed" and not told.startswith(reason):
        return f"{reason}: {told}"
    return told or reason


def _told(error: Json) -> str:
    return error_text(error)
