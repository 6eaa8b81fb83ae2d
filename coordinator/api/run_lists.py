"""Runs, live and past: one of them, those of one task, or of all, by filter, in pages, counted or grouped (PT-73).

Past runs lie in the runs table of every member, beside the state; what the record knows (status, labels, object,
parent, headers) is looked up in it, so the table is read in short stretches, newest first, and nothing but one page is
ever held. Where only runs in progress are meant the records alone answer.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from coordinator.api.checks import content_hash
from coordinator.api.door import Door, StoredRun
from coordinator.api.errors import Code, Rejected, from_failure, invalid
from coordinator.api.road import loop_time
from coordinator.api.run_groups import Groups, group_by
from coordinator.api.run_views import run_status, run_to_wire
from coordinator.api.selection import (
    Test,
    Token,
    about,
    fitting,
    read_token,
    size_of,
    task_not_found,
    write_token,
)
from coordinator.api.translate import progress_to_wire
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.tasks import RunOutcome, Task
from coordinator.replica.effects import RunWrite
from coordinator.wire.v1 import tasks_pb2 as wire

STRETCH = 500  # rows read at once while looking for some that fit
LIVE = frozenset({"assigned", "running", "stopping"})
STATUSES = (*sorted(LIVE), "ended")
OUTCOMES = tuple(outcome.value for outcome in RunOutcome)
WITHOUT_ERROR = ("", RunOutcome.SUCCEEDED.value)

RunTest = Callable[[StoredRun, Task | None], bool]


class RunLists:
    """One per server; any member can answer."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def look(self, request: wire.RunsRequest, ends_at: float) -> wire.RunsResponse:
        """Without `answer`. `ends_at`: loop seconds; a search that takes longer ends with what it has.

        Raises Rejected: no such task or run, a field that does not fit, a count that took too long.
        """
        if request.allocation_id:
            return await self._one(request)
        limit = size_of(request.limit, "limit")
        tests = _tests(request, self._door.replica.now.wall)
        kind = _kind(request)
        if request.count_only:
            return await self._count(request, tests, ends_at)
        if request.group_by:
            return await self._grouped(request, tests, kind, limit, ends_at)
        return await self._page(request, tests, kind, limit, ends_at)

    async def _one(self, request: wire.RunsRequest) -> wire.RunsResponse:
        run = await self._door.run_of(request.id, request.allocation_id)
        task = self._task(request.id)
        if run is None:
            raise self._unknown_run(request, task)
        return wire.RunsResponse(runs=[self._shown(run, task)])

    async def _page(
        self, request: wire.RunsRequest, tests: RunTest, kind: int, limit: int, ends_at: float
    ) -> wire.RunsResponse:
        before = request.before_allocation_id
        if request.page_token:
            before = int(read_token(request.page_token, kind).after)
        found: list[tuple[StoredRun, Task | None]] = []
        seen, more = before, False
        async for run in self._source(request, before, limit + 1):
            if loop_time() > ends_at:
                more = True
                break
            task = self._task(run.task_id)
            if tests(run, task):
                if len(found) == limit:
                    more = True
                    break
                found.append((run, task))
            seen = run.allocation_id
        if more and not seen:
            raise from_failure("timed_out", "no run could be looked at in the time given")
        if request.id and not found and not before and self._task(request.id) is None:
            raise task_not_found(request.id)
        runs = [await self._with_error(run, task) for run, task in found]
        token = write_token(Token(kind, 0, str(seen))) if more else ""
        return wire.RunsResponse(runs=runs, next_page=token)

    async def _count(
        self, request: wire.RunsRequest, tests: RunTest, ends_at: float
    ) -> wire.RunsResponse:
        count = 0
        async for run in self._source(request, 0, STRETCH):
            _in_time(ends_at)
            count += tests(run, self._task(run.task_id))
        return wire.RunsResponse(count=count)

    async def _grouped(
        self, request: wire.RunsRequest, tests: RunTest, kind: int, limit: int, ends_at: float
    ) -> wire.RunsResponse:
        after = read_token(request.page_token, kind).after if request.page_token else ""
        name_of = group_by(request.group_by)
        groups = Groups(limit, after)
        async for run in self._source(request, 0, STRETCH):
            _in_time(ends_at)
            task = self._task(run.task_id)
            if tests(run, task):
                groups.add(name_of(run, task), run.outcome or run_status(run, task))
        last = groups.last_if_more()
        token = write_token(Token(kind, 0, last)) if last else ""
        return wire.RunsResponse(groups=groups.told(), next_page=token)

    # -- where runs come from -----------------------------------------------------------------------

    async def _source(
        self, request: wire.RunsRequest, before: int, wanted: int
    ) -> AsyncIterator[StoredRun]:
        """Newest first. `wanted`: so many are looked at, if the first ones fit."""
        named = [request.id] if request.id else list(request.filter.ids)
        if request.filter.statuses and LIVE.issuperset(request.filter.statuses):
            for run in self._live(request, before):
                yield run
            return
        stretch, fresh = min(wanted, STRETCH), True
        while True:
            if len(named) == 1:
                rows = await self._door.runs_of(named[0], stretch, before)
            else:
                rows = await self._door.runs_before(before, stretch, fresh=fresh)
            for row in rows:
                yield row
            if len(rows) < stretch:
                return
            before, fresh, stretch = rows[-1].allocation_id, False, STRETCH

    def _live(self, request: wire.RunsRequest, before: int) -> Iterable[StoredRun]:
        """From the records, of which the newest are held in order, a page of them at most."""
        limit = size_of(request.limit, "limit") + 1
        tests = _tests(request, self._door.replica.now.wall)
        if request.count_only or request.group_by:
            return (_of_record(task) for task in self._with_node(request))
        fit = (
            run
            for task in self._with_node(request)
            if (not before or task.allocation_id < before) and tests(run := _of_record(task), task)
        )
        return heapq.nlargest(limit, fit, key=lambda run: run.allocation_id)

    def _with_node(self, request: wire.RunsRequest) -> Iterable[Task]:
        state = self._door.replica.state
        node = request.filter.node
        names = (NodeName(node),) if node else tuple(state.on_node)
        return (state.tasks[i] for name in names for i in state.on_node.get(name, ()))

    # -- how they are told --------------------------------------------------------------------------

    def _task(self, task_id: str) -> Task | None:
        return self._door.replica.state.tasks.get(TaskId(task_id))

    def _shown(self, run: StoredRun, task: Task | None) -> wire.Run:
        replica = self._door.replica
        found = run_to_wire(run, task, replica.now.wall)
        if task is not None and found.status in LIVE:
            progress = replica.live.progress_of(task.id, task.allocation_id)
            if progress is not None:
                found.progress.CopyFrom(progress_to_wire(progress))
        return found

    async def _with_error(self, run: StoredRun, task: Task | None) -> wire.Run:
        found = self._shown(run, task)
        if not found.error and found.outcome not in WITHOUT_ERROR:
            found.error = await self._door.error_of(run.task_id, run.allocation_id) or b""
        return found

    def _unknown_run(self, request: wire.RunsRequest, task: Task | None) -> Rejected:
        """Says whether the task exists, and whether the node it was on is a member (PT-75)."""
        name = f"{request.id}#{request.allocation_id}"
        if task is None:
            gone = f"there is no run {name}, nor a task {request.id}"
            return Rejected(Code.NOT_FOUND, "run_not_found", gone, {"task_exists": "no"})
        last = task.last_outcome.node if task.last_outcome is not None else ""
        node = request.filter.node or task.assignment.node or last
        member = self._door.replica.state.nodes.get(NodeName(node)) if node else None
        standing = member.status.value if member is not None else "no member"
        where = f"; {node} is {standing}" if node else ""
        text = f"there is no run {name}; task {request.id} is {task.status.value}{where}"
        metadata = {
            "task_exists": "yes",
            "current_allocation_id": str(task.allocation_id),
            "node": node,
            "node_is_member": "yes" if member is not None else "no",
        }
        return Rejected(Code.NOT_FOUND, "run_not_found", text, metadata)


