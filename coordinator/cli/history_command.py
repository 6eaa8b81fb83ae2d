"""`taskctl history`: the last runs of a task, or runs of all tasks by what they are, live and past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.completing import complete
from coordinator.cli.failures import usage
from coordinator.cli.fate_texts import show_fates
from coordinator.cli.lazy import Verb
from coordinator.cli.output import Column, tell
from coordinator.cli.run_texts import GOES_ON, every_column, run_columns
from coordinator.cli.selection import by_prefix, filter_of, selection_flags, selection_of
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import count
from coordinator.client.views import Run

if TYPE_CHECKING:
    from coordinator.client.replies import RunPage
    from coordinator.client.requests import RunFilter
    from coordinator.client.views import Answer

PAGE = 1_000


@click.command("history", cls=Verb)
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=complete("tasks"))
@selection_flags
@click.option("--outcome", "outcomes", multiple=True, metavar="O[,O]", help="Runs that ended so.")
@click.option(
    "--since", default="", metavar="T", help="Runs that were not over by then: -1h, 14:00."
)
@click.option("--until", default="", metavar="T", help="Runs that had a node by then.")
@click.option("--group-by", type=click.Choice(("node", "parent")), help="Counts instead of runs.")
@click.option(
    "--fates", is_flag=True, help="What became of the fire times of ID instead of its runs."
)
@click.option("--count", "only_count", is_flag=True, help="How many there are.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many."
)
@click.option(
    "--page", "token", default="", metavar="TOKEN", help="Go on where next_page of an answer says."
)
@click.pass_context
def history(ctx: click.Context, /, **flags: Any) -> int:
    """The last runs of a task, one line each, the newest last; without ID those of all tasks that are selected."""
    session = session_of(ctx)
    task_id = flags.pop("task_id") or ""
    chosen = _filter(session, flags)
    session.doing = f"history {task_id}".strip()
    if task_id and _is_selection(chosen):
        raise usage("history: either an id or a selection, not both")
    if flags["fates"]:
        if not task_id or flags["only_count"] or flags["group_by"]:
            raise usage("history: --fates takes an id, and neither --count nor --group-by")
        return session.run(lambda: show_fates(session, task_id, flags["limit"], flags["token"]))
    if flags["only_count"]:
        return session.run(lambda: _count(session, task_id, chosen))
    if flags["group_by"]:
        return session.run(lambda: _groups(session, flags["group_by"], task_id, chosen))
    if task_id:
        return session.run(lambda: _of_task(session, task_id, flags["limit"], flags["token"]))
    return session.run(lambda: _of_all(session, chosen, flags["limit"], flags["token"]))


def _filter(session: Session, flags: dict[str, Any]) -> RunFilter:
    from msgspec.structs import asdict

    from coordinator.client.requests import RunFilter

    selection = selection_of((), flags)
    words = tuple(w.strip() for value in flags["outcomes"] for w in value.split(",") if w.strip())
    shared = asdict(filter_of(selection)) | {"include_finished": False}
    return RunFilter(
        outcomes=words,
        since_at=_time(session, "--since", flags["since"]),
        until_at=_time(session, "--until", flags["until"]),
        **shared,
    )


def _time(session: Session, flag: str, text: str) -> int:
    from coordinator.cli.times import parse_time

    try:
        return parse_time(text, session.moments.now) if text else 0
    except ValueError as error:
        raise usage(f"{flag}: {error}") from None


def _is_selection(chosen: RunFilter) -> bool:
    from coordinator.client.requests import RunFilter

    return chosen != RunFilter()


async def _of_task(session: Session, task_id: str, limit: int, token: str) -> int:
    async def read(full: str) -> RunPage:
        size = min(limit, PAGE)
        return await session.client.runs(full, limit=size, page_token=token, read=session.read)

    page = await by_prefix(session, task_id, read)
    runs = sorted(page.runs, key=lambda run: run.allocation_id)
    columns = run_columns(session.moments, has_state=await _has_state(session, runs))
    session.out.listing("RunList", page.answer, runs, columns, page.next_page)
    return exits.OK


async def _of_all(session: Session, chosen: RunFilter, limit: int, token: str) -> int:
    """Page by page up to the limit; jsonl is written as the pages come, the newest run first."""
    streams = session.out.style.form == "jsonl"
    columns = every_column(session.moments)
    runs: list[Run] = []
    answer: Answer | None = None
    left = limit
    while True:
        size = min(left, PAGE)
        page = await session.client.runs(
            "", chosen, limit=size, page_token=token, read=session.read
        )
        answer, token, left = answer or page.answer, page.next_page, left - len(page.runs)
        if streams:
            session.out.listing("RunList", page.answer, page.runs, columns)
            session.out.flush()
        else:
            runs += page.runs
        if not token or left <= 0:
            break
    if streams:
        return exits.OK
    session.out.listing("RunList", answer, runs[::-1], columns, token)
    if session.out.is_table:
        more = "; there are more, see --limit" if token else ""
        tell(f"{count(len(runs), 'run')}{more}")
    return exits.OK


async def _count(session: Session, task_id: str, chosen: RunFilter) -> int:
    wanted = await _named(session, task_id, chosen)
    found = await session.client.count_runs(wanted, read=session.read)
    session.out.single(
        "RunList", found.answer, {"count": found.count}, str(found.count), lambda: str(found.count)
    )
    return exits.OK


async def _named(session: Session, task_id: str, chosen: RunFilter) -> RunFilter:
    """Runs of this task alone, where one is named. Raises NotFound."""
    from msgspec.structs import replace

    async def there(full: str) -> str:
        await session.client.get(full, read=session.read)
        return full

    return replace(chosen, ids=(await by_prefix(session, task_id, there),)) if task_id else chosen


async def _groups(session: Session, by: str, task_id: str, chosen: RunFilter) -> int:
    wanted = await _named(session, task_id, chosen)
    found = await session.client.run_groups(by, wanted, read=session.read)
    items: list[dict[str, Any]] = [
        {"group": one.group, "runs": one.runs, "words": dict(sorted(one.words.items()))}
        for one in found.groups
    ]
    shown: tuple[Column[dict[str, Any]], ...] = (
        Column(by.upper(), lambda item: str(item["group"])),
        Column("RUNS", lambda item: str(item["runs"]), lambda item: item["runs"], right=True),
        Column("WORDS", lambda item: ", ".join(f"{n} {w}" for w, n in item["words"].items())),
    )
    session.out.listing("RunList", found.answer, items, shown)
    return exits.OK


async def _has_state(session: Session, runs: list[Run]) -> bool:
    """Whether a run in progress went on from something; asked only when a person reads it."""
    from coordinator.client.errors import NotFound

    under_way = [run for run in runs if run.status != "ended" and run.cause in GOES_ON]
    if not under_way or not session.out.is_table:
        return False
    try:
        found = await session.client.get(under_way[0].task, read=session.read)
    except NotFound:
        return False
    return found.task is not None and found.task.state is not None
