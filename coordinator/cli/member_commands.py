"""`taskctl cluster add | remove | replace | transfer-leader`: who the coordinators are, and which of them leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.completing import complete
from coordinator.cli.failures import usage
from coordinator.cli.lazy import Verb
from coordinator.cli.member_wait import show_change
from coordinator.cli.output import tell
from coordinator.cli.session import Session, session_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from coordinator.client.requests import ChangeOptions

_NO_WAIT = click.option("--no-wait", is_flag=True, help="Return when it is wished for.")


@click.command("add", cls=Verb)
@click.argument("place", metavar="NAME=ADDRESS")
@_NO_WAIT
@change_flags
@click.pass_context
def add(ctx: click.Context, /, place: str, **flags: Any) -> int:
    """Add a coordinator: it learns what there is, then votes. Start it with an empty data directory."""
    session = session_of(ctx)
    name, address = _place(session, "cluster add", place)
    change, waits = _change(session, flags)

    async def work() -> int:
        done = await session.client.cluster.add_member(name, address, change)
        return await show_change(session, done, change, waits=waits, name=name)

    return _run(session, work, f"call it off with: taskctl cluster remove {name}")


@click.command("replace", cls=Verb)
@click.argument("old", shell_complete=complete("members"))
@click.argument("place", metavar="NAME=ADDRESS")
@_NO_WAIT
@change_flags
@click.pass_context
def replace(ctx: click.Context, /, old: str, place: str, **flags: Any) -> int:
    """Put another coordinator, or the same machine with an empty data directory, in the place of OLD."""
    session = session_of(ctx)
    name, address = _place(session, f"cluster replace {old}", place)
    change, waits = _change(session, flags)

    async def work() -> int:
        if not change.dry_run:
            question = f"{old} will lose its vote for good, {name} at {address} takes its place"
            session.confirm(f"{session.doing}: {question}", old)
        done = await session.client.cluster.add_member(name, address, change, replaces=old)
        return await show_change(session, done, change, waits=waits, name=name)

    return _run(session, work, f"call it off with: taskctl cluster remove {name}")


@click.command("remove", cls=Verb)
@click.argument("name", shell_complete=complete("members"))
@_NO_WAIT
@change_flags
@click.pass_context
def remove(ctx: click.Context, /, name: str, **flags: Any) -> int:
    """Remove a coordinator for good, also the leader; or call off the one that is being added."""
    session = session_of(ctx)
    session.doing = f"cluster remove {name}"
    change, waits = _change(session, flags)

    async def work() -> int:
        if not change.dry_run:
            session.confirm(f"{session.doing}: its data directory never starts again", name)
        done = await session.client.cluster.remove_member(name, change)
        return await show_change(session, done, change, waits=waits, name=name)

    return _run(session, work, "see how far it is with: taskctl cluster members")


@click.command("transfer-leader", cls=Verb)
@click.option("--to", default="", metavar="NAME", help="Who is to lead.  [default: most caught up]")
@change_flags
@click.pass_context
def transfer_leader(ctx: click.Context, /, to: str, **flags: Any) -> int:
    """Have another coordinator lead."""
    session = session_of(ctx)
    session.doing = f"cluster transfer-leader {to}".strip()
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)

    async def work() -> int:
        answer = await session.client.cluster.transfer_leader(to, change)
        leader = answer.leader
        text = f"{leader} leads, term {answer.term}"
        if change.dry_run:
            text += "  (dry run: nothing was done)"
        view = {"name": leader, "role": "leader", "term": answer.term}
        session.out.single("Member", answer, view, leader, lambda: text)
        return exits.OK

    return session.run(work)


def _place(session: Session, verb: str, place: str) -> tuple[str, str]:
    """NAME=ADDRESS, cut up. Raises Failure."""
    name, equals, address = place.partition("=")
    session.doing = f"{verb} {name}" if verb == "cluster add" else verb
    if not (name and equals and address):
        raise usage(
            f"{verb}: {place} is not NAME=ADDRESS", hint=f"taskctl {verb} c4=127.0.0.1:7104"
        )
    return name, address


def _change(session: Session, flags: dict[str, Any]) -> tuple[ChangeOptions, bool]:
    """The options of the change, and whether to wait for its end."""
    waits = not flags.pop("no_wait")
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)
    return change, waits


def _run(session: Session, work: Callable[[], Awaitable[int]], after: str) -> int:
    try:
        return session.run(work)
    except KeyboardInterrupt:
        tell(f"the change goes on; {after}")
        return exits.INTERRUPTED
