"""`Wait`: until a condition holds, the task has ended, is gone, changed, or the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from coordinator.api.door import Door
from coordinator.api.errors import Code, Rejected, from_failure, invalid
from coordinator.api.hub import Hub
from coordinator.api.road import Road, loop_time
from coordinator.api.translate import task_to_wire
from coordinator.client.conditions import holds
from coordinator.client.from_wire import json_or_none, task_of
from coordinator.client.requests import Condition
from coordinator.model.ids import NO_ALLOCATION, AllocationId, TaskId
from coordinator.model.tasks import Status, Task
from coordinator.wire.v1 import tasks_pb2 as wire

LEADER_CHECK_S = 1.0
KINDS = ("default", "terminal", "run", "status", "gone", "path", "state", "revision")
RECORD_BYTES_MAX = 3_000  # of the record beside an error: trailers have 8 KiB in all, in base64
OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
STATUSES = tuple(sorted(status.value for status in Status))


class Waits:
    """On the leader: only there is every change seen as soon as it is acknowledged."""

    def __init__(self, door: Door, road: Road, hub: Hub) -> None:
        self._door = door
        self._road = road
        self._hub = hub

    async def wait(self, request: wire.WaitRequest, left: float) -> wire.WaitResponse:
        """Raises Rejected: timed out, never was there, no longer the leader."""
        _check(request.conditions)
        left = min(left, request.deadline_ms / 1000 or left)
        deadline = loop_time() + left
        task_id = TaskId(request.id)
        if not _needs_no_barrier(request, self._door.replica.state.tasks.get(task_id)):
            await self._road.barrier(left)
        if task_id not in self._door.replica.state.tasks and not _asks_gone(request):
            raise Rejected(Code.NOT_FOUND, "task_not_found", f"there is no task {task_id}")
        run = _run_awaited(self._door.replica.state.tasks.get(task_id))
        with self._hub.waiting_for(task_id) as event:
            while True:
                event.clear()
                task = self._door.replica.state.tasks.get(task_id)
                found = self._judge(request, task, run)
                if found is not None:
                    return found
                await self._sleep(event, deadline, left, task_id)

    async def _sleep(
        self, event: asyncio.Event, deadline: float, whole: float, task_id: TaskId
    ) -> None:
        left = deadline - loop_time()
        if left <= 0:
            raise self._too_late(task_id, whole)
        try:
            await asyncio.wait_for(event.wait(), min(left, LEADER_CHECK_S))
        except TimeoutError:
            if not self._door.replica.raft.is_leader:
                raise from_failure("not_leader", "leadership moved while waiting") from None

    def _too_late(self, task_id: TaskId, whole: float) -> Rejected:
        """Names the time, and carries the record as it is."""
        rejected = from_failure("timed_out", f"{task_id} within {whole:.3f} s")
        task = self._door.replica.state.tasks.get(task_id)
        if task is not None:
            rejected.record = _in_small(task_to_wire(task))
        return rejected

    def _judge(
        self, request: wire.WaitRequest, task: Task | None, run: AllocationId
    ) -> wire.WaitResponse | None:
        if task is None:
            return wire.WaitResponse(
                answer=self._road.answer(), met=_asks_gone(request), gone=True, condition="gone"
            )
        met = self._condition_met(request, task, run)
        news = _is_open_default(request, task) or (
            request.after_revision and task.revision > request.after_revision
        )
        over = task.is_terminal and not _asks_gone(request)
        if met is None and not over and not news:
            return None
        progress = self._door.replica.live.progress_of(task.id, task.allocation_id)
        return wire.WaitResponse(
            answer=self._road.answer(),
            task=task_to_wire(task, progress),
            met=met is not None,
            condition=met or "",
        )

    def _condition_met(
        self, request: wire.WaitRequest, task: Task, run: AllocationId
    ) -> str | None:
        """Name of the first condition that holds."""
        conditions = request.conditions or (_default_of(task),)
        view = None
        for one in conditions:
            if one.kind in ("default", "terminal", "state", "revision"):
                if _plainly_holds(one, task):
                    return one.kind
            elif one.kind == "status":
                if task.status == one.status:
                    return one.status
            elif one.kind == "run":
                awaited = one.allocation_id or run
                if task.last_outcome is not None and task.last_outcome.allocation_id >= awaited:
                    return "run"
            elif one.kind == "path":
                view = view or task_of(task_to_wire(task))
                asked = Condition(
                    kind="path", path=one.path, op=one.op, value=json_or_none(one.value)
                )
                if holds(asked, view):
                    return f"{one.path}{one.op}{one.value.decode()}"
        return None


def _default_of(task: Task) -> wire.Condition:
    """What is awaited where nothing was said (EX-11): the end of a one-off, of a series that of a run."""
    return wire.Condition(kind="terminal" if task.spec.schedule is None else "run")


def _is_open_default(request: wire.WaitRequest, task: Task) -> bool:
    """Whoever waits in rounds asks for the `default`: of a series the record, so that the run can be named."""
    asks = any(one.kind == "default" for one in request.conditions)
    return asks and task.spec.schedule is not None


def _plainly_holds(one: wire.Condition, task: Task) -> bool:
    match one.kind:
        case "state":
            return task.state is not None and task.state_is_current
        case "revision":
            return task.revision >= one.revision
        case _:
            return task.is_terminal


def _in_small(record: wire.Task) -> wire.Task:
    """Without what is large, where the whole would not fit beside an error."""
    for field in ("state", "params", "last_outcome", "spec", "explanation", "description"):
        if record.ByteSize() <= RECORD_BYTES_MAX:
            break
        record.ClearField(field)
    return record


def _check(conditions: Iterable[wire.Condition]) -> None:
    """Raises Rejected for a condition that could never hold."""
    for one in conditions:
        if one.kind not in KINDS:
            raise invalid("condition", f"must be one of {', '.join(KINDS)} (got {one.kind})")
        if one.allocation_id < 0:
            raise invalid("allocation_id", f"must not be negative (got {one.allocation_id})")
        if one.kind == "revision" and one.revision <= 0:
            raise invalid("revision", f"must be above 0 (got {one.revision})")
        if one.kind == "status" and one.status not in STATUSES:
            raise invalid("status", f"{one.status} is none of {', '.join(STATUSES)}")
        if one.kind == "path" and one.op not in OPERATORS:
            raise invalid("op", f"must be one of {' '.join(OPERATORS)} (got {one.op})")


def _run_awaited(task: Task | None) -> AllocationId:
    """Where none is named, the run in progress, else the next: the smallest allocation id it can have."""
    if task is None:
        return NO_ALLOCATION
    if task.has_node or task.last_outcome is None:
        return task.allocation_id
    return AllocationId(task.last_outcome.allocation_id + 1)


def _asks_gone(request: wire.WaitRequest) -> bool:
    return any(one.kind == "gone" for one in request.conditions)


def _needs_no_barrier(request: wire.WaitRequest, task: Task | None) -> bool:
    """An end, once applied, is a fact for ever: only "it is not there" and passing statuses have to
    be asked of a quorum.
    """
    only_ends = all(one.kind in ("default", "terminal") for one in request.conditions)
    is_series = task is not None and task.spec.schedule is not None
    return task is not None and only_ends and not is_series and not request.after_revision
