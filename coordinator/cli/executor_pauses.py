"""`taskctl executor pause | resume`: a type of work, or all of it, may not start for a while (TM-28)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.completing import complete
from coordinator.cli.lazy import Verb
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import dry_line

if TYPE_CHECKING:
    from coordinator.client.placement_client import ExecutorPaused
    from coordinator.client.requests import ChangeOptions

    Call = Callable[[ChangeOptions], Coroutine[Any, Any, ExecutorPaused]]

EVERYTHING = "everything"


@click.command("pause", cls=Verb)
@click.argument("name", required=False, shell_complete=complete("executors"))
@click.option("--all", "everything", is_flag=True, help="All executors: assignment.enable = none.")
@click.option(
    "--running",
    type=click.Choice(("finish", "stop")),
    default="finish",
    help="What has begun goes on, or ends now and waits.  [default: finish]",
)
@change_flags
@click.pass_context
def pause_executor(
    ctx: click.Context, /, name: str | None, everything: bool, running: str, **flags: Any
) -> int:
    """Start no task of this executor from now on; --reason is mandatory."""
    session, meant = session_of(ctx), _meant(name, everything=everything)
    if not flags["reason"]:
        raise click.UsageError("a pause needs a --reason, for whoever looks at it")

    async def call(change: ChangeOptions) -> ExecutorPaused:
        placement = session.client.cluster.placement
        return await placement.pause_executor(meant, change, running=running)

    return _change(session, "pause", meant, flags, call)


@click.command("resume", cls=Verb)
@click.argument("name", required=False, shell_complete=complete("executors"))
@click.option("--all", "everything", is_flag=True, help="All that is paused.")
@change_flags
@click.pass_context
def resume_executor(ctx: click.Context, /, name: str | None, everything: bool, **flags: Any) -> int:
    """Let its tasks start again; with --all those of every executor, and assignment.enable is reset."""
    session, meant = session_of(ctx), _meant(name, everything=everything)

    async def call(change: ChangeOptions) -> ExecutorPaused:
        return await session.client.cluster.placement.resume_executor(meant, change)

    return _change(session, "resume", meant, flags, call)


def _meant(name: str | None, *, everything: bool) -> str | None:
    if (name is not None) == everything:
        raise click.UsageError("give the name of an executor, or --all")
    return name


def _change(
    session: Session, verb: str, name: str | None, flags: dict[str, Any], call: Call
) -> int:
    what = name or EVERYTHING
    session.doing = f"executor {verb} {name or '--all'}"
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)

    async def work() -> int:
        done = await call(change)
        view = {
            "name": name,
            "unchanged": done.unchanged,
            "cleared": done.cleared,
            "dry_run": change.dry_run,
        }
        text = dry_line(_told(verb, what, done), dry_run=change.dry_run)
        session.out.single("Executor", done.answer, view, what, lambda: text)
        return exits.OK

    return session.run(work)


def _told(verb: str, what: str, done: ExecutorPaused) -> str:
    if done.unchanged:
        return f"{what}: unchanged"
    if verb == "pause":
        return f"{what}: paused"
    return f"{what}: resumed ({', '.join(done.cleared)})" if done.cleared else f"{what}: resumed"
