"""`taskctl cluster state`: the replicated state as JSON, all of it or the part at a path, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coordinator.cli import exits
from coordinator.cli.lazy import Verb
from coordinator.cli.output import Column, tell
from coordinator.cli.session import Session, session_of
from coordinator.cli.task_texts import compact
from coordinator.client.replies import StatePart

if TYPE_CHECKING:
    from coordinator.client.replies import StatePage

PAGE = 1_000


@click.command("state", cls=Verb)
@click.argument("path", required=False, default="")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=PAGE,
    show_default=True,
    help="At most so many parts.",
)
@click.option(
    "--page", "token", default="", metavar="TOKEN", help="Go on where next_page of an answer says."
)
@click.pass_context
def state(ctx: click.Context, path: str, limit: int, token: str) -> int:
    """The replicated state: tasks, nodes, members, settings, ..., or what is at PATH, as in tasks/ID/spec."""
    session = session_of(ctx)
    session.doing = f"cluster state {path}".strip()
    return session.run(lambda: _state(session, path, limit, token))


async def _state(session: Session, path: str, limit: int, token: str) -> int:
    found: list[StatePart] = []
    streams = session.out.style.form == "jsonl"
    first: StatePage | None = None
    while True:
        size = min(PAGE, limit)
        page = await session.client.cluster.state(
            path, page_size=size, page_token=token, read=session.read
        )
        first, token, limit = first or page, page.next_page, limit - len(page.parts)
        if streams:
            session.out.listing("StateList", page.answer, page.parts, _COLUMNS)
            session.out.flush()
        else:
            found += page.parts
        if not token or limit <= 0:
            break
    if not streams:
        _show(session, first, found, path, token)
    return exits.OK


def _show(
    session: Session, first: StatePage, found: list[StatePart], path: str, token: str
) -> None:
    if [part.path for part in found] == [path.strip("/")]:
        from coordinator.client.serializer import to_pretty_json

        part = found[0]
        session.out.single(
            "State", first.answer, part, part.path, lambda: to_pretty_json(part.value)
        )
        return
    session.out.listing("StateList", first.answer, found, _COLUMNS, token)
    if token and session.out.is_table:
        tell(f"there is more; go on with --page {token}")


_COLUMNS: tuple[Column[StatePart], ...] = (
    Column("PATH", lambda part: part.path),
    Column("VALUE", lambda part: compact(part.value)),
)
