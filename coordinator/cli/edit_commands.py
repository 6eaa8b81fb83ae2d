"""`taskctl update`, `pause`, `resume`, `run-now`, `retry`: what callers do to a task by hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from coordinator.cli.change_commands import change_all, change_selected, refuse_if_revision
from coordinator.cli.changing import change_flags, change_of, revision_flag, whole_flag
from coordinator.cli.completing import complete
from coordinator.cli.failures import usage
from coordinator.cli.flags import DURATION
from coordinator.cli.lazy import Verb
from coordinator.cli.params import split_pair
from coordinator.cli.reading import NotFinite, parse_json
from coordinator.cli.schedule_flags import asked_schedule, merged_schedule, schedule_flags
from coordinator.cli.selection import Selection, selection_flags, split_object
from coordinator.cli.session import Session, session_of
from coordinator.cli.spec_words import ATTEMPTS, COST, PRIORITY
from coordinator.cli.start_command import due_of, naming, params_of, time_of

if TYPE_CHECKING:
    from coordinator.client.replies import Changed, ChangedMany
    from coordinator.client.requests import ChangeOptions, Edit, Filter
    from coordinator.client.views import Task

# flag -> field of the edit
_PLAIN = {
    "priority": "priority",
    "cost": "cost",
    "run_timeout": "timeout_ms",
    "max_attempts": "max_attempts",
}
_CLEARED = {
    "due": "due_at",
    "priority": "priority",
    "cost": "cost",
    "run-timeout": "timeout_ms",
    "max-attempts": "max_attempts",
    "backoff": "backoff",
    "on-lost": "on_lost",
    "cancel-grace": "cancel_grace_ms",
    "retention": "retention_ms",
    "exclusive": "exclusive",
    "isolation": "isolation",
    "object": "object",
    "schedule": "schedule",
}


_WAIT = click.option("--wait", "wait", is_flag=True, help="Wait for its end; the exit code tells.")


@click.command("update", cls=Verb)
@click.argument("ids", nargs=-1, required=True, shell_complete=complete("tasks"))
@click.option(
    "-p", "--param", "pairs", multiple=True, metavar="K=V", help="One parameter; the others stay."
)
@click.option("--params", default="", metavar="JSON|@FILE|-", help="All parameters, anew.")
@click.option("--due", default="", metavar="T", help="Not before.")
@click.option("--label", "labels", multiple=True, metavar="K=V|K-", help="Set a label, or drop it.")
@click.option("--object", "about", default="", metavar="KIND/ID", help="What it is about.")
@click.option("--priority", type=PRIORITY, help="1 to 100, low, long_running, normal.")
@click.option("--cost", type=COST, help="Units, tiny, normal, large, extra_large.")
@click.option("--run-timeout", type=DURATION, help="Limit of one run.")
@click.option("--max-attempts", type=ATTEMPTS, help="1 to 1000, or unlimited.")
@schedule_flags
@click.option(
    "--clear",
    multiple=True,
    metavar="FIELD",
    type=click.Choice(sorted(_CLEARED)),
    help="Leave it to the executor's policy again.",
)
@click.option(
    "--state", default="", metavar="JSON", help="Set the state; only while no run exists."
)
@click.option("--executor-version", type=click.IntRange(1), help="Of the params, for a roll-back.")
@click.option("--restart", is_flag=True, help="Stop the current run, so that all takes effect now.")
@whole_flag
@change_flags
@revision_flag
@click.pass_context
def update(ctx: click.Context, /, ids: tuple[str, ...], **flags: Any) -> int:
    """Change params, spec or state of tasks that have not ended; says what counts from the next run on."""
    session, selection = session_of(ctx), Selection(ids)
    refuse_if_revision(selection, flags)
    is_one_command = flags["all_or_nothing"] and selection.means_several
    options = change_of(flags)
    schedule = asked_schedule(flags, partial(time_of, session))
    if schedule and "schedule" in flags["clear"]:
        raise click.UsageError("either --clear schedule or a new one, not both", ctx)
    if is_one_command:
        if schedule:
            raise click.UsageError("a timetable is merged task by task, not with --all-or-nothing")
        from coordinator.cli.change_many import change_many

        return change_many(session, selection, options(), partial(_update_many, session, flags))

    async def change(full: str, made: ChangeOptions) -> Changed:
        there = await _there(session, full) if flags["pairs"] or schedule else None
        executor = there.executor if there is not None else ""
        with naming(executor):
            edit = await _edit_of(session, executor, flags)
            if schedule and there is not None:
                edit = replace(edit, schedule=merged_schedule(schedule, there.spec.schedule))
            return await session.client.update(full, edit, made)

    return change_selected(session, selection, options, change)


async def _update_many(
    session: Session, flags: dict[str, Any], chosen: Filter, made: ChangeOptions
) -> ChangedMany:
    """The same edit for all; what a parameter means, the executor of the first one says."""
    executor = await _executor_of(session, chosen.ids[0]) if flags["pairs"] else ""
    with naming(executor):
        edit = await _edit_of(session, executor, flags)
        return await session.client.update_many(chosen, edit, made)


@click.command("pause", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@selection_flags
@click.option(
    "--running",
    type=click.Choice(["stop", "finish"]),
    help="What becomes of a run in progress.  [default: finish with a schedule, stop without]",
)
@click.option(
    "--until",
    default="",
    metavar="T",
    help="Then they are wanted again: 2026-11-21T14:00:00Z, 14:00, +10m.  [default: until resume]",
)
@click.option(
    "--clear-state", is_flag=True, help="Forget their state, once no run exists any more."
)
@whole_flag
@change_flags
@revision_flag
@click.pass_context
def pause(ctx: click.Context, /, **flags: Any) -> int:
    """Tasks that are not wanted for now; state and attempts are kept."""
    session = session_of(ctx)
    running = flags.pop("running") or ""
    until_at = time_of(session, "--until", flags.pop("until")) or 0
    clear_state = flags.pop("clear_state")
    return change_all(
        session,
        flags,
        lambda task_id, made: session.client.pause(
            task_id, made, running=running, until_at=until_at, clear_state=clear_state
        ),
        lambda chosen, made: session.client.pause_many(
            chosen, made, running=running, until_at=until_at, clear_state=clear_state
        ),
    )


@click.command("resume", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@selection_flags
@click.option(
    "--no-catch-up", is_flag=True, help="With a schedule: no run for what was missed meanwhile."
)
@whole_flag
@change_flags
@revision_flag
@click.pass_context
def resume(ctx: click.Context, /, **flags: Any) -> int:
    """Paused tasks are wanted again: now, or at their later due time."""
    session = session_of(ctx)
    no_catch_up = flags.pop("no_catch_up")
    return change_all(
        session,
        flags,
        lambda task_id, made: session.client.resume(task_id, made, no_catch_up=no_catch_up),
        lambda chosen, made: session.client.resume_many(chosen, made, no_catch_up=no_catch_up),
    )


@click.command("run-now", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@selection_flags
@click.option("--queue", is_flag=True, help="If it runs already: once more afterwards.")
@click.option(
    "--replace", "in_place", is_flag=True, help="If it runs already: stop that run first."
)
@_WAIT
@whole_flag
@change_flags
@revision_flag
@click.pass_context
def run_now(ctx: click.Context, /, **flags: Any) -> int:
    """Run tasks once, now, whatever their schedules say; their next fire times stay."""
    session = session_of(ctx)
    queue, in_place = flags.pop("queue"), flags.pop("in_place")
    if queue and in_place:
        raise click.UsageError("either --queue or --replace, not both", ctx)
    if flags["wait"] and (queue or in_place):
        which = "--queue" if queue else "--replace"
        raise click.UsageError(f"{which} and --wait: the run in progress would be waited for", ctx)
    return change_all(
        session,
        flags,
        lambda task_id, made: session.client.run_now(task_id, made, queue=queue, replace=in_place),
        lambda chosen, made: session.client.run_now_many(
            chosen, made, queue=queue, replace=in_place
        ),
    )


@click.command("retry", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@selection_flags
@click.option(
    "-p", "--param", "pairs", multiple=True, metavar="K=V", help="One parameter; the others stay."
)
@click.option("--again", is_flag=True, help="Tasks that succeeded, too.")
@_WAIT
@whole_flag
@change_flags
@revision_flag
@click.pass_context
def retry(ctx: click.Context, /, **flags: Any) -> int:
    """Failed tasks run again under their ids, with no attempts counted."""
    session = session_of(ctx)
    again, pairs = flags.pop("again"), flags.pop("pairs")

    async def change(task_id: str, made: ChangeOptions) -> Changed:
        params = None
        if pairs:
            executor = await _executor_of(session, task_id)
            params = await params_of(session, executor, {"params": "", "pairs": pairs})
        return await session.client.retry(task_id, made, again=again, params=params)

    many = (
        None if pairs else lambda chosen, made: session.client.retry_many(chosen, made, again=again)
    )
    return change_all(session, flags, change, many, finished=again)


async def _executor_of(session: Session, task_id: str) -> str:
    return (await _there(session, task_id)).executor


async def _there(session: Session, task_id: str) -> Task:
    from coordinator.client.errors import NotFound

    found = await session.client.get(task_id)
    if found.task is None:
        raise NotFound(f"no task {task_id}", reason="task_not_found")
    return found.task


async def _edit_of(session: Session, executor: str, flags: dict[str, Any]) -> Edit:
    from coordinator.client.requests import Edit

    fields: dict[str, Any] = {_CLEARED[name]: None for name in flags["clear"]}
    fields |= {field: flags[flag] for flag, field in _PLAIN.items() if flags[flag] is not None}
    if flags["due"]:
        fields["due_at"] = due_of(session, flags["due"])
    if flags["about"]:
        fields["object"] = split_object(flags["about"])
    if flags["pairs"] or flags["params"]:
        fields["params"] = await params_of(session, executor, flags)
        fields["all_params"] = bool(flags["params"])
    if flags["state"]:
        fields["state"] = _json("--state", flags["state"])
    return Edit(
        labels=dict(_label(text) for text in flags["labels"]),
        restart=flags["restart"],
        executor_version=flags["executor_version"] or 0,
        **fields,
    )


def _label(text: str) -> tuple[str, str | None]:
    """K=V, or K- to drop it. Raises Failure."""
    if "=" not in text and text.endswith("-") and len(text) > 1:
        return text[:-1], None
    return split_pair(text, "--label")


def _json(flag: str, text: str) -> Any:
    try:
        return parse_json(text, flag.removeprefix("--"))
    except NotFinite as error:
        raise usage(f"{flag}: {error}") from None
    except ValueError as error:
        raise usage(f"{flag}: no JSON: {error}") from None
