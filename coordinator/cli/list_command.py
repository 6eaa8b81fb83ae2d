"""`taskctl list`: a table of tasks, streamed as jsonl, grouped, or redrawn as things change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.lazy import Verb
from coordinator.cli.output import Column, tell
from coordinator.cli.selection import filter_of, selection_flags, selection_of
from coordinator.cli.session import Session, session_of
from coordinator.cli.task_columns import columns, footer
from coordinator.client.views import Answer, Task

if TYPE_CHECKING:
    from coordinator.client.replies import Page
    from coordinator.client.requests import Filter

PAGE = 1_000
GROUPS = ("node", "executor", "status", "parent", "object")


@click.command("list", cls=Verb)
@selection_flags
@click.option("--all", "everything", is_flag=True, help="Succeeded and cancelled ones, too.")
@click.option("--group-by", type=click.Choice(GROUPS), help="Counts instead of tasks.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many.")
@click.option("-w", "--watch", "live", is_flag=True, help="Go on, showing every change.")
@click.pass_context
def list_tasks(ctx: click.Context, /, **flags: Any) -> int:
    """Unfinished and failed tasks; with --all also the others."""
    session = session_of(ctx)
    selection = selection_of((), flags)
    chosen = filter_of(selection, finished=flags["everything"])
    if flags["live"]:
        from coordinator.cli.list_live import watch_list

        return session.run(lambda: watch_list(session, chosen))
    return session.run(lambda: _list(session, chosen, flags["group_by"], flags["limit"]))


async def _list(session: Session, chosen: Filter, group_by: str | None, limit: int | None) -> int:
    if session.settings.style.form == "jsonl" and not group_by and not session.settings.style.sort:
        return await _stream(session, chosen, limit)
    tasks: list[Task] = []
    answer, token = Answer(), ""
    async for page in _pages(session, chosen, limit):
        answer, token = _first(answer, page), page.next_page
        tasks += page.tasks
    if group_by:
        grouped(session, answer, tasks, group_by)
        return exits.OK
    moments = session.moments
    session.out.listing("TaskList", answer, tasks, columns(moments), token if limit else "")
    if session.out.is_table:
        tell(footer(len(tasks), answer))
    return exits.OK


def _first(answer: Answer, page: Page) -> Answer:
    """What a list reflects is the revision of its first page."""
    return answer if answer.member else page.answer


async def _pages(session: Session, chosen: Filter, limit: int | None) -> Any:
    token, left = "", limit
    while True:
        size = PAGE if left is None else min(PAGE, left)
        page = await session.client.list(
            chosen, page_size=size, page_token=token, read=session.read
        )
        yield page
        token = page.next_page
        left = None if left is None else left - len(page.tasks)
        if not token or left == 0:
            return


async def _stream(session: Session, chosen: Filter, limit: int | None) -> int:
    """jsonl: each page is written when it comes, so that `head -1` ends it early."""
    async for page in _pages(session, chosen, limit):
        session.out.listing("TaskList", page.answer, page.tasks, columns(session.moments))
        session.out.flush()
    return exits.OK


def group_of(task: Task, by: str) -> str:
    """The group that a task belongs to."""
    about = task.spec.object
    groups = {
        "node": task.assignment.node,
        "executor": task.executor,
        "status": task.status,
        "parent": task.spec.parent,
        "object": f"{about['kind']}/{about['id']}" if about else None,
    }
    return groups[by] or "-"


def grouped(session: Session, answer: Answer, tasks: Sequence[Task], by: str) -> None:
    """Counts by group and status."""
    counts: dict[str, Counter[str]] = {}
    for task in tasks:
        counts.setdefault(group_of(task, by), Counter())[task.status] += 1
    items: list[dict[str, Any]] = [
        {
            "group": group,
            "tasks": sum(by_status.values()),
            "statuses": dict(sorted(by_status.items())),
        }
        for group, by_status in sorted(counts.items())
    ]
    shown: tuple[Column[dict[str, Any]], ...] = (
        Column(by.upper(), lambda item: str(item["group"])),
        Column("TASKS", lambda item: str(item["tasks"]), lambda item: item["tasks"], right=True),
        Column("STATUSES", lambda item: ", ".join(f"{n} {s}" for s, n in item["statuses"].items())),
    )
    session.out.listing("TaskList", answer, items, shown)