def _of_record(task: Task) -> RunWrite:
    """The run in progress, as far as the record knows it."""
    return RunWrite(
        task.id,
        task.allocation_id,
        task.revision,
        executor=task.executor,
        attempt=task.attempt,
        cause=task.cause,
        node=task.assignment.node,
        incarnation=task.assignment.incarnation,
        due_at=task.due_at,
        assigned_at=task.assigned_at,
        started_at=task.started_at or None,
    )


def _kind(request: wire.RunsRequest) -> int:
    """A token is bound to all that was asked but the page."""
    asked = wire.RunsRequest()
    asked.CopyFrom(request)
    for field in ("limit", "read", "page_token", "before_allocation_id"):
        asked.ClearField(field)
    return content_hash(asked.SerializeToString(deterministic=True))


def _in_time(ends_at: float) -> None:
    if loop_time() > ends_at:
        raise from_failure("timed_out", "so many runs cannot be counted in the time given")


def _tests(request: wire.RunsRequest, now: int) -> RunTest:
    """Everything given must hold. Raises Rejected for words that nobody knows."""
    wanted = request.filter
    _known("status", wanted.statuses, STATUSES)
    _known("outcome", request.outcomes, OUTCOMES)
    of_run = [*_row_tests(request), *_time_tests(request)]
    of_record: Sequence[Test] = _tests_of_record(wanted)
    statuses, longer = frozenset(wanted.statuses), wanted.running_longer_ms

    def test(run: StoredRun, task: Task | None) -> bool:
        if not all(one(run) for one in of_run):
            return False
        if of_record and (task is None or not all(one(task) for one in of_record)):
            return False
        status = run_status(run, task) if statuses or longer else ""
        if statuses and status not in statuses:
            return False
        return not longer or (
            status in ("running", "stopping") and 0 < (run.started_at or 0) < now - longer
        )

    return test


