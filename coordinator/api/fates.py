"""Fates of a series: what became of its fire times, in pages, the range begun last first (TM-9)."""

from __future__ import annotations

from coordinator.api.checks import content_hash
from coordinator.api.door import Door
from coordinator.api.selection import Token, read_token, size_of, task_not_found, write_token
from coordinator.model.ids import TaskId
from coordinator.replica.effects import FateWrite
from coordinator.wire.v1 import tasks_pb2 as wire


async def look_at_fates(door: Door, request: wire.FatesRequest) -> wire.FatesResponse:
    """Without `answer`. A task without a schedule has none. Raises Rejected: no such task, a field that does not fit."""
    limit = size_of(request.limit, "limit")
    kind = content_hash(b"fates", request.id.encode())
    before = int(read_token(request.page_token, kind).after) if request.page_token else 0
    rows = await door.fates_of(request.id, limit + 1, before)
    if not rows and door.replica.state.tasks.get(TaskId(request.id)) is None:
        raise task_not_found(request.id)
    told = rows[:limit]
    more = len(rows) > limit
    token = write_token(Token(kind, 0, str(told[-1].number))) if more else ""
    return wire.FatesResponse(fates=map(_told, told), next_page=token)


def _told(row: FateWrite) -> wire.FateRange:
    fate = row.fate
    return wire.FateRange(
        fate=fate.word.value,
        reason=fate.reason,
        first_at=fate.first,
        last_at=fate.last,
        count=fate.count,
        number=row.number,
    )
