"""Nodes come, change their offer, and go; what that does to the runs they held."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from coordinator.machine.commands import EndRun, JoinNode, LastWords, LoseNode, LoseRuns, Placement
from coordinator.machine.endings import end_run_of
from coordinator.machine.features import refuse_old_node
from coordinator.machine.leaving import NODE_LEFT
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import store
from coordinator.model import limits
from coordinator.model.events import ManifestsChanged
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.instants import Millis
from coordinator.model.nodes import Manifest, Node, NodeStatus
from coordinator.model.state import ClusterState
from coordinator.model.tasks import RunOutcome, Task

NEW_INCARNATION = "node_restarted"
GONE = (NodeStatus.LOST, NodeStatus.LEFT)


def join_node(state: ClusterState, command: JoinNode) -> Outcome:
    """A new incarnation, or the present one with another offer (PT-65, N1)."""
    present = state.nodes.get(command.name)
    if present is not None and _is_same_life(present, command):
        return _update_offer(state, present, command)
    refused = (
        refuse_old_node(state, command)
        or _stale_counter(state, command)
        or _name_in_use(state, present, command)
    )
    if refused is not None:
        return refused
    if present is None and len(state.nodes) >= limits.NODES_MAX:
        detail = f"{len(state.nodes)} nodes; at most {limits.NODES_MAX}"
        return Refused(Refusal.LIMIT_REACHED, detail)
    _keep_manifests(state, command.manifests)
    held, said = _held(state, command.name), _by_run(command.said)
    state.put_node(_record(state, command, present))
    hold_ms = present.drain.hold if present is not None and present.drain is not None else 0
    for task in held:
        words = said.get((task.id, task.allocation_id))
        end = _End(RunOutcome.LOST, NEW_INCARNATION, hold_ms=hold_ms, words=words)
        _end_unreported(state, task, end, None)
    return Accepted()


def lose_node(state: ClusterState, command: LoseNode) -> Outcome:
    """Its lease is over, or it said goodbye. Its runs end and are placed again (PT-64)."""
    node = state.nodes.get(command.name)
    refused = unless_incarnation(node, command.name, command.incarnation)
    if refused is not None or node is None:
        return refused or unknown_node(command.name)
    if node.status in GONE:
        return Accepted(unchanged=True)
    status = NodeStatus.LEFT if command.left else NodeStatus.LOST
    outcome = RunOutcome.ABORTED if command.left else RunOutcome.LOST
    reason = NODE_LEFT if command.left else command.reason or "node_lost"
    drain = None if node.status is NodeStatus.REMOVED else node.drain  # an operator is done with it
    state.put_node(replace(node, status=status, gone_at=state.at, drain=drain))
    placements = {placement.task_id: placement for placement in command.placements}
    said = _by_run(command.said)
    for task in _held(state, node.name):
        words = said.get((task.id, task.allocation_id))
        end = _End(outcome, reason, command.error, words=words)
        _end_unreported(state, task, end, placements.get(task.id))
    return Accepted()


def lose_runs(state: ClusterState, command: LoseRuns) -> Outcome:
    """Runs known to be over although nobody reported them. What has moved on is left alone."""
    node = state.nodes.get(command.name)
    refused = unless_incarnation(node, command.name, command.incarnation)
    if refused is not None:
        return refused
    placements = {placement.task_id: placement for placement in command.placements}
    said, unchanged = _by_run(command.said), True
    for task_id, allocation_id in command.runs:
        task = state.tasks.get(task_id)
        if (
            task is None
            or task.allocation_id != allocation_id
            or task.assignment.incarnation != command.incarnation
            or task.assignment.node != command.name
        ):
            continue
        reason = command.reason or "vanished"
        end = _End(RunOutcome.LOST, reason, words=said.get((task_id, allocation_id)))
        _end_unreported(state, task, end, placements.get(task_id))
        unchanged = False
    return Accepted(unchanged=unchanged)


def unknown_node(name: NodeName) -> Refused:
    return Refused(Refusal.NODE_NOT_FOUND, f"no node {name}")


def unless_incarnation(
    node: Node | None, name: NodeName, incarnation: Incarnation
) -> Refused | None:
    """Refuse what was decided about another life of the node."""
    if node is None:
        return unknown_node(name)
    if node.incarnation != incarnation:
        return Refused(
            Refusal.STALE_INCARNATION, f"{name} is {node.incarnation}, not {incarnation}"
        )
    return None


def _is_same_life(present: Node, command: JoinNode) -> bool:
    return (
        present.uid == command.uid
        and present.incarnation == command.incarnation
        and present.counter == command.counter
        and present.status is NodeStatus.READY
    )


def _update_offer(state: ClusterState, present: Node, command: JoinNode) -> Outcome:
    updated = replace(
        present,
        capacity=command.capacity,
        offers=command.offers,
        attributes=command.attributes,
        load_errors=command.load_errors,
    )
    news = _keep_manifests(state, command.manifests)
    if updated == present:
        return Accepted(unchanged=not news)
    state.put_node(updated)
    return Accepted()


def _stale_counter(state: ClusterState, command: JoinNode) -> Refused | None:
    last = state.node_counters.get(command.uid, 0)
    if command.counter > last:
        return None
    return Refused(
        Refusal.STALE_INCARNATION,
        f"counter {command.counter} of {command.name} is not above {last}",
    )


def _name_in_use(state: ClusterState, present: Node | None, command: JoinNode) -> Refused | None:
    """Another node, or the same one without proof that its earlier life is over."""
    if present is None or present.status in GONE:
        return None
    holds = bool(state.on_node.get(present.name))
    if present.uid != command.uid:
        if holds or present.status is NodeStatus.READY:
            detail = f"{present.name} is the name of another node, {present.incarnation}"
            return Refused(Refusal.NODE_NAME_IN_USE, detail)
    elif holds and not command.old_is_dead:
        detail = f"{present.incarnation} of {present.name} still holds tasks and may be alive"
        return Refused(Refusal.NODE_NAME_IN_USE, detail)
    return None


def _record(state: ClusterState, command: JoinNode, present: Node | None) -> Node:
    waits = state.drains.pop(command.name, None)
    drain = present.drain if present is not None else waits
    return Node(
        name=command.name,
        incarnation=command.incarnation,
        uid=command.uid,
        counter=command.counter,
        status=NodeStatus.READY,
        capacity=command.capacity,
        offers=command.offers,
        joined_at=state.at,
        attributes=command.attributes,
        load_errors=command.load_errors,
        drain=None if drain is None or drain.ends_with_the_node else drain,
        version=command.version,
        python=command.python,
        boot_id=command.boot_id,
        pid_namespace=command.pid_namespace,
        feature_level=command.feature_level,
        boot_counter=command.boot_counter,
        machine=_machine(present, command),
    )


def _machine(present: Node | None, command: JoinNode) -> str:
    """Where it runs; '' once that says nothing (N6).

    An earlier boot of a machine after a later one is an image of it, and the machine itself may run on: two of one id,
    whose boots have no order from then on. So it stays for as long as the record does.
    """
    if present is None or present.uid != command.uid:
        return command.machine
    is_another_boot = command.machine == present.machine and command.boot_id != present.boot_id
    is_earlier = is_another_boot and command.boot_counter < present.boot_counter
    return "" if is_earlier or not present.machine else command.machine


def _keep_manifests(state: ClusterState, manifests: tuple[Manifest, ...]) -> bool:
    """Each content once. Returns whether any was new."""
    news: dict[str, None] = {}
    for manifest in manifests:
        of_executor = state.manifests.setdefault(manifest.executor, {})
        if manifest.hash not in of_executor:
            of_executor[manifest.hash] = manifest
            news[manifest.executor] = None
    if news:
        state.events.append(ManifestsChanged(tuple(sorted(news))))
    return bool(news)


def _held(state: ClusterState, name: NodeName) -> list[Task]:
    """Sorted: the order of allocation ids must not come from a dict (I1)."""
    held: list[TaskId] = sorted(state.on_node.get(name, ()))
    return [state.tasks[task_id] for task_id in held]


class _End(NamedTuple):
    """How a run ends that nobody reports. `hold_ms`: so long its task waits for the node (PT-72)."""

    outcome: RunOutcome
    reason: str
    error: bytes | None = None
    hold_ms: Millis = 0
    words: LastWords | None = None


def _by_run(said: tuple[LastWords, ...]) -> dict[tuple[TaskId, AllocationId], LastWords]:
    return {(one.task_id, one.allocation_id): one for one in said}


def _end_unreported(
    state: ClusterState, task: Task, end: _End, placement: Placement | None
) -> None:
    """End a run that cannot speak for itself, as if it had reported this outcome."""
    holds = placement is not None and placement.expected == task.allocation_id
    report = EndRun(
        task.id,
        task.allocation_id,
        task.assignment.incarnation or Incarnation(""),
        end.outcome,
        reason=end.reason,
        error=end.error,
        logs=end.words.logs if end.words is not None else None,
        progress=end.words.progress if end.words is not None else None,
        retry_at=placement.retry_at if placement is not None and holds else 0,
        next=placement.assignment if placement is not None and holds else None,
        worker_died=False,
    )
    store(state, end_run_of(state, task, report, end.hold_ms))
