"""`taskctl schedule`: what is recurring, when it fires, whether that is wise, and files that are the whole truth (EX-15)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.completing import complete
from coordinator.cli.lazy import Entry, LazyGroup, Verb
from coordinator.cli.output import Column, tell
from coordinator.cli.schedule_flags import asked_schedule, timetable_flags, whole_schedule
from coordinator.cli.selection import by_prefix, filter_of, selection_flags, selection_of
from coordinator.cli.session import session_of
from coordinator.cli.texts import Moments, count

if TYPE_CHECKING:
    from coordinator.client.replies import Previewed
    from coordinator.client.views import Task

_HERE = "coordinator.cli.schedule_commands"
schedule = LazyGroup(
    name="schedule",
    help="Recurring tasks and their timetables.",
    entries={
        "list": Entry(_HERE, "list_schedules", "Recurring tasks, and when they are due next."),
        "preview": Entry(_HERE, "preview", "The next fire times of a task or a timetable."),
        "lint": Entry(_HERE, "lint", "What may surprise in the schedules of a file."),
        "apply": Entry(_HERE, "apply", "Make the recurring tasks those of a file."),
    },
)


@click.command("list", cls=Verb)
@selection_flags
@click.option("--all", "everything", is_flag=True, help="Those that have ended, too.")
@click.pass_context
def list_schedules(ctx: click.Context, /, **flags: Any) -> int:
    """Recurring tasks: timetable, next fire time, how the last run ended."""
    session = session_of(ctx)
    session.doing = "schedule list"
    selection = selection_of((), flags)._replace(recurring=True)
    chosen = filter_of(selection, finished=flags["everything"])

    async def work() -> int:
        tasks: list[Task] = []
        answer = None
        async for page in session.client.pages(chosen, read=session.read):
            answer = answer or page.answer
            tasks += page.tasks
        session.out.listing("TaskList", answer, tasks, _columns(session.moments))
        if session.out.is_table:
            tell(count(len(tasks), "recurring task"))
        return exits.OK

    return session.run(work)


@click.command("preview", cls=Verb)
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=complete("tasks"))
@timetable_flags
@click.option(
    "-n", "number", type=click.IntRange(1, 1_000), default=10, show_default=True, metavar="N"
)
@click.option("--from", "from_time", default="", metavar="T", help="From then on.  [default: now]")
@click.pass_context
def preview(ctx: click.Context, /, task_id: str | None, **flags: Any) -> int:
    """The next fire times of task ID, or of --every, --cron or --rrule; nothing is written."""
    from coordinator.cli.start_command import time_of

    session = session_of(ctx)
    session.doing = f"schedule preview {task_id or ''}".strip()
    number, from_at = flags.pop("number"), time_of(session, "--from", flags.pop("from_time")) or 0
    wanted = whole_schedule(asked_schedule(flags, partial(time_of, session)))
    if bool(task_id) == bool(wanted):
        raise click.UsageError("name a task, or give --every, --cron or --rrule", ctx)

    async def look(full: str) -> Previewed:
        return await session.client.preview_schedule(
            full, wanted, count=number, from_at=from_at, read=session.read
        )

    async def work() -> int:
        found = await (by_prefix(session, task_id, look) if task_id else look(""))
        name = task_id or found.preview.expression
        text = partial(preview_text, found)
        session.out.single("SchedulePreview", found.answer, found.preview, name, text)
        return exits.OK

    return session.run(work)


def preview_text(found: Previewed) -> str:
    """A heading in words, a line per fire time, what may surprise."""
    from coordinator.cli.schedule_texts import fire_line

    told = found.preview
    zone = f", {told.timezone}" if told.timezone else ""
    lines = [f'"{told.reading}"{zone}', *map(fire_line, told.items)]
    if not told.items:
        lines.append("no fire time is left")
    return "\n".join((*lines, *(f"warning: {text}" for text in told.warnings)))


@click.command("lint", cls=Verb)
@click.argument("path", metavar="FILE|-")
@click.pass_context
def lint(ctx: click.Context, path: str) -> int:
    """Local times that a clock change skips or repeats, intervals shorter than the usual run: exit 14 if there are any."""
    from coordinator.cli.schedule_files import lint_file

    return lint_file(session_of(ctx), path)


@click.command("apply", cls=Verb)
@click.option(
    "-f",
    "--file",
    "path",
    required=True,
    metavar="FILE|-",
    help="TOML, JSON, JSON lines; as for start -f.",
)
@click.option(
    "--prune",
    is_flag=True,
    help="Cancel and purge recurring tasks of the selector that are not in the file.",
)
@click.option(
    "-l", "--selector", "labels", multiple=True, metavar="K=V", help="Which ones --prune may end."
)
@click.option("--overwrite", is_flag=True, help="What an operator has set, too.")
@change_flags
@click.pass_context
def apply(ctx: click.Context, /, path: str, **flags: Any) -> int:
    """Create, update, or leave as they are the tasks of a file; with --prune it is the whole truth."""
    from coordinator.cli.schedule_files import apply_file

    if flags["prune"] and not flags["labels"]:
        raise click.UsageError("--prune needs -l: which tasks the file is the truth about", ctx)
    prune = tuple(flags["labels"]) if flags["prune"] else ()
    if flags["labels"] and not flags["prune"]:
        raise click.UsageError("-l goes with --prune", ctx)
    session = session_of(ctx)
    overwrite = flags["overwrite"]
    return apply_file(session, path, change_of(flags)(), prune, overwrite=overwrite)


def _columns(moments: Moments) -> tuple[Column[Task], ...]:
    from coordinator.cli.schedule_texts import next_text, timetable_text

    def timetable(task: Task) -> str:
        wanted = task.spec.schedule
        return timetable_text(wanted) if isinstance(wanted, Mapping) else "-"

    def last(task: Task) -> str:
        return task.last_outcome.outcome if task.last_outcome is not None else "-"

    return (
        Column("ID", lambda task: task.id),
        Column("EXECUTOR", lambda task: task.executor),
        Column("SCHEDULE", timetable),
        Column("STATUS", lambda task: task.status),
        Column(
            "NEXT", lambda task: next_text(task, moments).removeprefix("next ") or "-", _next_at
        ),
        Column("LAST", last),
        Column("FAILURES", lambda t: str(_failures(t)), _failures, right=True),
    )


def _next_at(task: Task) -> int | None:
    return task.series.next_due_at if task.series is not None else None


def _failures(task: Task) -> int:
    return task.series.failures if task.series is not None else 0
