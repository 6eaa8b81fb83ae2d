"""Events of the audit: what operators and code changed, in pages, newest first (TM-75)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coordinator.api.checks import content_hash
from coordinator.api.door import Door
from coordinator.api.selection import Token, read_token, size_of, write_token
from coordinator.model.audit import AuditEvent
from coordinator.model.limits import PAGE_BYTES
from coordinator.wire.v1 import cluster_pb2 as wire

KIND = content_hash(b"events")


async def look_at_events(door: Door, request: wire.EventsRequest) -> wire.EventsResponse:
    """Without `answer`. Those past their retention are not told, though the next event has yet to take them away.

    Raises Rejected: a field that does not fit.
    """
    limit = size_of(request.limit, "limit")
    before = int(read_token(request.page_token, KIND).after) if request.page_token else 0
    rows = await door.audit_of(limit + 1, before)
    state = door.replica.state
    age, kept = state.settings.kept("retention.audit")
    last_gone, since = state.audited - kept, state.at - age
    told = [row for row in rows if row.number > last_gone and row.at >= since]
    page = list(_fitting(told[:limit]))
    token = write_token(Token(KIND, 0, str(page[-1].number))) if len(page) < len(told) else ""
    return wire.EventsResponse(events=page, next_page=token)


def _fitting(rows: Sequence[AuditEvent]) -> Iterator[wire.Event]:
    """As many as go into one answer, at least one."""
    room = PAGE_BYTES
    for place, row in enumerate(rows):
        told = _told(row)
        room -= told.ByteSize()
        if room < 0 and place:
            return
        yield told


def _told(row: AuditEvent) -> wire.Event:
    return wire.Event(
        number=row.number,
        revision=row.index,
        at=row.at,
        by=row.by,
        action=row.action,
        kind=row.kind,
        target=row.target,
        change=row.change,
        reason=row.reason,
        answer=row.answer,
        detail=row.detail,
        request_id=row.request_id,
        caller=row.caller,
    )
