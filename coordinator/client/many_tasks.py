"""The calls of a client that are about many tasks at once: cancel, wait for, watch all that match."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from coordinator.client import from_wire, methods, replies
from coordinator.client.items import Items
from coordinator.client.requests import ChangeOptions, Filter
from coordinator.client.task_reads import TaskReads
from coordinator.client.to_wire import change_to_wire, filter_to_wire
from coordinator.client.views import Answer, Task
from coordinator.wire.v1 import tasks_pb2 as wire

if TYPE_CHECKING:
    from coordinator.client.watch import OnReconnect, Watch

_AT_ONCE = 1_000


class ManyTasks(TaskReads):
    """The part of `Client` that takes a filter where others take an id."""

    async def cancel_many(
        self,
        selection: Filter,
        change: ChangeOptions | None = None,
        *,
        purge: bool = False,
        grace_ms: int | None = None,
        timeout_s: float | None = None,
    ) -> replies.CancelledMany:
        """Cancel for good all tasks that match, one entry for each id; each succeeds or fails alone.

        Without ids in it, the filter is asked once for the tasks it means; then these are cancelled as far as they
        still match, so that a repeat is about the same ones. With ids, each is answered, in the order given: unknown
        ones `not_found`, finished ones `refused` (`already_finished`), those that do not match `skipped`.
        """
        change = change or ChangeOptions()
        ids = list(dict.fromkeys(selection.ids)) or await self._matching(selection)
        items: list[replies.CancelledItem] = []
        answer = Answer()
        for first in range(0, len(ids), _AT_ONCE):
            chosen = replace(selection, ids=ids[first : first + _AT_ONCE])
            request = wire.CancelManyRequest(
                change=change_to_wire(change),
                filter=filter_to_wire(chosen),
                purge=purge,
                grace_ms=grace_ms,
            )
            plan = self._plan(timeout_s, change)._replace(parts=Items())
            reply = await self._caller.call(methods.CANCEL_MANY, request, plan)
            answer = from_wire.answer_of(reply.answer)
            items += [from_wire.cancelled_item_of(item) for item in reply.items]
        return replies.CancelledMany(answer, items)

    async def _matching(self, selection: Filter) -> Sequence[str]:
        return [task.id async for page in self.pages(selection) for task in page.tasks]

    async def wait_all(
        self,
        selection: Filter,
        *,
        until: Callable[[Task], bool] | None = None,
        any_one: bool = False,
        ignoring: Collection[str] = (),
        timeout_s: float | None = None,
    ) -> replies.WaitedMany:
        """Wait until all tasks that match now (`any_one`: one of them) have ended, or `until` holds for each.

        `until` may be any test of a record; a task that has ended or is gone is not waited for any longer. Code that
        runs as a task names itself in `ignoring`. Raises TimedOut.
        """
        from coordinator.client.waiting_many import ManyWait

        wait = ManyWait(self, until=until)
        return await wait.run(selection, any_one=any_one, ignoring=ignoring, timeout_s=timeout_s)

    def open_watch(
        self,
        selection: Filter | None = None,
        *,
        progress: bool = False,
        on_reconnect: OnReconnect | None = None,
    ) -> Watch:
        """A watch whose `revision` can be read while its events are, and that tells of reconnections."""
        from coordinator.client.watch import Watch

        return Watch(
            self._caller, selection or Filter(), progress=progress, on_reconnect=on_reconnect
        )
