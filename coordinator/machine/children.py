"""Tasks that belong to another: who may still start one, and whom the end of a parent takes along (PT-77, PT-78)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from coordinator.machine.commands import CreateTask
from coordinator.machine.fates import overtaken
from coordinator.machine.outcome import Refusal, Refused
from coordinator.machine.records import finished, is_fenced, not_found, store
from coordinator.machine.stopping import ask_to_stop
from coordinator.model.events import Event, TaskChanged
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, Status, StopReason, Task


def refuse_child(state: ClusterState, command: CreateTask) -> Refused | None:
    """Refuse a task whose parent has ended or is to end. Checked here, so a start in flight is refused whoever leads."""
    if not command.spec.parent:
        return None
    parent = state.tasks.get(TaskId(command.spec.parent))
    if parent is None:
        missing = not_found(TaskId(command.spec.parent))
        return missing if command.by_run is None else replace(missing, code=Refusal.PARENT_ENDED)
    if parent.is_terminal or parent.desired is Desired.CANCELLED:
        ended = parent.status if parent.is_terminal else "being cancelled"
        detail = f"parent {parent.id} is {ended}"
        return Refused(Refusal.PARENT_ENDED, detail, parent.allocation_id)
    if command.by_run is not None and not is_fenced(parent, *command.by_run):
        detail = f"current allocation is {parent.allocation_id}"
        return Refused(Refusal.PARENT_ENDED, detail, parent.allocation_id)
    return None


def take_descendants_along(state: ClusterState, event: Event) -> None:
    """Cancel what belongs to a task that has just been cancelled or failed for good."""
    why = _why(event)
    if why and isinstance(event, TaskChanged) and event.new is not None:
        for child in list(_unfinished(state, event.new)):
            _cancel(state, child, f"parent {event.new.id} {why}")


def _why(event: Event) -> str:
    """How a task has just come to an end that its descendants share; empty: it has not."""
    if not isinstance(event, TaskChanged) or event.new is None:
        return ""
    old, new = event.old, event.new
    if new.desired is Desired.CANCELLED and (old is None or old.desired is not Desired.CANCELLED):
        return "was cancelled"
    if new.status is Status.FAILED and (old is None or old.status is not Status.FAILED):
        return "failed"
    return ""


def _unfinished(state: ClusterState, parent: Task) -> Iterator[Task]:
    """Children that go on, in order; of those that have ended, theirs. Not those of an earlier record of that id."""
    open_ones = [_children(state, parent)]  # no recursion: generations are without limit
    while open_ones:
        child = next(open_ones[-1], None)
        if child is None:
            open_ones.pop()
        elif child.is_terminal:
            open_ones.append(_children(state, child))
        elif child.desired is not Desired.CANCELLED:
            yield child


def _children(state: ClusterState, parent: Task) -> Iterator[Task]:
    for child_id in sorted(state.children.get(parent.id, ())):
        child = state.tasks[child_id]
        if child.created_revision >= parent.created_revision:
            yield child


def _cancel(state: ClusterState, child: Task, why: str) -> None:
    wanted = overtaken(state, child, "cancelled")
    wanted = replace(wanted, desired=Desired.CANCELLED, paused_until=0)
    if child.has_node:
        ask_to_stop(state, replace(wanted, rerun=False), StopReason.CANCEL, why)
        return
    over = replace(wanted, assignment=Assignment(code=Code.FINISHED, explanation=why))
    store(state, finished(state, over, Status.CANCELLED))
