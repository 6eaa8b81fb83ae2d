"""Changing many: by ids, by filter, or by both; one entry for each id, each succeeds or fails alone (PT-79, TM-30 to TM-32; `together.py`
has the changes that are one command).

Each id has a request id of its own, made from the call's and its name. So a repeat of the call is answered for what an
earlier try had done, also where a cancelled task does not match the filter any more. Which tasks a filter means is not
remembered: whoever wants a repeat to be about the very same ones names them, as the client library does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from coordinator.api import checks
from coordinator.api.askers import asker_of
from coordinator.api.creates import validated
from coordinator.api.door import Door
from coordinator.api.errors import Rejected, from_refusal, invalid, too_large
from coordinator.api.road import Road
from coordinator.api.selection import SortedIds, matcher, page_of, weight_of
from coordinator.api.translate import task_to_wire
from coordinator.machine.commands import Change
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model.ids import TaskId
from coordinator.model.limits import (
    MIB,
    PAGE_BYTES,
    PAGE_MAX,
    REASON_BYTES_MAX,
    REQUEST_ID_CHARS_MAX,
)
from coordinator.model.tasks import Task
from coordinator.replica.inputs import Asked
from coordinator.wire.v1 import tasks_pb2 as wire

WORDS = {Refusal.TASK_NOT_FOUND: "not_found", Refusal.REVISION_MISMATCH: "conflict"}
BYTES_AT_ONCE = 4 * MIB  # of what is asked of each: more of it would hold up the loop
MERGES = 5  # an edit that meets so many others is told as a conflict

Request = wire.CancelManyRequest | wire.ChangeManyRequest
Make = Callable[[TaskId, Task | None], Change]
"""The wish for one task, made of its record as it is; may raise Rejected."""
Word = Callable[[Task | None], str]
"""What is said of one that was changed: updated, deferred."""
Told = tuple[Outcome, Task | None]
"""What one came to, and its record after that."""


class Many:
    """On the leader, one for a call."""

    def __init__(self, door: Door, road: Road, ids: SortedIds) -> None:
        self._door = door
        self._road = road
        self._ids = ids

    async def change(
        self, request: Request, content: bytes, make: Make, word: Word, left: float
    ) -> wire.ChangeManyResponse:
        """`content` is what is asked of each. Raises Rejected: a request id, filter or token that does not fit."""
        check(request)
        await self._road.barrier(left)
        ids, token = self.meant(request)
        items = {task_id: wire.ChangeManyItem(id=task_id) for task_id in ids}
        wanted = self._wanted(request, ids)
        for task_id in items.keys() - set(wanted):
            items[task_id].result = "skipped"
            items[task_id].error.reason = "not_matching"
            items[task_id].error.metadata["settled"] = "yes"
        hashed = checks.content_hash(content) if request.change.request_id else 0
        told: dict[TaskId, Told] = {}
        for merge in range(MERGES):
            for part in _parts(wanted, len(content)):
                asked = self._asked(request.change, hashed, part, make, items)
                told |= await self._told(asked, told, left)
            wanted = [one for one, (outcome, _) in told.items() if is_stale(outcome)]
            if not wanted or merge == MERGES - 1:
                break
            for task_id in wanted:
                del told[task_id]
        room = PAGE_BYTES
        for task_id, (outcome, record) in told.items():
            tell(items[task_id], outcome, word(record))
            room = show(items[task_id], record, room)
        return wire.ChangeManyResponse(
            answer=self._road.answer(), items=items.values(), next_page=token
        )

    def meant(self, request: Request) -> tuple[list[TaskId], str]:
        """Those named, whatever becomes of them, else a page of those that match."""
        if request.filter.ids:
            return list(dict.fromkeys(TaskId(one) for one in request.filter.ids)), ""
        replica = self._door.replica
        listing = wire.ListRequest(
            filter=request.filter, page_size=PAGE_MAX, page_token=request.page_token
        )
        page = page_of(replica.state, self._ids, listing, replica.now.wall)
        return [task.id for task in page.tasks], page.next_token

    def _wanted(self, request: Request, ids: Sequence[TaskId]) -> list[TaskId]:
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

    async def _told(
        self, asked: Mapping[TaskId, Asked], before: Mapping[TaskId, Told], left: float
    ) -> dict[TaskId, Told]:
        """The answers to these, which follow others of the same call."""
        if not asked:
            return {}
        is_more = any(isinstance(outcome, Accepted) for outcome, _ in before.values())
        submit = self._road.submit_more if is_more else self._road.submit
        reply = await submit(list(asked.values()), left)
        answers = zip(reply.outcomes, reply.records, strict=True)
        return dict(zip(asked, answers, strict=True))

    def _asked(
        self,
        change: wire.Change,
        hashed: int,
        wanted: Sequence[TaskId],
        make: Make,
        items: dict[TaskId, wire.ChangeManyItem],
    ) -> dict[TaskId, Asked]:
        """The wishes, without those that cannot be made of their record: these have their error."""
        tasks = self._door.replica.state.tasks
        asked: dict[TaskId, Asked] = {}
        asker = asker_of(change)
        for task_id in wanted:
            try:
                wish = make(task_id, tasks.get(task_id))
            except Rejected as rejected:
                put_error(items[task_id], "refused", rejected)
                continue
            request_id = _item_id(change.request_id, task_id) if change.request_id else ""
            asked[task_id] = Asked(wish, request_id, hashed, change.dry_run, asker)
        return asked


def _parts(wanted: Sequence[TaskId], weight: int) -> Iterator[Sequence[TaskId]]:
    """Of so many that what is asked of them comes to no more than may be looked at in one go."""
    at_once = max(1, BYTES_AT_ONCE // max(1, weight))
    return (wanted[first : first + at_once] for first in range(0, len(wanted), at_once))


def check(request: Request) -> None:
    """What needs no record. Raises Rejected."""
    change = request.change
    checks.check_request_id(change.request_id)
    if len(change.reason.encode()) > REASON_BYTES_MAX:
        raise too_large("reason", REASON_BYTES_MAX, len(change.reason.encode()))
    if change.if_revision:
        raise invalid("if_revision", "is about one task; change that one by itself")
    if len(request.filter.ids) > PAGE_MAX:
        raise invalid("ids", f"{len(request.filter.ids)}, at most {PAGE_MAX}")
    if not request.filter.ByteSize():
        raise invalid("filter", "is empty: name the tasks, or what they have in common")


def _item_id(request_id: str, task_id: str) -> str:
    suffix = f"/{checks.content_hash(task_id.encode()):x}"
    return request_id[: REQUEST_ID_CHARS_MAX - len(suffix)] + suffix


def is_stale(outcome: Outcome) -> bool:
    """Whether it was merged into a record that another edit has changed: it is to be merged anew."""
    return isinstance(outcome, Refused) and outcome.code is Refusal.CHOICE_STALE


def tell(item: wire.ChangeManyItem, outcome: Outcome, word: str) -> None:
    """Put what became of it; `word`: of one that was changed."""
    if not isinstance(outcome, Refused):
        item.result = "unchanged" if outcome.unchanged else word
        item.removed, item.validated = outcome.removed, validated(outcome)
        return
    put_error(item, word_of(outcome), from_refusal(outcome))


def word_of(refused: Refused) -> str:
    """Of one that was not changed: not_found, conflict, refused."""
    return "conflict" if is_stale(refused) else WORDS.get(refused.code, "refused")


def put_error(item: wire.ChangeManyItem, result: str, rejected: Rejected) -> None:
    """Put why it was not changed."""
    item.result = result
    item.error.code, item.error.reason = rejected.code.name, rejected.reason
    item.error.message = rejected.message
    item.error.metadata.update(rejected.wire_metadata)


def show(item: wire.ChangeManyItem, record: Task | None, room: int) -> int:
    """The record as it is now, as long as there is room in the message; what is left of that."""
    if record is None or weight_of(record) > room:
        return room
    item.task.CopyFrom(task_to_wire(record))
    return room - weight_of(record)
