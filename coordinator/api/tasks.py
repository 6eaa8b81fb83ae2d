"""The `Tasks` service: creations. Handlers translate, check at the door, and hand on."""

from __future__ import annotations

from msgspec.structs import replace
from typing_extensions import override

from coordinator.api import checks
from coordinator.api.changes import Changes
from coordinator.api.creates import Begin, create_many, validated, would_be
from coordinator.api.door import Door
from coordinator.api.ensures import Ensures
from coordinator.api.headers import headers_of, joined
from coordinator.api.hub import Hub
from coordinator.api.road import Context, Road, accepted
from coordinator.api.run_calls import call_run
from coordinator.api.schedules import FIRE_TIMES, check_schedule, first_fire_times
from coordinator.api.translate import create_from_wire, task_to_wire
from coordinator.api.wishes import TaskWishes
from coordinator.machine.outcome import Accepted
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Pairs
from coordinator.replica.inputs import Asked, Create
from coordinator.wire.v1 import tasks_pb2 as wire

PREFIX = "/ptasks.v1.Tasks/"


class TasksService(TaskWishes):
    """Creations and changes of many on top of wishes and reads; registered as `ptasks.v1.Tasks`."""

    def __init__(self, door: Door, road: Road, hub: Hub) -> None:
        super().__init__(door, road, hub)
        self._changes = Changes(door, road, self._ids, self)

    @override
    async def Create(self, request: wire.CreateRequest, context: Context) -> wire.CreateResponse:
        async def work(left: float) -> wire.CreateResponse:
            asked = self._asked_create(request.task, request.change, headers_of(context))
            reply = await self._road.submit((asked,), left)
            outcome: Accepted = accepted(reply.outcomes[0])
            answer = wire.CreateResponse(
                answer=self._road.answer(),
                created=outcome.created,
                validated=validated(outcome),
                deduplicated=outcome.deduplicated,
            )
            record = reply.records[0]
            if record is not None:
                answer.task.CopyFrom(task_to_wire(record))
            elif isinstance(asked.wish, Create):
                answer.task.CopyFrom(would_be(asked.wish, self._door.replica.now.wall))
            if request.change.dry_run:
                answer.fire_times.extend(self._first_of(asked))
            return answer

        method = PREFIX + "Create"
        return await self._road.lead(context, method, request, wire.CreateResponse, work)

    @override
    async def CreateMany(
        self, request: wire.CreateManyRequest, context: Context
    ) -> wire.CreateManyResponse:
        async def work(left: float) -> wire.CreateManyResponse:
            headers, replica = headers_of(context), self._door.replica
            within_ms = replica.state.settings.millis("schedule.bulk_spread")

            def checked(new: wire.NewTask, change: wire.Change) -> Asked:
                return self._asked_create(new, change, headers)

            begin = Begin(replica.now.wall, within_ms)
            return await create_many(self._road, replica.state, request, checked, begin, left)

        method = PREFIX + "CreateMany"
        return await self._road.lead(context, method, request, wire.CreateManyResponse, work)

    @override
    async def CancelMany(
        self, request: wire.CancelManyRequest, context: Context
    ) -> wire.ChangeManyResponse:
        async def work(left: float) -> wire.ChangeManyResponse:
            return await self._changes.cancel(request, left)

        method = PREFIX + "CancelMany"
        return await self._road.lead(context, method, request, wire.ChangeManyResponse, work)

    @override
    async def ChangeMany(
        self, request: wire.ChangeManyRequest, context: Context
    ) -> wire.ChangeManyResponse:
        async def work(left: float) -> wire.ChangeManyResponse:
            return await self._changes.change(request, left)

        method = PREFIX + "ChangeMany"
        return await self._road.lead(context, method, request, wire.ChangeManyResponse, work)

    @override
    async def Ensure(self, request: wire.EnsureRequest, context: Context) -> wire.EnsureResponse:
        async def work(left: float) -> wire.EnsureResponse:
            headers = headers_of(context)

            def checked(new: wire.NewTask, change: wire.Change) -> Asked:
                return self._asked_create(new, change, headers, keeps=False)

            return await Ensures(self._door, self._road, checked).ensure(request, left)

        method = PREFIX + "Ensure"
        return await self._road.lead(context, method, request, wire.EnsureResponse, work)

    @override
    async def Call(self, request: wire.CallRequest, context: Context) -> wire.CallResponse:
        async def work(left: float) -> wire.CallResponse:
            return await call_run(self._door, self._road, request, headers_of(context), left)

        method = PREFIX + "Call"
        return await self._road.lead(context, method, request, wire.CallResponse, work)

    # -- the work -----------------------------------------------------------------------------------

    def _asked_create(
        self, new: wire.NewTask, change: wire.Change, headers: Pairs, *, keeps: bool = True
    ) -> Asked:
        """The wish, checked. Raises Rejected.

        `keeps`: a record that is there answers, whatever the params say; without it, the caller looks at the timetable.
        """
        checks.check_request_id(change.request_id)
        checks.check_new_task(new)
        state = self._door.replica.state
        known = change.request_id and state.requests.get(change.request_id) is not None
        is_kept = keeps and _is_kept(state, new)
        if not known and is_kept:
            self._schemas.check_shape(new.executor, new.params)
        elif not known:
            self._schemas.check(state, new.executor, new.params)
        content = 0
        if change.request_id:
            content = checks.content_hash(new.SerializeToString(deterministic=True))
        create = create_from_wire(new)
        if keeps and not known and not is_kept:
            check_schedule(create.spec, self._door.replica.now.wall)
        if headers:
            kept = joined(create.spec.headers, headers)
            create = replace(create, spec=replace(create.spec, headers=kept))
        return Asked(create, change.request_id, content, change.dry_run)

    def _first_of(self, asked: Asked) -> list[wire.FireTime]:
        """Its first fire times, if it were created now."""
        create = asked.wish
        schedule = create.spec.schedule if isinstance(create, Create) else None
        if not isinstance(create, Create) or schedule is None:
            return []
        now = self._door.replica.now.wall
        return first_fire_times(schedule, create.task_id, create.spec.due_at, now, FIRE_TIMES)


def _is_kept(state: ClusterState, new: wire.NewTask) -> bool:
    """Whether a record of this id answers, before anything is asked about params (PT-20, PT-21)."""
    old = state.tasks.get(TaskId(new.id))
    return old is not None and not (new.replace_finished and old.is_terminal)
