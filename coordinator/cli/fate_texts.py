"""`taskctl history ID --fates`: what became of the fire times of a series (TM-9), as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.cli import exits
from coordinator.cli.output import Column, tell
from coordinator.cli.selection import by_prefix
from coordinator.cli.session import Session
from coordinator.cli.texts import Moments, count

if TYPE_CHECKING:
    from coordinator.client.fate_views import FatePage, FateRange

PAGE = 1_000


async def show_fates(session: Session, task_id: str, limit: int, token: str) -> int:
    """The last ranges, the newest last as with runs."""

    async def read(full: str) -> FatePage:
        size = min(limit, PAGE)
        return await session.client.fates(full, limit=size, page_token=token, read=session.read)

    page = await by_prefix(session, task_id, read)
    newest_last = page.fates[::-1]
    columns = fate_columns(session.moments)
    session.out.listing("FateList", page.answer, newest_last, columns, page.next_page)
    if session.out.is_table:
        times = count(sum(one.count for one in newest_last), "fire time")
        tell(f"{times}{'; there are more, see --limit' if page.next_page else ''}")
    return exits.OK


def fate_columns(moments: Moments) -> tuple[Column[FateRange], ...]:
    """One line for each range of neighbours."""
    return (
        Column("FIRST", lambda one: moments.clock(one.first_at), lambda one: one.first_at),
        Column("LAST", lambda one: _last(one, moments), lambda one: one.last_at),
        Column("COUNT", lambda one: str(one.count), lambda one: one.count, right=True),
        Column("FATE", lambda one: one.fate),
        Column("REASON", lambda one: one.reason or "-"),
    )


def _last(one: FateRange, moments: Moments) -> str:
    return moments.clock(one.last_at) if one.last_at != one.first_at else "-"