def _tests_of_record(wanted: wire.Filter) -> list[Test]:
    """Runs of a series belong to it, so they never stand alone (TM-68)."""
    return about(wanted) + [lambda task: task.spec.schedule is None] * wanted.standalone


def _row_tests(request: wire.RunsRequest) -> list[Callable[[StoredRun], bool]]:
    wanted = request.filter
    tests: list[Callable[[StoredRun], bool]] = []
    if wanted.executor:
        of_executor = fitting(wanted.executor)
        tests.append(lambda run: of_executor(run.executor or ""))
    if wanted.id_pattern:
        named_so = fitting(wanted.id_pattern)
        tests.append(lambda run: named_so(run.task_id))
    if wanted.node:
        tests.append(lambda run: run.node == wanted.node)
    if wanted.ids:
        ids = frozenset(wanted.ids)
        tests.append(lambda run: run.task_id in ids)
    if request.outcomes:
        outcomes = frozenset(request.outcomes)
        tests.append(lambda run: run.outcome in outcomes)
    return tests


def _time_tests(request: wire.RunsRequest) -> list[Callable[[StoredRun], bool]]:
    """Runs that were there at some time of the range."""
    tests: list[Callable[[StoredRun], bool]] = []
    if request.since_at:
        tests.append(lambda run: run.ended_at is None or run.ended_at >= request.since_at)
    if request.until_at:
        tests.append(lambda run: (run.assigned_at or 0) < request.until_at)
    return tests


def _known(field: str, words: Iterable[str], known: Sequence[str]) -> None:
    for word in words:
        if word not in known:
            raise invalid(field, f"{word} is none of {', '.join(known)}")
