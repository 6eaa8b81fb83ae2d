"""`taskctl get`: everything known about tasks, or about one run."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.lazy import Verb
from coordinator.cli.selection import by_prefix
from coordinator.cli.session import Session, session_of

if TYPE_CHECKING:
    from coordinator.client.replies import Found

_RUN = re.compile(r"(.+)#([1-9][0-9]{0,17})")


@click.command("get", cls=Verb)
@click.argument("ids", nargs=-1, required=True, shell_complete=complete("tasks"))
@click.pass_context
def get(ctx: click.Context, ids: tuple[str, ...]) -> int:
    """Everything known about tasks, with the last run; of one run where ID is TASK#ALLOCATION."""
    session = session_of(ctx)
    session.doing = f"get {ids[0]}"
    run = _RUN.fullmatch(ids[0]) if len(ids) == 1 else None
    if run is not None:
        return session.run(lambda: _get_run(session, run[1], int(run[2])))
    return session.run(lambda: _get(session, ids))


async def _get_run(session: Session, task_id: str, allocation_id: int) -> int:
    """A task that is called so wins, as an exact id always does."""
    from coordinator.cli.run_texts import run_page
    from coordinator.client.errors import NotFound

    try:
        return await _get(session, (f"{task_id}#{allocation_id}",))
    except NotFound as error:
        if error.reason != "task_not_found":
            raise
    found = await session.client.run(task_id, allocation_id, read=session.read)
    run = found.run
    session.out.single("Run", found.answer, run, run.name, lambda: run_page(run, session.moments))
    return exits.OK


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
