"""The public client: asynchronous, for tasks directly and for the cluster under `.cluster`.

```python
async with Client(["127.0.0.1:7101", "127.0.0.1:7102"]) as client:
    made = await client.create(NewTask(executor="demo.noop", id="hello"))
    ended = await client.wait("hello", timeout_s=60)
```

A change gets its request id before the first try, and the retry loop keeps it, so calling once is enough: either the
answer comes, or an error of `errors.py` says whether nothing was done (`Unavailable`), or perhaps (`OutcomeUnknown`).
A client belongs to the event loop in which it is first used.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from coordinator.client import from_wire, methods, replies
from coordinator.client.calls import Caller, Observer, Plan
from coordinator.client.ensuring import Ensuring
from coordinator.client.items import Items
from coordinator.client.many_tasks import ManyTasks
from coordinator.client.requests import (
    ChangeOptions,
    Condition,
    Edit,
    Filter,
    NewTask,
)
from coordinator.client.routing import Directory
from coordinator.client.series_from_wire import fire_time_of
from coordinator.client.task_changes import TaskChanges
from coordinator.client.to_wire import (
    change_to_wire,
    condition_to_wire,
    in_parts,
    task_to_wire,
)
from coordinator.client.views import Answer, Json
from coordinator.wire.v1 import tasks_pb2 as wire

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from coordinator.client.cluster_client import ClusterClient
    from coordinator.client.views import LogLine, Task
    from coordinator.client.watch import WatchEvent

TIMEOUT_S = 10.0
_SLACK_S = 1.0  # the server answers a wait at its own deadline: leave it time to do so


class Client(ManyTasks, TaskChanges, Ensuring):
    """One client of one cluster. `addresses` are host:port of some members; the others are learnt.

    `timeout_s` is the time that a call may take with all its repeats, unless the call names its own.
    `observer` is told of each answered call.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        timeout_s: float = TIMEOUT_S,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(Caller(Directory(addresses), observer), timeout_s)
        self._cluster: ClusterClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        await self._caller.close()

    def limit(self, seconds: float) -> None:
        """Whatever is called from now on ends within so many seconds, all of it together."""
        self._caller.ends_at = time.monotonic() + seconds

    @property
    def addresses(self) -> tuple[str, ...]:
        """All members known by now."""
        return self._caller.directory.members

    @property
    def cluster(self) -> ClusterClient:
        """Nodes, members, executors, settings, health."""
        if self._cluster is None:
            from coordinator.client.cluster_client import ClusterClient

            self._cluster = ClusterClient(self._caller, self._timeout_s)
        return self._cluster

    async def create(
        self, task: NewTask, change: ChangeOptions | None = None, *, timeout_s: float | None = None
    ) -> replies.Created:
        """Create a task, once, however often it is repeated. Raises Conflict, InvalidRequest, LimitReached, ..."""
        change = change or ChangeOptions()
        made = task_to_wire(task, change.request_id)
        request = wire.CreateRequest(change=change_to_wire(change), task=made)
        reply = await self._caller.call(methods.CREATE, request, self._plan(timeout_s, change))
        return replies.Created(
            from_wire.answer_of(reply.answer),
            from_wire.task_of(reply.task),
            reply.created,
            reply.validated,
            [fire_time_of(one) for one in reply.fire_times],
            reply.deduplicated,
        )

    async def create_many(
        self,
        tasks: Sequence[NewTask],
        change: ChangeOptions | None = None,
        *,
        brief: bool = False,
        timeout_s: float | None = None,
    ) -> replies.CreatedMany:
        """Create tasks; each succeeds or fails alone. `brief` leaves the records out of the answer.

        More than one call carries (1,000 tasks, 3.5 MiB) are sent in several, one after the other; their request ids
        are that of `change` with a number behind it, so that a repeat of the whole is harmless as well.
        """
        change = change or ChangeOptions()
        items: list[replies.CreatedItem] = []
        answer = Answer()
        seed = change.request_id
        made = [
            task_to_wire(task, seed and f"{seed}/{n}", f"tasks.{n}.params")
            for n, task in enumerate(tasks)
        ]
        for number, part in enumerate(in_parts(made)):
            request_id = change.request_id + (f".{number + 1}" if number else "")
            options = replace(change, request_id=request_id)
            request = wire.CreateManyRequest(
                change=change_to_wire(options), tasks=part, brief=brief
            )
            plan = self._plan(timeout_s, options)._replace(parts=Items())
            reply = await self._caller.call(methods.CREATE_MANY, request, plan)
            answer = from_wire.answer_of(reply.answer)
            items += [from_wire.created_item_of(item) for item in reply.items]
        return replies.CreatedMany(answer, items)

    async def wait_round(
        self,
        task_id: str,
        conditions: Sequence[Condition],
        *,
        after_revision: int = 0,
        timeout_s: float,
    ) -> replies.Waited:
        """One round of a wait: ends when a condition holds, the task has ended, its record changed after
        `after_revision` (if not 0), or the time is over. `met` tells the first from the others.
        """
        request = wire.WaitRequest(
            id=task_id,
            conditions=[condition_to_wire(condition) for condition in conditions],
            deadline_ms=max(1, round(timeout_s * 1000)),
            after_revision=after_revision,
        )
        reply = await self._caller.call(
            methods.WAIT, request, Plan(timeout_s + _SLACK_S, patient=True)
        )
        return from_wire.waited_of(reply)

    async def wait(
        self, task_id: str, conditions: Sequence[Condition] = (), *, timeout_s: float | None = None
    ) -> replies.Waited:
        """Wait until a condition holds (none given: until it has ended) or the task has ended. Raises TimedOut."""
        from coordinator.client.waiting import wait_until

        return await wait_until(self, task_id, conditions, timeout_s=timeout_s)

    async def call(
        self,
        task_id: str,
        method: str,
        payload: Json = None,
        *,
        timeout_s: float | None = None,
    ) -> replies.Called:
        """Ask the run of a task something: its executor's `on_call` answers. Nothing of it is kept.

        Repeated until the time is over while there is no run (`not_assigned`) or it moves (`not_here`), so a call may
        reach it twice. Raises Conflict (these two, `call_failed`, `already_finished`), NotSupported, TimedOut, ...
        """
        from coordinator.client.run_calls import call_run

        allowed = self._timeout_s if timeout_s is None else timeout_s
        return await call_run(self._caller, task_id, method, payload, allowed)

    async def update_with(
        self,
        task_ids: Sequence[str],
        make: Callable[[Task], Edit | None],
        change: ChangeOptions | None = None,
        *,
        timeout_s: float | None = None,
    ) -> replies.ChangedMany:
        """Read each task, `make` an edit of it (None: leave it), write it unless it has changed meanwhile (TM-33).

        Who met a conflict is read and tried again, at most twice; then its entry says `conflict`. Entries as in
        `cancel_many`, in the order of the ids. `make` should only look at the task: it may be called again.
        """
        from coordinator.client.update_with import update_with

        return await update_with(self, task_ids, make, change or ChangeOptions(), timeout_s)

    def watch(
        self,
        selection: Filter | None = None,
        *,
        after_revision: int | None = None,
        progress: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """Changes in order, without gap or duplicate, over the loss of any member. Raises WatchReset; Unavailable when
        nobody answers from the start.

        Without `after_revision` a snapshot of what is there comes first.
        """
        return self.open_watch(selection, progress=progress).events(after_revision)

    def logs(
        self,
        task_id: str,
        *,
        allocation_id: int = 0,
        follow: bool = False,
        level: str = "",
        since_at: int = 0,
    ) -> AsyncIterator[tuple[list[LogLine], int]]:
        """Batches of (lines, dropped so far) of a run (0: the latest); with `follow` until the run has ended."""
        from coordinator.client.logs import LogReader

        reader = LogReader(self._caller, self._timeout_s)
        request = wire.LogsRequest(
            id=task_id, allocation_id=allocation_id, follow=follow, level=level, since_at=since_at
        )
        return reader.batches(request)
