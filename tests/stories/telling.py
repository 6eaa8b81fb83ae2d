"""Values told in a line: outcomes, events, tasks, nodes."""

from __future__ import annotations

from coordinator.machine.members import described
from coordinator.machine.outcome import Accepted, Outcome
from coordinator.model.events import (
    Audited,
    DigestAgreed,
    Event,
    ExecutorsPaused,
    Fated,
    LimitsChanged,
    ManifestsChanged,
    MembersChanged,
    NodeChanged,
    RunEnded,
    SettingsChanged,
    TaskChanged,
)
from coordinator.model.nodes import Node
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Code, Status, Task
from tests.stories.telling_series import told_fate, told_series


def told_outcome(outcome: Outcome) -> str:
    if isinstance(outcome, Accepted):
        facts = [f for f in ("created", "unchanged", "removed") if getattr(outcome, f)]
        under = f" under {outcome.allocation_id}" if outcome.task_id else ""
        which = f": {outcome.task_id}{under}" if outcome.task_id else ""
        which += f": {len(outcome.parts)} together" if outcome.parts else ""
        cleared = f"; cleared {', '.join(outcome.cleared)}" if outcome.cleared else ""
        return f"accepted{', ' if facts else ''}{', '.join(facts)}{which}{cleared}"
    detail = f" ({outcome.detail})" if outcome.detail else ""
    because = f" of {outcome.task_id}" if outcome.task_id else ""
    return f"refused{because}: {outcome.code.value}{detail}"


def told_event(event: Event) -> list[str]:
    """The lines of one event; none for a change of a record that nobody would see, nor for what the request said."""
    match event:
        case TaskChanged(old, None) if old is not None:
            return [f"  {old.id}: removed"]
        case TaskChanged(_, new) if new is not None:
            return [f"  {told_task(new)}"]
        case RunEnded():
            said = f", said {event.reported}" if event.reported else ""
            why = f" ({event.reason})" if event.reason else ""
            outcome = event.outcome.value
            return [
                f"  run {event.task_id}#{event.allocation_id} on {event.node}: {outcome}{said}{why}"
            ]
        case Fated():
            return [told_fate(event)]
        case NodeChanged(name, _, new):
            return [f"  {told_node(new)}" if new is not None else f"  {name}: forgotten"]
        case _:
            return _told_of_cluster(event)


def _told_of_cluster(event: Event) -> list[str]:
    match event:
        case SettingsChanged(keys):
            return [f"  settings: {', '.join(keys)}"]
        case LimitsChanged(keys):
            return [f"  limits: {', '.join(keys)}"]
        case ExecutorsPaused(executors, by, reason):
            word = "paused" if reason else "resumed"
            return [f"  {', '.join(executors)}: {word} by {by}"]
        case ManifestsChanged(executors):
            return [f"  manifests: {', '.join(executors)}"]
        case MembersChanged():
            return ["  members"]
        case DigestAgreed(index, digest):
            return [f"  at {index} a majority has {digest}"]
        case Audited():
            return []
        case _:
            raise AssertionError(f"cannot tell {event}")


def told_task(task: Task) -> str:
    placed = task.assignment
    words = [task.status.value]
    if task.stop_reason is not None:
        words.append(f"({task.stop_reason.value})")
    if placed.node is not None:
        words.append(f"on {placed.node}")
    words.append(f"under {task.allocation_id}")
    facts = [_reason(task), *_counts(task), *told_series(task)]
    told = ", ".join(fact for fact in facts if fact)
    return f"{task.id}: {' '.join(words)}{'; ' if told else ''}{told}"


def told_members(state: ClusterState) -> list[str]:
    """A line for each, and one for the change under way."""
    told = [
        f"{one.id}: {one.name} at {one.address}, {one.storage_id or 'not seen yet'}"
        for one in state.members_by_id()
    ]
    change = state.member_change
    return told if change is None else [*told, f"under way: {described(state, change)}"]


def told_node(node: Node) -> str:
    drain = f", draining ({node.drain.kind}, {node.drain.reason})" if node.drain is not None else ""
    offers = " ".join(f"{offer.executor}@{offer.version}" for offer in node.offers)
    return (
        f"{node.name}: {node.status.value} {node.incarnation}, {node.units} units, {offers}{drain}"
    )


def _reason(task: Task) -> str:
    placed = task.assignment
    waits = placed.node is None or placed.code is Code.MOVE_PENDING
    if not waits or task.is_terminal:
        return ""
    text = f": {placed.explanation}" if placed.explanation else ""
    wait = (
        f" until +{(task.wake_at - task.updated_at) / 1000:g} s"
        if task.status is Status.WAITING and task.wake_at
        else ""
    )
    if task.paused_until:
        wait = f" until +{(task.paused_until - task.updated_at) / 1000:g} s"
    return f"{placed.code.value}{text}{wait}"


def _counts(task: Task) -> list[str]:
    told = []
    if task.attempts:
        told.append(f"attempts {task.attempts}")
    if task.losses:
        told.append(f"losses {task.losses}")
    if task.own_process:
        told.append("own process")
    if task.state is not None:
        told.append(f"state {task.state.decode()} by {task.state_allocation_id}")
    if task.purge:
        told.append("purge")
    if task.cause != "start":
        told.append(f"cause {task.cause}")
    return told
