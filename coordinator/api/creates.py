"""Creating many: each item stands for itself, under a request id of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from coordinator import timetable
from coordinator.api.errors import Rejected, from_refusal, invalid, too_large
from coordinator.api.road import Road
from coordinator.api.translate import spec_to_wire, task_to_wire
from coordinator.machine.outcome import Accepted, Refused
from coordinator.model.instants import Instant, Millis
from coordinator.model.limits import CREATE_MANY_MAX, MESSAGE_BYTES_MAX, REQUEST_ID_CHARS_MAX
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task
from coordinator.replica.inheriting import with_objects
from coordinator.replica.inputs import Asked, Create
from coordinator.wire.v1 import tasks_pb2 as wire

Checked = Callable[[wire.NewTask, wire.Change], Asked]
"""The wish, checked at the door. Raises Rejected."""


class Begin(NamedTuple):
    """When many intervals begin: from now on, spread over so long (`schedule.bulk_spread`)."""

    at: Instant
    within_ms: Millis


async def create_many(
    road: Road,
    state: ClusterState,
    request: wire.CreateManyRequest,
    checked: Checked,
    begin: Begin,
    left: float,
) -> wire.CreateManyResponse:
    """One entry for each, in order. Raises Rejected where the whole is too much."""
    if request.change.all_or_nothing:
        raise invalid(
            "all_or_nothing", "is about tasks that are there: of new ones each stands for itself"
        )
    if len(request.tasks) > CREATE_MANY_MAX:
        raise invalid("tasks", f"{len(request.tasks)} items, at most {CREATE_MANY_MAX}")
    if request.ByteSize() > MESSAGE_BYTES_MAX:
        raise too_large("tasks", MESSAGE_BYTES_MAX, request.ByteSize())
    items: list[wire.CreateManyItem] = []
    asked: list[Asked] = []
    places: list[int] = []
    for number, new in enumerate(request.tasks):
        item = wire.CreateManyItem(id=new.id)
        items.append(item)
        try:
            one = checked(new, _item_change(request.change, number))
        except Rejected as rejected:
            _put_error(item, rejected)
            continue
        asked.append(one)
        places.append(number)
    if asked:
        reply = await road.submit(with_objects(spread(asked, begin), state), left)
        for place, outcome, record in zip(places, reply.outcomes, reply.records, strict=True):
            _put_outcome(items[place], outcome, record, brief=request.brief)
    return wire.CreateManyResponse(answer=road.answer(), items=items)


def spread(asked: Sequence[Asked], begin: Begin) -> list[Asked]:
    """Intervals that were given no first time begin at different ones, so that they never all come at once (TM-21)."""
    found: dict[Millis, list[int]] = {}
    for place, one in enumerate(asked):
        every = _free_interval(one)
        if every:
            found.setdefault(every, []).append(place)
    result = list(asked)
    for every, places in found.items():
        if len(places) == 1:
            continue
        firsts = timetable.spread(len(places), every, begin.at, begin.within_ms)
        for place, first_at in zip(places, firsts, strict=True):
            one = asked[place]
            result[place] = replace(one, wish=replace(one.wish, first_at=first_at))
    return result


def _free_interval(asked: Asked) -> Millis:
    """The interval of a series that may begin at any time; 0: not such a one."""
    wish = asked.wish
    if not isinstance(wish, Create) or wish.spec.schedule is None or wish.spec.due_at:
        return 0
    return 0 if wish.spec.schedule.start else wish.spec.schedule.every_ms


def _item_change(change: wire.Change, number: int) -> wire.Change:
    """Each item has a request id of its own, made from the batch's."""
    if not change.request_id:
        return change
    suffix = f"/{number}"
    kept = change.request_id[: REQUEST_ID_CHARS_MAX - len(suffix)]
    return wire.Change(request_id=kept + suffix, dry_run=change.dry_run)


def _put_error(item: wire.CreateManyItem, rejected: Rejected) -> None:
    item.error.CopyFrom(
        wire.ItemError(
            code=rejected.code.name,
            reason=rejected.reason,
            message=rejected.message,
            metadata=rejected.wire_metadata,
        )
    )


def _put_outcome(
    item: wire.CreateManyItem, outcome: Accepted | Refused, record: Task | None, *, brief: bool
) -> None:
    if isinstance(outcome, Refused):
        _put_error(item, from_refusal(outcome))
        return
    item.created = outcome.created
    item.validated = validated(outcome)
    item.deduplicated = outcome.deduplicated
    if outcome.deduplicated:
        item.id = outcome.task_id
    if record is None:
        return
    item.allocation_id = record.allocation_id
    item.node = record.assignment.node or ""
    item.status = record.status.value
    if not brief:
        item.task.CopyFrom(task_to_wire(record))


def would_be(create: Create, at: Instant) -> wire.Task:
    """The record as a dry run can tell it: what was asked, and how it would begin."""
    status, code = "unassigned", ""
    if create.paused:
        status, code = "paused", "paused"
    elif create.spec.schedule is not None or (create.spec.due_at or 0) > at:
        status, code = "waiting", "not_due"
    return wire.Task(
        id=create.task_id,
        executor=create.executor,
        params=create.params,
        spec=spec_to_wire(create.spec),
        status=status,
        code=code,
        desired="paused" if create.paused else "running",
        due_at=create.spec.due_at or 0,
    )


def validated(outcome: Accepted) -> str:
    return "schema_only" if outcome.schema_only else "full"
