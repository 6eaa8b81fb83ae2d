"""The calls of a client that are about many tasks at once: change, wait for, watch all that match."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace as msgspec_replace

from coordinator.client import from_wire, methods, replies
from coordinator.client.channels import Method
from coordinator.client.errors import InvalidRequest
from coordinator.client.items import Items
from coordinator.client.requests import ChangeOptions, Edit, Filter
from coordinator.client.task_reads import TaskReads
from coordinator.client.to_wire import (
    change_to_wire,
    filter_to_wire,
    retry_to_wire,
    update_to_wire,
)
from coordinator.client.views import Answer, Task
from coordinator.wire.v1 import tasks_pb2 as wire

if TYPE_CHECKING:
    from coordinator.client.watch import OnLoss, OnReconnect, Watch

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
    ) -> replies.ChangedMany:
        """Cancel for good all tasks that match, one entry for each id; each succeeds or fails alone.

        Without ids in it, the filter is asked once for the tasks it means; then these are cancelled as far as they
        still match, so that a repeat is about the same ones. With ids, each is answered, in the order given: unknown
        ones `not_found`, finished ones `refused` (`already_finished`), those that do not match `skipped`. With
        `purge` records are removed once they have ended; of an object those of finished tasks as well.

        `ChangeOptions(all_or_nothing=True)` makes it one command: all are changed, or, where one is refused, not there
        or no match any more, none; the others are then `refused` (`not_done`). It takes at most 1,000 tasks and 4 MiB.
        Raises InvalidRequest for more.
        """
        if purge and selection.object_kind and not selection.statuses:
            selection = msgspec_replace(selection, include_finished=True)
        request = wire.CancelManyRequest(purge=purge, grace_ms=grace_ms)
        return await self._many(methods.CANCEL_MANY, request, selection, change, timeout_s)

    async def pause_many(
        self,
        selection: Filter,
        change: ChangeOptions | None = None,
        *,
        running: str = "",
        until_at: int = 0,
        clear_state: bool | Sequence[str] = False,
        timeout_s: float | None = None,
    ) -> replies.ChangedMany:
        """As `pause`, for all that match; entries as in `cancel_many`. `clear_state`: of all, or of these ids alone."""
        subset = [] if isinstance(clear_state, bool) else list(dict.fromkeys(clear_state))
        pause = wire.PauseRequest(
            running=running, until_at=until_at, clear_state=clear_state is True
        )
        request = wire.ChangeManyRequest(pause=pause, clear_state_of=subset)
        return await self._many(methods.CHANGE_MANY, request, selection, change, timeout_s)

    async def resume_many(
        self,
        selection: Filter,
        change: ChangeOptions | None = None,
        *,
        no_catch_up: bool = False,
        timeout_s: float | None = None,
    ) -> replies.ChangedMany:
        """As `resume`, for all that match; entries as in `cancel_many`."""
        request = wire.ChangeManyRequest(resume=wire.ResumeRequest(no_catch_up=no_catch_up))
        return await self._many(methods.CHANGE_MANY, request, selection, change, timeout_s)

    async def retry_many(
        self,
        selection: Filter,
        change: ChangeOptions | None = None,
        *,
        again: bool = False,
        params: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> replies.ChangedMany:
        """As `retry`, for all that match; entries as in `cancel_many`."""
        request = wire.ChangeManyRequest(retry=retry_to_wire("", again=again, params=params))
        return await self._many(methods.CHANGE_MANY, request, selection, change, timeout_s)

    async def run_now_many(
        self,
        selection: Filter,
        change: ChangeOptions | None = None,
        *,
        queue: bool = False,
        replace: bool = False,
        timeout_s: float | None = None,
    ) -> replies.ChangedMany:
        """As `run_now`, for all that match; entries as in `cancel_many`."""
        request = wire.ChangeManyRequest(run_now=wire.RunNowRequest(queue=queue, replace=replace))
        return await self._many(methods.CHANGE_MANY, request, selection, change, timeout_s)

    async def update_many(
        self,
        selection: Filter,
        edit: Edit,
        change: ChangeOptions | None = None,
        *,
        timeout_s: float | None = None,
    ) -> replies.ChangedMany:
        """As `update`, the same edit for all that match; entries as in `cancel_many`, `deferred` where a run goes on first."""
        update = update_to_wire("", edit, ChangeOptions(request_id=""))
        request = wire.ChangeManyRequest(update=update)
        return await self._many(methods.CHANGE_MANY, request, selection, change, timeout_s)

    async def _many(
        self,
        method: Method[Any, wire.ChangeManyResponse],
        request: Any,
        selection: Filter,
        change: ChangeOptions | None,
        timeout_s: float | None,
    ) -> replies.ChangedMany:
        """In parts of 1,000 ids, one after the other. Raises InvalidRequest for more where they are to be one command."""
        change = change or ChangeOptions()
        request.change.CopyFrom(change_to_wire(change))
        subset = frozenset(getattr(request, "clear_state_of", ()))
        ids = list(dict.fromkeys(selection.ids)) or await self._matching(selection)
        if change.all_or_nothing and len(ids) > _AT_ONCE:
            why = f"is about at most {_AT_ONCE} tasks, these are {len(ids)}"
            raise InvalidRequest(f"all_or_nothing: {why}", violations=(("all_or_nothing", why),))
        items: list[replies.ChangedItem] = []
        answer = Answer()
        for first in range(0, len(ids), _AT_ONCE):
            chosen = msgspec_replace(selection, ids=ids[first : first + _AT_ONCE])
            request.filter.CopyFrom(filter_to_wire(chosen))
            if len(subset) > _AT_ONCE:  # more than a call takes: to each part its own
                request.clear_state_of[:] = [one for one in chosen.ids if one in subset]
            plan = self._plan(timeout_s, change)._replace(parts=Items())
            reply = await self._caller.call(method, request, plan)
            answer = from_wire.answer_of(reply.answer)
            items += [from_wire.changed_item_of(item) for item in reply.items]
        return replies.ChangedMany(answer, items)

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
        on_loss: OnLoss | None = None,
        on_reconnect: OnReconnect | None = None,
    ) -> Watch:
        """A watch whose `revision` can be read while its events are, and that tells of losses and reconnections."""
        from coordinator.client.watch import Watch

        return Watch(
            self._caller,
            selection or Filter(),
            timeout_s=self._timeout_s,
            progress=progress,
            on_loss=on_loss,
            on_reconnect=on_reconnect,
        )
