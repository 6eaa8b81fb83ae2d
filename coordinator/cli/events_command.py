"""`taskctl cluster events`: who changed what, when, why, and what the answer was (TM-75)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coordinator.cli import exits
from coordinator.cli.lazy import Verb
from coordinator.cli.output import Column, tell
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import Moments, count

if TYPE_CHECKING:
    from coordinator.client.event_views import Event
    from coordinator.client.views import Answer

PAGE = 1_000


@click.command("events", cls=Verb)
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many."
)
@click.option(
    "--page", "token", default="", metavar="TOKEN", help="Go on where next_page of an answer says."
)
@click.pass_context
def events(ctx: click.Context, /, limit: int, token: str) -> int:
    """What operators and code changed: pauses, edits, cancels, drains, settings. One line each, the newest last."""
    session = session_of(ctx)
    session.doing = "cluster events"
    return session.run(lambda: _show(session, limit, token))


async def _show(session: Session, limit: int, token: str) -> int:
    """Page by page up to the limit; jsonl is written as the pages come, the newest first."""
    streams = session.out.style.form == "jsonl"
    columns = event_columns(session.moments)
    found: list[Event] = []
    answer: Answer | None = None
    left = limit
    while True:
        page = await session.client.cluster.events(
            limit=min(left, PAGE), page_token=token, read=session.read
        )
        answer, token, left = answer or page.answer, page.next_page, left - len(page.events)
        if streams:
            session.out.listing("EventList", page.answer, page.events, columns)
            session.out.flush()
        else:
            found += page.events
        if not token or left <= 0:
            break
    if streams:
        return exits.OK
    session.out.listing("EventList", answer, found[::-1], columns, token)
    if session.out.is_table:
        tell(f"{count(len(found), 'event')}{'; there are more, see --limit' if token else ''}")
    return exits.OK


def event_columns(moments: Moments) -> tuple[Column[Event], ...]:
    """One line for each; ids, details and callers only where all of it is asked for."""
    return (
        Column("WHEN", lambda one: moments.clock(one.at), lambda one: one.at),
        Column("BY", lambda one: one.by),
        Column("ACTION", lambda one: one.action),
        Column("KIND", lambda one: one.target_kind),
        Column("TARGET", lambda one: one.target or "-", lambda one: one.target),
        Column("CHANGE", lambda one: one.change or "-", lambda one: one.change),
        Column("ANSWER", lambda one: one.answer),
        Column("REASON", lambda one: one.reason or "-", lambda one: one.reason),
        Column("DETAIL", lambda one: one.detail or "-", lambda one: one.detail, wide=True),
        Column("REQUEST", lambda one: one.request_id or "-", lambda one: one.request_id, wide=True),
        Column("CALLER", lambda one: one.caller or "-", lambda one: one.caller, wide=True),
    )
