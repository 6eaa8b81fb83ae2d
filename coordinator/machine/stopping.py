"""How a run is asked to end. Whoever asks, the run keeps its node and its number until it has ended (PT-15)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.outcome import Accepted
from coordinator.model.instants import Millis
from coordinator.model.state import ClusterState
from coordinator.model.tasks import STRENGTH, Code, Status, StopReason, Task


def ask_to_stop(state: ClusterState, task: Task, reason: StopReason, text: str = "") -> Accepted:
    """A stronger reason replaces a weaker one, never the reverse. `task` may carry further changes.

    `text` is what the caller gave as reason; it goes with the word that prevails.
    """
    present = task.stop_reason
    if present is not None and STRENGTH[present] >= STRENGTH[reason]:
        reason, text = present, task.stop_text
    if reason is present and task == state.tasks[task.id]:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    placed = task.assignment
    if placed.code is Code.MOVE_PENDING:  # it waits for no destination any more
        placed = replace(placed, code=Code.ASSIGNED, explanation="")
    state.put_task(
        replace(
            task,
            status=Status.STOPPING,
            assignment=placed,
            stop_reason=reason,
            stop_text=text,
            stopping_since=task.stopping_since or state.at,
            updated_at=state.at,
            revision=state.revision,
        )
    )
    return Accepted(task.id, task.allocation_id)


def with_grace(task: Task, grace_ms: Millis) -> Task:
    """The record with another time for its present run to end; negative: its own. Runs after it have theirs (TM-1)."""
    if grace_ms < 0 or grace_ms == task.policy.cancel_grace_ms:
        return task
    policy = replace(task.policy, cancel_grace_ms=grace_ms)
    return replace(task, policy=policy, next_policy=task.next_policy or task.policy)
