"""Which change each of many tasks is to get: cancels, pauses, resumes, retries, manual runs, edits."""

from __future__ import annotations

from typing import Protocol

from msgspec.structs import replace

from coordinator.api.door import Door
from coordinator.api.editing import edit_of, effects
from coordinator.api.errors import invalid
from coordinator.api.many import Make, Many, Request, Word
from coordinator.api.road import Road
from coordinator.api.selection import SortedIds
from coordinator.api.together import Together
from coordinator.api.wish_words import (
    check_grace,
    check_pause,
    check_run_now,
    pause_of,
    resume_of,
    retry_of,
    run_now_of,
)
from coordinator.machine.commands import CancelTask, Change, RetryTask, UpdateTask
from coordinator.model.ids import TaskId
from coordinator.model.limits import PAGE_MAX
from coordinator.model.tasks import Task
from coordinator.wire.v1 import tasks_pb2 as wire


class EditChecks(Protocol):
    """What the door has to say of an edit of one task; all raise Rejected."""

    def check_update(self, request: wire.UpdateRequest) -> None:
        """What needs no record."""
        ...

    def checked_update(self, edit: UpdateTask, task: Task | None) -> UpdateTask:
        """Bounds, shapes, schemas, timetables."""
        ...

    def checked_params(self, edit: RetryTask, task: Task | None) -> RetryTask:
        """The schema of its executor."""
        ...


class Changes:
    """On the leader, one for a server."""

    def __init__(self, door: Door, road: Road, ids: SortedIds, edits: EditChecks) -> None:
        self._door = door
        self._edits = edits
        self._many = Many(door, road, ids)
        self._together = Together(door, road, ids)

    async def cancel(self, request: wire.CancelManyRequest, left: float) -> wire.ChangeManyResponse:
        """Raises Rejected: what cannot be meant."""
        check_grace(request.grace_ms)
        grace = request.grace_ms if request.HasField("grace_ms") else -1
        reason = request.change.reason

        def make(task_id: TaskId, _: Task | None) -> Change:
            return CancelTask(task_id, request.purge, grace_ms=grace, reason=reason)

        if request.purge and request.filter.object_kind:  # the thing is gone: all its tasks go
            request.filter.include_finished = True
        content = f"cancel {request.purge} {grace}".encode()
        return await self._of(request).change(request, content, make, _updated, left)

    async def change(self, request: wire.ChangeManyRequest, left: float) -> wire.ChangeManyResponse:
        """Raises Rejected: what cannot be meant."""
        make, word = self._made(request)
        asked = wire.ChangeManyRequest()
        asked.CopyFrom(request)
        for field in ("change", "filter", "page_token"):
            asked.ClearField(field)
        content = asked.SerializeToString(deterministic=True)
        return await self._of(request).change(request, content, make, word, left)

    def _of(self, request: Request) -> Many | Together:
        return self._together if request.change.all_or_nothing else self._many

    def _made(self, request: wire.ChangeManyRequest) -> tuple[Make, Word]:
        what = request.WhichOneof("what")
        if request.clear_state_of and what != "pause":
            raise invalid("clear_state_of", "goes with a pause")
        match what:
            case "pause":
                return self._pauses(request), _updated
            case "resume":
                resume = request.resume
                return lambda task_id, _: resume_of(resume, request.change, task_id), _updated
            case "retry":
                return self._retries(request), _updated
            case "run_now":
                return self._manual_runs(request), _updated
            case "update":
                return self._updates(request)
            case _:
                raise invalid("what", "is missing: pause, resume, retry, run_now or update")

    def _pauses(self, request: wire.ChangeManyRequest) -> Make:
        check_pause(request.pause, self._door.replica.now.wall)
        if len(request.clear_state_of) > PAGE_MAX:
            raise invalid(
                "clear_state_of", f"{len(request.clear_state_of)} ids, at most {PAGE_MAX}"
            )
        subset = frozenset(request.clear_state_of)

        def make(task_id: TaskId, task: Task | None) -> Change:
            wish = pause_of(request.pause, request.change, task_id, task)
            return replace(wish, clear_state=wish.clear_state or task_id in subset)

        return make

    def _retries(self, request: wire.ChangeManyRequest) -> Make:
        def make(task_id: TaskId, task: Task | None) -> Change:
            wish = retry_of(request.retry, request.change, task_id, task)
            return self._edits.checked_params(wish, task)

        return make

    def _manual_runs(self, request: wire.ChangeManyRequest) -> Make:
        check_run_now(request.run_now)
        state = self._door.replica.state
        return lambda task_id, _: run_now_of(request.run_now, request.change, task_id, state)

    def _updates(self, request: wire.ChangeManyRequest) -> tuple[Make, Word]:
        update = request.update
        if update.move:
            raise invalid("move", "is about one task")
        self._edits.check_update(update)

        def make(task_id: TaskId, task: Task | None) -> Change:
            one = wire.UpdateRequest()
            one.CopyFrom(update)
            one.id = task_id
            one.change.reason = request.change.reason
            return self._edits.checked_update(edit_of(task, one), task)

        def word(record: Task | None) -> str:
            return "deferred" if effects(update, record)[1] else "updated"

        return make, word


def _updated(_: Task | None) -> str:
    return "updated"
