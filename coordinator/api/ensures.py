"""Ensuring that a task is there, as code wants it (TM-22, TM-23): the record is read, what differs is created or updated.

What an operator or a run has set stays, unless it is to be overwritten. Code can force a task paused, never un-pause it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from coordinator.api import checks
from coordinator.api.askers import CODE, asker_of
from coordinator.api.creates import validated, would_be
from coordinator.api.door import Door
from coordinator.api.editing import begins_at, merged
from coordinator.api.errors import Code, Rejected, from_refusal, invalid, too_large
from coordinator.api.road import Road
from coordinator.api.schedules import check_schedule
from coordinator.api.translate import task_to_wire
from coordinator.machine.commands import PauseTask, RetryTask, UpdateTask
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.limits import REASON_BYTES_MAX, REQUEST_ID_CHARS_MAX
from coordinator.model.tasks import Desired, Task, TaskSpec
from coordinator.replica.inputs import Asked, Create, Wish
from coordinator.wire.v1 import tasks_pb2 as wire

MERGES = 20  # whoever meets so many other edits is told to come again
CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
_FIXED = ("parent", "after", "until", "on_dependency_failure", "dedup_key")  # for good, once there
_NOT_COMPARED = ("headers", *_FIXED)  # headers are those of the request

Checked = Callable[[wire.NewTask, wire.Change], Asked]
"""The wish to create it, checked at the door. Raises Rejected."""


class Difference(NamedTuple):
    """What there is to do for a record, and what is told about it."""

    edit: UpdateTask | None
    pauses: bool
    changed: list[str]
    kept: list[str]


class Ensures:
    """One call of it."""

    def __init__(self, door: Door, road: Road, checked: Checked) -> None:
        self._door = door
        self._road = road
        self._checked = checked
        self._is_revived = self._has_done = False

    async def ensure(self, request: wire.EnsureRequest, left: float) -> wire.EnsureResponse:
        """Raises Rejected: content that does not fit, another executor under this id."""
        _check(request)
        await self._road.barrier(left)
        asked = self._checked(request.task, request.change)
        create = asked.wish
        if not isinstance(create, Create):
            raise TypeError(f"{type(create).__name__} creates nothing")
        if self._is_known(asked):
            answer = await self._repeated(asked, left)
            if answer is not None:
                return answer
        for _ in range(MERGES):
            answer = await self._try(request, self._unanswered(asked), create, left)
            if answer is not None:
                return answer
        raise from_refusal(Refused(Refusal.CHOICE_STALE, "others edit it all the time"))

    async def _try(
        self, request: wire.EnsureRequest, asked: Asked, create: Create, left: float
    ) -> wire.EnsureResponse | None:
        """One look at the record and what follows; None: it has changed meanwhile."""
        task = self._door.replica.state.tasks.get(create.task_id)
        if task is None or task.spec.schedule != create.spec.schedule:
            check_schedule(create.spec, self._valid_at(request, task))
        if task is None:
            outcome, record = await self._submit(asked, left)
            if _is_there(outcome):
                return None
            found = _accepted(outcome)
            result = CREATED if found.created else UNCHANGED
            answer = self._answer(result, record, None, found)
            if record is None:
                answer.task.CopyFrom(would_be(create, self._door.replica.now.wall))
            return answer
        if task.executor != create.executor:
            raise _taken("executor")
        if task.is_terminal:
            if not request.revive:
                return self._answer(UNCHANGED, task, None, None)
            return await self._revive(request, task, left)
        found_fixed = [
            one for one in _FIXED if getattr(task.spec, one) != getattr(create.spec, one)
        ]
        if found_fixed:
            raise _taken(", ".join(found_fixed))
        difference = difference_of(task, create, overwrite=request.overwrite)
        return await self._change(request, asked, difference, left)

    def _valid_at(self, request: wire.EnsureRequest, task: Task | None) -> Instant:
        """When the schedule has to be one that may be stored: now, or when the task was made, where that of the record
        stays. Code goes on to ask for what was right then, also once its end is past.
        """
        if task is not None and task.is_terminal:
            stays = not request.revive
        else:
            stays = task is not None and not request.overwrite and "schedule" in dict(task.set_by)
        return task.created_at if task is not None and stays else self._door.replica.now.wall

    async def _change(
        self, request: wire.EnsureRequest, asked: Asked, difference: Difference, left: float
    ) -> wire.EnsureResponse | None:
        wishes: list[Wish] = []
        reason = request.change.reason
        if difference.edit is not None:
            wishes.append(replace(difference.edit, reason=reason))
        if difference.pauses:
            wishes.append(PauseTask(TaskId(request.task.id), True, reason=reason, origin="code"))
        record, outcome = self._door.replica.state.tasks.get(TaskId(request.task.id)), None
        for number, wish in enumerate(wishes, 1):
            one = replace(asked, wish=wish, asker=asker_of(request.change, CODE))
            if number < len(wishes):  # under the call's own id goes the last one: then all is done
                one = replace(one, request_id=_suffixed(asked.request_id, "/edit"))
            answered, after = await self._submit(one, left)
            if isinstance(answered, Refused) and answered.code is Refusal.CHOICE_STALE:
                return None
            outcome, record = _accepted(answered), after or record
        result = UPDATED if wishes or self._is_revived else UNCHANGED
        return self._answer(result, record, difference, outcome)

    async def _revive(
        self, request: wire.EnsureRequest, task: Task, left: float
    ) -> wire.EnsureResponse | None:
        """Retried first; the next look sees what differs. A cancel stays final."""
        change = request.change
        request_id = _suffixed(change.request_id, "/revive")
        wish = RetryTask(task.id, True, task.edited_revision)
        content = checks.content_hash(b"revive") if request_id else 0
        asked = Asked(wish, request_id, content, change.dry_run, asker_of(change, CODE))
        outcome, record = await self._submit(asked, left)
        found = _accepted(outcome)
        if change.dry_run:
            return self._answer(UPDATED, record or task, None, found)
        self._is_revived = True
        return None

    def _is_known(self, asked: Asked) -> bool:
        known = self._door.replica.state.requests
        return bool(asked.request_id) and known.get(asked.request_id) is not None

    def _unanswered(self, asked: Asked) -> Asked:
        """What its creation was told when another came first is no answer to what follows from that."""
        if not self._is_known(asked):
            return asked
        return replace(asked, request_id=_suffixed(asked.request_id, "/after"))

    async def _repeated(self, asked: Asked, left: float) -> wire.EnsureResponse | None:
        """The first answer again, as far as it is remembered: the law compares what was asked. None: another came first."""
        outcome, record = await self._submit(asked, left)
        if _is_there(outcome):
            return None
        found = _accepted(outcome)
        result = UNCHANGED if found.deduplicated else UPDATED
        return self._answer(CREATED if found.created else result, record, None, found)

    async def _submit(self, asked: Asked, left: float) -> tuple[Outcome, Task | None]:
        submit = self._road.submit_more if self._has_done else self._road.submit
        reply = await submit((asked,), left)
        outcome = reply.outcomes[0]
        self._has_done = self._has_done or isinstance(outcome, Accepted)
        return outcome, reply.records[0]

    def _answer(
        self,
        result: str,
        record: Task | None,
        difference: Difference | None,
        outcome: Accepted | None,
    ) -> wire.EnsureResponse:
        answer = wire.EnsureResponse(answer=self._road.answer(), result=result)
        if record is not None:
            answer.task.CopyFrom(task_to_wire(record))
        if difference is not None:
            answer.changed.extend(difference.changed)
            answer.kept.extend(difference.kept)
        if outcome is not None:
            answer.validated = validated(outcome)
        return answer


def difference_of(task: Task, create: Create, *, overwrite: bool) -> Difference:
    """By group of fields (TM-23): schedule, params, paused, and policy for all the rest."""
    set_by = {} if overwrite else dict(task.set_by)
    fields = {
        name: getattr(create.spec, name)
        for name in TaskSpec.__struct_fields__
        if name not in _NOT_COMPARED and getattr(create.spec, name) != getattr(task.spec, name)
    }
    is_kept = "schedule" in set_by
    if not begins_at(task, task.spec.schedule if is_kept else create.spec.schedule):
        fields.pop("due_at", None)  # it was about the first time
    kept = [name for name in fields if _group(name) in set_by]
    fields = {name: value for name, value in fields.items() if name not in kept}
    changed = list(fields)
    params = merged(task, create.params, merge=False)
    params = None if params == task.params else params
    if params is not None:
        (kept if "params" in set_by else changed).append("params")
    is_paused = task.desired is Desired.PAUSED
    pauses = create.paused and not is_paused and "paused" not in set_by
    if create.paused != is_paused:
        (changed if pauses else kept).append("paused")
    edit = None
    if fields or "params" in changed:
        spec = replace(task.spec, **fields) if fields else None
        wanted = params if "params" in changed else None
        edit = UpdateTask(task.id, task.edited_revision, wanted, spec=spec, origin="code")
    return Difference(edit, pauses, _told(changed), _told(kept))


def _group(name: str) -> str:
    return "schedule" if name == "schedule" else "policy"


def _told(names: list[str]) -> list[str]:
    return [name.removesuffix("_ms") for name in names]


def _check(request: wire.EnsureRequest) -> None:
    change = request.change
    if len(change.reason.encode()) > REASON_BYTES_MAX:
        raise too_large("reason", REASON_BYTES_MAX, len(change.reason.encode()))
    if change.if_revision:
        raise invalid("if_revision", "does not go with ensure, which takes the task as it is")
    if request.task.replace_finished or request.task.require_assignment:
        raise invalid("task", "replace_finished and require_assignment are about creating")


def _taken(fields: str) -> Rejected:
    """What cannot be edited is another: the id belongs to another task."""
    message = f"already_exists: {fields}"
    metadata = {"fields": fields}
    return Rejected(Code.ALREADY_EXISTS, Refusal.ALREADY_EXISTS.value, message, metadata)


def _accepted(outcome: Outcome) -> Accepted:
    if isinstance(outcome, Refused):
        raise from_refusal(outcome)
    return outcome


def _is_there(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.code is Refusal.ALREADY_EXISTS


def _suffixed(request_id: str, suffix: str) -> str:
    return request_id and request_id[: REQUEST_ID_CHARS_MAX - len(suffix)] + suffix
