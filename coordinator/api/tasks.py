"""The `Tasks` service: creations. Handlers translate, check at the door, and hand on."""

from __future__ import annotations

from msgspec.structs import replace
from typing_extensions import override

from coordinator.api import checks
from coordinator.api.cancels import Cancels
from coordinator.api.errors import Rejected, from_refusal, invalid, too_large
from coordinator.api.headers import headers_of, joined
from coordinator.api.road import Context, accepted
from coordinator.api.run_calls import call_run
from coordinator.api.translate import create_from_wire, task_to_wire
from coordinator.api.wishes import TaskWishes
from coordinator.machine.outcome import Accepted, Refused
from coordinator.model.ids import TaskId
from coordinator.model.limits import CREATE_MANY_MAX, MESSAGE_BYTES_MAX
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Pairs, Task
from coordinator.replica.inputs import Asked
from coordinator.wire.v1 import tasks_pb2 as wire

PREFIX = "/ptasks.v1.Tasks/"


class TasksService(TaskWishes):
    """Creations on top of wishes and reads; registered as `ptasks.v1.Tasks`."""

    @override
    async def Create(self, request: wire.CreateRequest, context: Context) -> wire.CreateResponse:
        async def work(left: float) -> wire.CreateResponse:
            asked = self._asked_create(request.task, request.change, headers_of(context))
            reply = await self._road.submit((asked,), left)
            outcome: Accepted = accepted(reply.outcomes[0])
            answer = wire.CreateResponse(
                answer=self._road.answer(), created=outcome.created, validated=_validated(outcome)
            )
            record = reply.records[0]
            if record is not None:
                answer.task.CopyFrom(task_to_wire(record))
            return answer

        method = PREFIX + "Create"
        return await self._road.lead(context, method, request, wire.CreateResponse, work)

    @override
    async def CreateMany(
        self, request: wire.CreateManyRequest, context: Context
    ) -> wire.CreateManyResponse:
        async def work(left: float) -> wire.CreateManyResponse:
            return await self._create_many(request, left, headers_of(context))

        method = PREFIX + "CreateMany"
        return await self._road.lead(context, method, request, wire.CreateManyResponse, work)

    @override
    async def CancelMany(
        self, request: wire.CancelManyRequest, context: Context
    ) -> wire.ChangeManyResponse:
        async def work(left: float) -> wire.ChangeManyResponse:
            return await Cancels(self._door, self._road, self._ids).cancel(request, left)

        method = PREFIX + "CancelMany"
        return await self._road.lead(context, method, request, wire.ChangeManyResponse, work)

    @override
    async def Call(self, request: wire.CallRequest, context: Context) -> wire.CallResponse:
        async def work(left: float) -> wire.CallResponse:
            return await call_run(self._door, self._road, request, headers_of(context), left)

        method = PREFIX + "Call"
        return await self._road.lead(context, method, request, wire.CallResponse, work)

    # -- the work -----------------------------------------------------------------------------------

    def _asked_create(self, new: wire.NewTask, change: wire.Change, headers: Pairs) -> Asked:
        """The wish, checked. Raises Rejected."""
        checks.check_request_id(change.request_id)
        checks.check_new_task(new)
        state = self._door.replica.state
        known = change.request_id and state.requests.get(change.request_id) is not None
        if not known and _is_kept(state, new):
            self._schemas.check_shape(new.executor, new.params)
        elif not known:
            self._schemas.check(state, new.executor, new.params)
        content = 0
        if change.request_id:
            content = checks.content_hash(new.SerializeToString(deterministic=True))
        create = create_from_wire(new)
        if headers:
            kept = joined(create.spec.headers, headers)
            create = replace(create, spec=replace(create.spec, headers=kept))
        return Asked(create, change.request_id, content, change.dry_run)

    async def _create_many(
        self, request: wire.CreateManyRequest, left: float, headers: Pairs
    ) -> wire.CreateManyResponse:
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
                one = self._asked_create(new, self._item_change(request.change, number), headers)
            except Rejected as rejected:
                _put_error(item, rejected)
                continue
            asked.append(one)
            places.append(number)
        if asked:
            reply = await self._road.submit(asked, left)
            for place, outcome, record in zip(places, reply.outcomes, reply.records, strict=True):
                _put_outcome(items[place], outcome, record, brief=request.brief)
        return wire.CreateManyResponse(answer=self._road.answer(), items=items)

    def _item_change(self, change: wire.Change, number: int) -> wire.Change:
        """Each item has a request id of its own, made from the batch's."""
        if not change.request_id:
            return change
        suffix = f"/{number}"
        return wire.Change(
            request_id=change.request_id[: 128 - len(suffix)] + suffix, dry_run=change.dry_run
        )


def _is_kept(state: ClusterState, new: wire.NewTask) -> bool:
    """Whether a record of this id answers, before anything is asked about params (PT-20, PT-21)."""
    old = state.tasks.get(TaskId(new.id))
    return old is not None and not (new.replace_finished and old.is_terminal)


def _validated(outcome: Accepted) -> str:
    return "schema_only" if outcome.schema_only else "full"


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
    item.validated = _validated(outcome)
    if record is None:
        return
    item.allocation_id = record.allocation_id
    item.node = record.assignment.node or ""
    item.status = record.status.value
    if not brief:
        item.task.CopyFrom(task_to_wire(record))
