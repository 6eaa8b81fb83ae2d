"""Changing many as one command: all of them or none, and every id is told which one was the reason (TM-32).

The call's request id is that of the command, so a repeat gets the first answer, whatever has become of the tasks since.
A task that the filter does not fit any more is a reason against the whole, as is one that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coordinator.api import checks
from coordinator.api.askers import asker_of
from coordinator.api.door import Door
from coordinator.api.errors import Code, Rejected, from_refusal, invalid, too_large
from coordinator.api.many import (
    MERGES,
    Make,
    Many,
    Request,
    Word,
    check,
    is_stale,
    put_error,
    show,
    tell,
    word_of,
)
from coordinator.api.road import Road
from coordinator.api.selection import SortedIds, matcher
from coordinator.machine.commands import Change, ChangeTasks
from coordinator.machine.outcome import Accepted, Outcome
from coordinator.model.ids import TaskId
from coordinator.model.limits import CHANGE_BYTES_MAX, PAGE_BYTES, PAGE_MAX
from coordinator.replica.inputs import Asked
from coordinator.wire.v1 import tasks_pb2 as wire


class Against(NamedTuple):
    """Why none was changed."""

    task_id: TaskId
    word: str
    why: Rejected


class Together:
    """On the leader, one for a server."""

    def __init__(self, door: Door, road: Road, ids: SortedIds) -> None:
        self._door = door
        self._road = road
        self._many = Many(door, road, ids)

    async def change(
        self, request: Request, content: bytes, make: Make, word: Word, left: float
    ) -> wire.ChangeManyResponse:
        """As `Many.change`. Raises Rejected also for more than goes into one command."""
        check(request)
        await self._road.barrier(left)
        ids, more = self._many.meant(request)
        if more:
            raise invalid(
                "all_or_nothing",
                f"is about at most {PAGE_MAX} tasks: {self._count(request)} fit the filter",
            )
        if len(ids) * len(content) > CHANGE_BYTES_MAX:
            raise too_large(
                f"all_or_nothing, {len(ids)} tasks", CHANGE_BYTES_MAX, len(ids) * len(content)
            )
        found = await self._found(request, ids, content, make, left) if ids else Accepted()
        items = [wire.ChangeManyItem(id=task_id) for task_id in ids]
        if isinstance(found, Against):
            _tell_why(items, found)
        self._show(items, found, word)
        return wire.ChangeManyResponse(answer=self._road.answer(), items=items)

    async def _found(
        self, request: Request, ids: Sequence[TaskId], content: bytes, make: Make, left: float
    ) -> Accepted | Against:
        """What it came to. An edit that met another is made again of the records as they are then."""
        change = request.change
        meant = request.filter.SerializeToString(deterministic=True)
        hashed = checks.content_hash(b"together", content, meant) if change.request_id else 0
        for merge in range(MERGES):
            changes = self._changes(request, ids, make)
            if isinstance(changes, Against):
                return changes
            asker = asker_of(change)
            asked = Asked(ChangeTasks(changes), change.request_id, hashed, change.dry_run, asker)
            outcome = (await self._road.submit((asked,), left)).outcomes[0]
            if merge == MERGES - 1 or not is_stale(outcome):
                return _judged(outcome)
        raise AssertionError("the last try returns")

    def _changes(
        self, request: Request, ids: Sequence[TaskId], make: Make
    ) -> tuple[Change, ...] | Against:
        """None for a request that was met before: its first answer counts, not what the records say now."""
        replica, request_id = self._door.replica, request.change.request_id
        is_met = request_id and replica.state.requests.get(request_id) is not None
        if is_met and not request.change.dry_run:
            return ()
        fits, tasks = matcher(request.filter, replica.now.wall), replica.state.tasks
        changes: list[Change] = []
        for task_id in ids:
            task = tasks.get(task_id)
            if task is not None and not fits(task):
                why = f"{task_id} does not match the filter"
                rejected = Rejected(Code.FAILED_PRECONDITION, "not_matching", why, settled=True)
                return Against(task_id, "refused", rejected)
            try:
                changes.append(make(task_id, task))
            except Rejected as rejected:
                return Against(task_id, "refused", rejected)
        return tuple(changes)

    def _count(self, request: Request) -> int:
        replica = self._door.replica
        fits = matcher(request.filter, replica.now.wall)
        return sum(map(fits, replica.state.tasks.values()))

    def _show(
        self, items: Sequence[wire.ChangeManyItem], found: Accepted | Against, word: Word
    ) -> None:
        """The records as they are now, removed ones as they were, and of what was changed the word for it."""
        tasks, room = self._door.replica.state.tasks, PAGE_BYTES
        parts = found.parts if isinstance(found, Accepted) else ()
        for place, item in enumerate(items):
            part = parts[place] if parts else Accepted(unchanged=True)
            record = part.record or tasks.get(TaskId(item.id))
            if isinstance(found, Accepted):
                tell(item, part, word(record))
            room = show(item, record, room)


def _judged(outcome: Outcome) -> Accepted | Against:
    """Raises Rejected where it is no task's fault."""
    if isinstance(outcome, Accepted):
        return outcome
    if not outcome.task_id:
        raise from_refusal(outcome)
    return Against(outcome.task_id, word_of(outcome), from_refusal(outcome))


def _tell_why(items: Sequence[wire.ChangeManyItem], found: Against) -> None:
    """The others share what is known of the one: whether an earlier try may have been done."""
    because = Rejected(
        Code.FAILED_PRECONDITION,
        "not_done",
        f"not done: {found.task_id} was refused",
        {"because": found.task_id},
        settled=found.why.settled,
    )
    for item in items:
        is_the_one = item.id == found.task_id
        put_error(
            item, found.word if is_the_one else "refused", found.why if is_the_one else because
        )
