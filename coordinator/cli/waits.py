"""Waiting as commands do it: status changes as lines on stderr, the final one on stdout, the outcome as exit code."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from coordinator.cli import exits
from coordinator.cli.output import tell
from coordinator.cli.session import Session
from coordinator.cli.task_texts import compact, ended_run, where
from coordinator.client.conditions import condition_text, holds, task_value
from coordinator.client.errors import TimedOut
from coordinator.client.replies import Waited
from coordinator.client.requests import Condition
from coordinator.client.views import Task
from coordinator.client.waiting import wait_until


class StayedUnassigned(Exception):
    """The task had no node for as long as `--give-up-unassigned` allows."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.id)
        self.task = task


class Follower:
    """Tells each change of one task's status, and knows since when it has had no node."""

    def __init__(self, session: Session, after_revision: int = 0) -> None:
        self._quiet = session.out.is_json
        self._last = ""
        self.task: Task | None = None
        self.revision = after_revision
        self.unassigned_since: float | None = None

    def seen(self, task: Task) -> None:
        """A new version of the record."""
        self.task = task
        self.revision = max(self.revision, task.modified_revision)
        if task.status != "unassigned":
            self.unassigned_since = None
        elif self.unassigned_since is None:
            self.unassigned_since = time.monotonic()
        text = where(task)
        # The end of a task ends the wait, and is told as its result.
        if text != self._last and self._last and not self._quiet and not task.is_finished:
            tell(f"{task.id}  {text}")
        self._last = text


async def follow(
    session: Session,
    task_id: str,
    conditions: Sequence[Condition],
    *,
    give_up_s: float | None = None,
    follower: Follower | None = None,
) -> Waited:
    """Wait for one task. Raises TimedOut with what it was waiting for, StayedUnassigned."""
    follower = follower or Follower(session)
    waiting = asyncio.ensure_future(
        wait_until(
            session.client,
            task_id,
            conditions,
            timeout_s=session.left_s,
            on_change=follower.seen,
            after_revision=follower.revision,
        )
    )
    try:
        while not waiting.done():
            await asyncio.wait([waiting], timeout=None if give_up_s is None else 0.1)
            since = follower.unassigned_since
            if waiting.done() or give_up_s is None or since is None:
                continue
            if time.monotonic() - since >= give_up_s and follower.task is not None:
                raise StayedUnassigned(follower.task)
        return waiting.result()
    except TimedOut as error:
        raise _told(error, follower.task, conditions, session) from None
    finally:
        waiting.cancel()


def _told(
    error: TimedOut, task: Task | None, conditions: Sequence[Condition], session: Session
) -> TimedOut:
    wanted = " or ".join(condition_text(one) for one in conditions) or "end"
    now = f"; it is {where(task)}" if task is not None else ""
    limit = f" within {session.timeout_s:g} s" if session.timeout_s is not None else ""
    return TimedOut(f"no {wanted}{limit}{now}", reason="timed_out", metadata=error.metadata)


def exit_of_wait(reply: Waited, conditions: Sequence[Condition] = ()) -> int:
    """0 when what was asked for came about or the task succeeded; else how it ended."""
    task = reply.task
    if reply.gone or task is None:
        return exits.OK if any(one.kind == "gone" for one in conditions) else exits.NOT_FOUND
    if any(one.kind in ("status", "path") and holds(one, task) for one in conditions):
        return exits.OK
    last = task.last_outcome.outcome if task.last_outcome is not None else ""
    if not task.is_finished and _is_for_run(conditions):
        return _OF_OUTCOME.get(last, exits.OK)
    return exits.code_of_status(task.status)


_OF_OUTCOME = {
    "failed": exits.TASK_FAILED,
    "timed_out": exits.TASK_FAILED,
    "cancelled": exits.TASK_CANCELLED,
}


def _is_for_run(conditions: Sequence[Condition]) -> bool:
    """Of a task that goes on: what was awaited by itself is a run (EX-11)."""
    return not conditions or any(one.kind == "run" for one in conditions)


def final_line(task: Task, conditions: Sequence[Condition]) -> str:
    """`hello  running on n1  state.tick = 5`: where it is, and what was waited for."""
    parts = [task.id]
    if not task.is_finished and _is_for_run(conditions) and task.last_outcome is not None:
        parts.append(f"run {task.last_outcome.allocation_id} {ended_run(task.last_outcome)}")
    parts.append(where(task))
    shown = dict.fromkeys(one.path for one in conditions if one.kind == "path")
    parts += [f"{path} = {compact(task_value(task, path))}" for path in shown]
    return "  ".join(parts)


def show_final(
    session: Session, reply: Waited, conditions: Sequence[Condition], name: str = ""
) -> None:
    """The final state of one task on stdout; `name` is the one to tell where no record came along."""
    task = reply.task
    if task is None:
        view = {"id": name or None, "status": "gone"}
        session.out.single("Task", reply.answer, view, name, lambda: f"{name}  gone".strip())
        return
    text = f"{task.id}  gone" if reply.gone else final_line(task, conditions)
    session.out.single("Task", reply.answer, task, task.id, lambda: text)
