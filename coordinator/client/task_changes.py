"""The half of `Client` that changes a task which is there: cancel, move, update, pause, resume, retry, run now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.client import from_wire, methods, replies
from coordinator.client.channels import Method
from coordinator.client.requests import ChangeOptions, Edit
from coordinator.client.task_reads import TaskReads
from coordinator.client.to_wire import change_to_wire, retry_to_wire, update_to_wire
from coordinator.wire.v1 import tasks_pb2 as wire


class TaskChanges(TaskReads):
    """On top of the reads. Each change may name its request id, expected revision and reason, or be a dry run."""

    async def cancel(
        self,
        task_id: str,
        change: ChangeOptions | None = None,
        *,
        grace_ms: int | None = None,
        purge: bool = False,
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """Cancel for good; needs no node. `purge` removes the record as soon as the task has ended."""
        request = wire.CancelRequest(id=task_id, purge=purge, grace_ms=grace_ms)
        return await self._changed(methods.CANCEL, request, change, timeout_s)

    async def cancel_run(
        self,
        task_id: str,
        change: ChangeOptions | None = None,
        *,
        allocation_id: int = 0,
        rerun: bool = False,
        grace_ms: int | None = None,
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """End the current run (only if it is `allocation_id`, unless 0), not the task: with `rerun` a one-off runs again."""
        request = wire.CancelRequest(
            id=task_id,
            scope="run",
            then="rerun" if rerun else "",
            allocation_id=allocation_id,
            grace_ms=grace_ms,
        )
        return await self._changed(methods.CANCEL, request, change, timeout_s)

    async def remove(
        self, task_id: str, change: ChangeOptions | None = None, *, timeout_s: float | None = None
    ) -> replies.Changed:
        """Remove a finished task's record. Raises Conflict `not_finished` for any other."""
        request = wire.CancelRequest(id=task_id, purge=True, finished_only=True)
        return await self._changed(methods.CANCEL, request, change, timeout_s)

    async def move(
        self,
        task_id: str,
        change: ChangeOptions | None = None,
        *,
        avoid: Sequence[str] = (),
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """Stop the run here and start it elsewhere; state kept, attempt not counted."""
        request = wire.UpdateRequest(id=task_id, move=True, avoid=avoid)
        return await self._changed(methods.UPDATE, request, change, timeout_s)

    async def update(
        self,
        task_id: str,
        edit: Edit,
        change: ChangeOptions | None = None,
        *,
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """Change params, spec or state. The answer names what counts now and what from the next run on.

        Raises InvalidRequest, Conflict (`already_finished`, `state_in_use`, `revision_mismatch`), ...
        """
        change = change or ChangeOptions()
        request = update_to_wire(task_id, edit, change)
        return await self._changed(methods.UPDATE, request, change, timeout_s)

    async def pause(
        self,
        task_id: str,
        change: ChangeOptions | None = None,
        *,
        running: str = "",
        until_at: int = 0,
        clear_state: bool = False,
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """Not wanted for now. `running`: stop or finish; by itself a recurring task's run finishes, any other is stopped.

        `until_at`: ms since 1970; then it is wanted again. 0: until somebody says so. The pause made last counts.
        `clear_state`: its state goes when no run exists any more.
        """
        request = wire.PauseRequest(
            id=task_id, running=running, until_at=until_at, clear_state=clear_state
        )
        return await self._changed(methods.PAUSE, request, change, timeout_s)

    async def resume(
        self,
        task_id: str,
        change: ChangeOptions | None = None,
        *,
        no_catch_up: bool = False,
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """Wanted again: now, or at its later due time.

        A recurring task runs once at once if a fire time passed meanwhile, unless `no_catch_up`; then by its timetable.
        """
        request = wire.ResumeRequest(id=task_id, no_catch_up=no_catch_up)
        return await self._changed(methods.RESUME, request, change, timeout_s)

    async def run_now(
        self,
        task_id: str,
        change: ChangeOptions | None = None,
        *,
        queue: bool = False,
        replace: bool = False,
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """Run once as soon as there is room, whatever its timetable says; the next fire time stays (TM-29).

        If it runs already: with `queue` once more afterwards, with `replace` in place of that run, else Conflict
        `already_running`. Raises Conflict (`paused`, `already_finished`), ...
        """
        request = wire.RunNowRequest(id=task_id, queue=queue, replace=replace)
        return await self._changed(methods.RUN_NOW, request, change, timeout_s)

    async def retry(
        self,
        task_id: str,
        change: ChangeOptions | None = None,
        *,
        again: bool = False,
        params: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> replies.Changed:
        """A failed task runs again under its id, with `params` merged into its own; with `again` one that succeeded, too."""
        request = retry_to_wire(task_id, again=again, params=params)
        return await self._changed(methods.RETRY, request, change, timeout_s)

    async def _changed(
        self,
        method: Method[Any, wire.ChangeResponse],
        request: Any,
        change: ChangeOptions | None,
        timeout_s: float | None,
    ) -> replies.Changed:
        change = change or ChangeOptions()
        request.change.CopyFrom(change_to_wire(change))
        reply = await self._caller.call(method, request, self._plan(timeout_s, change))
        return from_wire.changed_of(reply)
