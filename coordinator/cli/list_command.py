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
from coordinator.cli.task_texts import attempt_of, attempts_text, note, progress_text
from coordinator.cli.texts import Moments, count
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


def columns(moments: Moments) -> tuple[Column[Task], ...]:
    """The columns of a list of tasks; those marked wide are shown by `-o wide`."""
    return (
        Column("ID", lambda task: task.id),
        Column("EXECUTOR", lambda task: task.executor),
        Column("STATUS", lambda task: task.status),
        Column("NODE", lambda task: task.assignment.node or "-", lambda task: task.assignment.node),
        Column("ALLOC", _allocation, lambda task: task.allocation_id, right=True),
        Column("TRY", attempts_text, attempt_of, right=True),
        Column("PROGRESS", progress_text),
        Column("AGE", lambda task: moments.age(task.created_at), lambda task: task.created_at),
        Column("PRIORITY", lambda t: str(t.policy.priority), lambda t: t.policy.priority, right=True, wide=True),
        Column("COST", lambda t: str(t.policy.cost), lambda t: t.policy.cost, right=True, wide=True),
        Column("LABELS", _labels, wide=True),
        Column("UPDATED", lambda task: moments.show(task.updated_at), lambda task: task.updated_at, wide=True),
        Column("NOTE", lambda task: note(task, moments)),
    )  # fmt: skip


def _allocation(task: Task) -> str:
    """A task without a node has no allocation in force; its last number is history."""
    return str(task.allocation_id) if task.assignment.node is not None else "-"


def _labels(task: Task) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(task.spec.labels.items()))


def footer(number: int, answer: Answer) -> str:
    """`4 tasks · revision 1841 · leader c2, term 6`."""
    text = f"{count(number, 'task')} · revision {answer.revision}"
    if answer.stale:
        return f"{text} · stale: as {answer.member} had it, {answer.age_ms / 1000:.1f} s after it last heard a leader"
    return f"{text} · leader {answer.leader or 'unknown'}, term {answer.term}"


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
