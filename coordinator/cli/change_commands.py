"""`taskctl cancel`, `move`, `rm`: what ends a task, puts it elsewhere, or forgets it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.changing import change_flags, change_of, revision_flag, whole_flag
from coordinator.cli.completing import complete
from coordinator.cli.entries import entry_of
from coordinator.cli.flags import DURATION
from coordinator.cli.lazy import Verb
from coordinator.cli.selection import (
    Entry,
    Selection,
    confirm_many,
    ids_of,
    over,
    report,
    selection_flags,
    selection_of,
)
from coordinator.cli.session import Session, session_of
from coordinator.client.errors import ClientError

if TYPE_CHECKING:
    from coordinator.client.replies import Changed, ChangedMany
    from coordinator.client.requests import ChangeOptions, Filter

Change = Callable[[str, "ChangeOptions"], Awaitable["Changed"]]
ChangeMany = Callable[["Filter", "ChangeOptions"], Awaitable["ChangedMany"]]


@click.command("cancel", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@selection_flags
@click.option("--grace", type=DURATION, help="How long a run may take to stop by itself.")
@click.option(
    "--purge",
    is_flag=True,
    help="Remove the records of what has ended; with --object of finished ones, too.",
)
@click.option("--run", "run_only", is_flag=True, help="End its current run alone.")
@click.option("--rerun", is_flag=True, help="With --run: a task without a schedule runs again.")
@click.option(
    "--wait",
    "wait",
    is_flag=True,
    help="Until it is cancelled; with --run until that run has ended, with --purge until it is gone.",
)
@whole_flag
@change_flags
@revision_flag
@click.pass_context
def cancel(ctx: click.Context, /, **flags: Any) -> int:
    """Cancel tasks. Final once acknowledged; needs no node."""
    session = session_of(ctx)
    grace, purge = flags.pop("grace"), flags.pop("purge")
    waits_for_end = flags.pop("wait")
    run_only, rerun = flags.pop("run_only"), flags.pop("rerun")
    if (rerun and not run_only) or (run_only and purge):
        raise click.UsageError("--rerun goes with --run, --purge does not", ctx)
    selection = selection_of(flags.pop("ids"), flags)
    if run_only:
        refuse_one_by_one(selection, flags, "--run")
    refuse_if_revision(selection, flags)
    if selection.means_several and not run_only and not flags["if_revision"]:
        from coordinator.cli.cancel_many import How, cancel_many

        how = How(grace, purge=purge, waits=waits_for_end)
        return cancel_many(session, selection, change_of(flags)(), how)

    async def change(task_id: str, options: ChangeOptions) -> Changed:
        client = session.client
        if run_only:
            done = await client.cancel_run(task_id, options, rerun=rerun, grace_ms=grace)
        else:
            done = await client.cancel(task_id, options, grace_ms=grace, purge=purge)
        if not waits_for_end or options.dry_run:
            return done
        return await _until_over(session, done, run_only=run_only, purge=purge)

    return change_selected(session, selection, change_of(flags), change)


@click.command("rm", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@selection_flags
@change_flags
@revision_flag
@click.pass_context
def rm(ctx: click.Context, /, **flags: Any) -> int:
    """Remove finished tasks; refused for any other."""
    session = session_of(ctx)
    return change_all(
        session,
        flags,
        lambda task_id, options: session.client.remove(task_id, options),
        finished=True,
    )


@click.command("move", cls=Verb)
@click.argument("task_id", metavar="ID", shell_complete=complete("tasks"))
@click.option(
    "--avoid",
    multiple=True,
    metavar="NODE",
    shell_complete=complete("nodes"),
    help="Not to this node.",
)
@click.option("--wait", "wait", is_flag=True, help="Until it runs again, somewhere else.")
@change_flags
@revision_flag
@click.pass_context
def move(ctx: click.Context, /, task_id: str, **flags: Any) -> int:
    """Stop a task here and start it elsewhere; its state is kept, the attempt not counted."""
    session = session_of(ctx)
    avoid, waits_for_run = flags.pop("avoid"), flags.pop("wait")

    async def change(full: str, options: ChangeOptions) -> Changed:
        moved = await session.client.move(full, options, avoid=avoid)
        if waits_for_run and not options.dry_run:
            return await _until_running(session, moved)
        return moved

    return change_selected(session, Selection((task_id,)), change_of(flags), change)


def change_all(
    session: Session,
    flags: dict[str, Any],
    change: Change,
    many: ChangeMany | None = None,
    *,
    finished: bool = False,
) -> int:
    """The change for each task that the flags name or select; the exit code. Takes its flags out of `flags`.

    `many` makes it in one call where several are meant; not with --wait, of a verb that has it.
    """
    selection, waits = selection_of(flags.pop("ids"), flags), flags.pop("wait", False)
    refuse_if_revision(selection, flags)
    if many is None or waits:
        refuse_one_by_one(selection, flags, "--wait" if waits else "--param")
    one_by_one = many is None or waits or flags.get("if_revision")
    if many is not None and selection.means_several and not one_by_one:
        from coordinator.cli.change_many import change_many

        return change_many(session, selection, change_of(flags)(), many, finished=finished)
    return change_selected(
        session, selection, change_of(flags), change, finished=finished, waits=waits
    )


def refuse_one_by_one(selection: Selection, flags: dict[str, Any], because: str) -> None:
    """Several tasks are no one command where `because` makes each change another. Raises UsageError."""
    if flags.get("all_or_nothing") and selection.means_several:
        raise click.UsageError(f"{because} is about each task alone, not with --all-or-nothing")


def refuse_if_revision(selection: Selection, flags: dict[str, Any]) -> None:
    """As `refuse_one_by_one`."""
    if flags.get("if_revision"):
        refuse_one_by_one(selection, flags, "--if-revision")


def change_selected(
    session: Session,
    selection: Selection,
    options: Callable[[], ChangeOptions],
    change: Change,
    *,
    finished: bool = False,
    waits: bool = False,
) -> int:
    """Ask, confirm, change each, tell; the exit code. `waits`: until all have ended, as `wait` does."""
    session.doing = f"{session.verb} {' '.join(selection.ids[:1])}".strip()

    async def one(task_id: str) -> Entry:
        made = options()
        session.guard_change(dry_run=made.dry_run)
        try:
            return entry_of(await change(task_id, made), task_id, dry_run=made.dry_run)
        except ClientError as error:
            if made.if_revision:
                error.metadata.setdefault("expected", str(made.if_revision))
            raise

    async def work() -> int:
        ids = await ids_of(session, selection, finished=finished)
        if not ids:
            return report(session, [])
        confirm_many(session, ids, selection)
        entries = await over(session, ids, one)
        if waits and not any(entry.dry_run for entry in entries):
            from coordinator.cli.waits_many import until_they_end

            return await until_they_end(session, entries)
        return report(session, entries)

    if session.settings.read_only:
        session.guard_change()
    return session.run(work)


async def _until_over(
    session: Session, changed: Changed, *, run_only: bool, purge: bool
) -> Changed:
    """The whole task, its run alone, or even its record."""
    from coordinator.cli import waits
    from coordinator.client.requests import Condition

    task = changed.task
    if task is None or task.is_finished or changed.removed:
        return changed
    if run_only and task.assignment.node is None:
        return changed
    until: tuple[Condition, ...] = ()
    if run_only:
        until = (Condition(kind="run", allocation_id=task.allocation_id),)
    elif purge:
        until = (Condition(kind="gone"),)
    reply = await waits.follow(session, task.id, until)
    return _with(changed, reply.task, gone=reply.gone)


async def _until_running(session: Session, changed: Changed) -> Changed:
    from coordinator.cli import waits
    from coordinator.client.requests import Condition

    if changed.task is None:
        return changed
    before = changed.task.allocation_id
    elsewhere = Condition(kind="path", path="allocation_id", op=">", value=before)
    running = Condition(kind="status", status="running")
    await waits.follow(session, changed.task.id, (elsewhere,))
    reply = await waits.follow(session, changed.task.id, (running,))
    return _with(changed, reply.task)


def _with(changed: Changed, task: Any, *, gone: bool = False) -> Changed:
    from msgspec.structs import replace

    return replace(changed, task=task or changed.task, effect="", removed=changed.removed or gone)
