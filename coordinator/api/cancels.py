"""Cancelling many: by ids, by filter, or by both; one entry for each id, each succeeds or fails alone (PT-79, TM-31).

Each id has a request id of its own, made from the call's and its name. So a repeat of the call is answered for what an
earlier try had done, also where a cancelled task does not match the filter any more. Which tasks a filter means is not
remembered: whoever wants a repeat to be about the very same ones names them, as the client library does.
"""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.api import checks
from coordinator.api.door import Door
from coordinator.api.errors import from_refusal, invalid, too_large
from coordinator.api.road import Road
from coordinator.api.selection import SortedIds, matcher, page_of, weight_of
from coordinator.api.translate import task_to_wire
from coordinator.api.wishes import GRACE_MS_MAX
from coordinator.machine.commands import CancelTask
from coordinator.machine.outcome import Outcome, Refusal, Refused
from coordinator.model.ids import TaskId
from coordinator.model.limits import PAGE_BYTES, PAGE_MAX, REASON_BYTES_MAX, REQUEST_ID_CHARS_MAX
from coordinator.model.tasks import Task
from coordinator.replica.inputs import Asked
from coordinator.wire.v1 import tasks_pb2 as wire

WORDS = {Refusal.TASK_NOT_FOUND: "not_found", Refusal.REVISION_MISMATCH: "conflict"}


class Cancels:
    """On the leader, one per server."""

    def __init__(self, door: Door, road: Road, ids: SortedIds) -> None:
        self._door = door
        self._road = road
        self._ids = ids

    async def cancel(self, request: wire.CancelManyRequest, left: float) -> wire.ChangeManyResponse:
        """Raises Rejected: a request id, filter or token that does not fit."""
        _check(request)
        await self._road.barrier(left)
        ids, token = self._meant(request)
        items = {task_id: wire.ChangeManyItem(id=task_id) for task_id in ids}
        wanted = self._wanted(request, ids)
        for task_id in items.keys() - set(wanted):
            items[task_id].result = "skipped"
            items[task_id].error.reason = "not_matching"
            items[task_id].error.metadata["settled"] = "yes"
        await self._submit(request, wanted, items, left)
        return wire.ChangeManyResponse(
            answer=self._road.answer(), items=items.values(), next_page=token
        )

    def _meant(self, request: wire.CancelManyRequest) -> tuple[list[TaskId], str]:
        """Those named, whatever becomes of them, else a page of those that match."""
        if request.filter.ids:
            return list(dict.fromkeys(TaskId(one) for one in request.filter.ids)), ""
        replica = self._door.replica
        listing = wire.ListRequest(
            filter=request.filter, page_size=PAGE_MAX, page_token=request.page_token
        )
        page = page_of(replica.state, self._ids, listing, replica.now.wall)
        return [task.id for task in page.tasks], page.next_token

    def _wanted(self, request: wire.CancelManyRequest, ids: Sequence[TaskId]) -> list[TaskId]:
        """Without those that are there and do not match, unless this request has met them before."""
        replica = self._door.replica
        tasks, requests = replica.state.tasks, replica.state.requests
        fits = matcher(request.filter, replica.now.wall)
        request_id = request.change.request_id
        return [
            one
            for one in ids
            if one not in tasks
            or fits(tasks[one])
            or (request_id and requests.get(_item_id(request_id, one)) is not None)
        ]

    async def _submit(
        self,
        request: wire.CancelManyRequest,
        wanted: Sequence[TaskId],
        items: dict[TaskId, wire.ChangeManyItem],
        left: float,
    ) -> None:
        asked = [_asked(request, task_id) for task_id in wanted]
        if not asked:
            return
        reply = await self._road.submit(asked, left)
        room = PAGE_BYTES
        for task_id, outcome, record in zip(wanted, reply.outcomes, reply.records, strict=True):
            _tell(items[task_id], outcome)
            room = _show(items[task_id], record, room)


def _check(request: wire.CancelManyRequest) -> None:
    change = request.change
    checks.check_request_id(change.request_id)
    if len(change.reason.encode()) > REASON_BYTES_MAX:
        raise too_large("reason", REASON_BYTES_MAX, len(change.reason.encode()))
    if change.if_revision:
        raise invalid("if_revision", "is about one task; cancel that one by itself")
    if request.grace_ms > GRACE_MS_MAX:
        raise invalid("grace_ms", f"must be 0 .. {GRACE_MS_MAX} (got {request.grace_ms})")
    if len(request.filter.ids) > PAGE_MAX:
        raise invalid("ids", f"{len(request.filter.ids)}, at most {PAGE_MAX}")
    if not request.filter.ByteSize():
        raise invalid("filter", "is empty: name the tasks, or what they have in common")


def _asked(request: wire.CancelManyRequest, task_id: TaskId) -> Asked:
    change = request.change
    grace = request.grace_ms if request.HasField("grace_ms") else -1
    wish = CancelTask(task_id, request.purge, grace_ms=grace, reason=change.reason)
    if not change.request_id:
        return Asked(wish, "", 0, change.dry_run)
    content = checks.content_hash(f"cancel {request.purge} {grace}".encode())
    return Asked(wish, _item_id(change.request_id, task_id), content, change.dry_run)


def _item_id(request_id: str, task_id: str) -> str:
    suffix = f"/{checks.content_hash(task_id.encode()):x}"
    return request_id[: REQUEST_ID_CHARS_MAX - len(suffix)] + suffix


def _tell(item: wire.ChangeManyItem, outcome: Outcome) -> None:
    if not isinstance(outcome, Refused):
        item.result = "unchanged" if outcome.unchanged else "updated"
        item.removed = outcome.removed
        return
    rejected = from_refusal(outcome)
    item.result = WORDS.get(outcome.code, "refused")
    item.error.code, item.error.reason = rejected.code.name, rejected.reason
    item.error.message = rejected.message
    item.error.metadata.update(rejected.wire_metadata)


def _show(item: wire.ChangeManyItem, record: Task | None, room: int) -> int:
    """The record as it is now, as long as there is room in the message; what is left of that."""
    if record is None or weight_of(record) > room:
        return room
    item.task.CopyFrom(task_to_wire(record))
    return room - weight_of(record)
