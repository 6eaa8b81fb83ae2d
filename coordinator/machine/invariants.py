"""What must be true of every state, after every command. A broken one is a bug.

`check` walks everything: after each step in tests and simulation, never on a hot path. In
production the clauses themselves check what is cheap (see `fit.take_allocation`, `apply_batch`).
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.machine.failures import InvariantBroken, UpgradeNeeded
from coordinator.machine.series import is_exhausted
from coordinator.model import limits
from coordinator.model.concurrency import SCOPES
from coordinator.model.nodes import NodeStatus
from coordinator.model.schedules import Series
from coordinator.model.settings import objection, rule_of
from coordinator.model.state import ClusterState
from coordinator.model.tasks import HAS_NODE, Code, Desired, Status, StopReason, Task

__all__ = ["InvariantBroken", "UpgradeNeeded", "check"]

FOREVER = 2**62
INDEXES = (
    "on_node",
    "use",
    "limit_runs",
    "of_executor",
    "unassigned",
    "children",
    "dependents",
    "dedup",
    "held",
    "status_counts",
    "active_tasks",
    "recurring",
)


def check(state: ClusterState) -> None:
    """Raise InvariantBroken, saying what and which, unless all holds. O(everything)."""
    for broken in _broken(state):
        raise InvariantBroken(broken)


def _broken(state: ClusterState) -> Iterator[str]:
    allocations: dict[int, str] = {}
    for task in state.tasks_by_id():
        found = (
            *_placement(state, task),
            *_life(task),
            *_pause(task),
            *_run(task),
            *_series(task),
            *_history(state, task),
        )
        for what in found:
            yield f"task {task.id} ({task.status}): {what}"
        other = allocations.setdefault(task.allocation_id, task.id)
        if other != task.id:
            yield f"tasks {other} and {task.id} share allocation id {task.allocation_id}"
    yield from _nodes(state)
    yield from _members(state)
    yield from _indexes(state)
    yield from _rest(state)


def _placement(state: ClusterState, task: Task) -> Iterator[str]:
    """A node exactly in the statuses that have one, and only a living one that has the room."""
    placed = task.assignment
    if (placed.node is not None) != (task.status in HAS_NODE):
        yield f"node {placed.node}"
    if (placed.node is None) != (placed.incarnation is None):
        yield f"node {placed.node}, but incarnation {placed.incarnation}"
    if placed.node is not None:
        node = state.nodes.get(placed.node)
        if node is None or node.status in (NodeStatus.LOST, NodeStatus.LEFT):
            yield f"its node {placed.node} is gone"
        elif node.incarnation != placed.incarnation:
            yield f"assigned to {placed.incarnation}, but {node.name} is {node.incarnation}"
    if placed.code is Code.ASSIGNED and placed.node is None:
        yield f"code {placed.code} with node {placed.node}"
    if placed.code is Code.MOVE_PENDING:
        node = state.nodes.get(placed.node) if placed.node is not None else None
        if node is None or node.drain is None or task.status is Status.STOPPING:
            yield f"code {placed.code}, but {placed.node} does not drain or it is on its way"
    if not 0 < task.allocation_id <= state.last_allocation_id:
        yield f"allocation id {task.allocation_id}, last given {state.last_allocation_id}"


def _life(task: Task) -> Iterator[str]:
    """Status, wishes and instants agree."""
    if not task.is_terminal and (task.finished_at or task.expires_at):
        yield f"finished_at {task.finished_at}, expires_at {task.expires_at}"
    if task.is_terminal and task.declared and task.expires_at:
        yield f"expires at {task.expires_at}, but its executor declares it"
    elif task.is_terminal and not task.declared and task.expires_at < task.finished_at:
        yield f"expires_at {task.expires_at} before its end {task.finished_at}"
    if task.is_terminal and task.purge:
        yield "was to be removed at its end"
    if task.status is not Status.WAITING and task.wake_at:
        yield f"wake_at {task.wake_at}"
    if (task.status is Status.STOPPING) != (task.stop_reason is not None):
        yield f"stop reason {task.stop_reason}"
    cancelled = (Status.STOPPING, Status.CANCELLED)
    if task.desired is Desired.CANCELLED and task.status not in cancelled:
        yield "was cancelled, but goes on"
    if task.stop_reason is StopReason.CANCEL and task.desired is not Desired.CANCELLED:
        yield "is being cancelled, but that is not desired"


def _pause(task: Task) -> Iterator[str]:
    """Only who is to be paused is, or has an end of it."""
    if task.paused_until and (task.desired is not Desired.PAUSED or task.is_terminal):
        yield f"paused until {task.paused_until}, but {task.status} and desired {task.desired}"
    if task.status is Status.PAUSED and task.desired is not Desired.PAUSED:
        yield f"paused, but desired {task.desired}"


def _series(task: Task) -> Iterator[str]:
    """A recurring task has a series; while it runs or is pending it says which occurrence that is, and only then."""
    series = task.series
    if (series is None) != (task.spec.schedule is None):
        yield f"schedule {task.spec.schedule}, but series {series}"
    if series is None:
        return
    waits = task.status in (Status.WAITING, Status.PAUSED) and not task.wake_at
    idle = task.is_terminal or (waits and task.assignment.code is not Code.HELD_FOR_NODE)
    if idle != (series.occurrence is None):
        yield f"its occurrence is {series.occurrence}"
    if series.queue and series.occurrence is None:
        yield f"holds {series.queue} back for nothing"
    if task.is_terminal and (series.next.fire_at or series.extra_at or series.needs):
        yield f"has ended, but goes on with {series.next}"
    yield from _occurrences(task, series)
    if series.last_fate is not None and series.last_fate.last > series.latest:
        yield f"its latest fate is of {series.latest}, but of {series.last_fate.last}"


def _occurrences(task: Task, series: Series) -> Iterator[str]:
    """What is to come does come, and what was said of the present run holds as long as it runs."""
    current, goes_on = series.occurrence, task.desired is Desired.RUNNING and not task.is_terminal
    if goes_on and is_exhausted(series):
        yield "nothing of it will ever come, but it has not ended"
    if current is not None and current.replaced and task.status is not Status.STOPPING:
        yield "its run was to make room, but is not stopping"
    if current is not None and current.asked and task.has_node:
        yield "its run is waited for, but it has a node"
    shown = series.queue if current is None else (current, *series.queue)
    if goes_on and any(one.while_paused for one in shown):
        yield "runs although it is paused, but it is not"
    if any(one.placed or one.attempts or one.asked for one in series.queue):
        yield f"holds back what has begun: {series.queue}"
    times = [one.fire_at for one in shown if one.fire_at]
    if len(set(times)) < len(times):
        yield f"one fire time is there twice: {times}"


def _run(task: Task) -> Iterator[str]:
    """What waits for the end of a run has one to wait for."""
    if (task.next_policy, task.next_limits) != (None, None) and not task.has_node:
        yield "a policy waits for the end of its run, but it has none"
    if (task.rerun or task.stop_text) and task.status is not Status.STOPPING:
        yield "its run was asked to end, but is not stopping"
    if task.assignment.code is Code.HELD_FOR_NODE and task.status is not Status.WAITING:
        yield "is held for a node, but does not wait"


def _history(state: ClusterState, task: Task) -> Iterator[str]:
    """Counters within bounds, nothing from the future."""
    limit = task.policy.max_attempts
    exhausts = limit and task.series is None  # a series never does (TM-36)
    used_up = exhausts and task.attempts >= limit and task.status is not Status.FAILED
    if task.attempts < 0 or (used_up and not task.edited_revision):  # an edit may lower the limit
        yield f"{task.attempts} attempts of {limit}"
    if task.losses < 0:
        yield f"{task.losses} losses"
    if not task.created_revision <= task.revision <= state.revision:
        yield f"revision {task.revision} in a state at {state.revision}"
    if not task.created_at <= task.updated_at <= state.at:
        yield f"updated at {task.updated_at} in a state at {state.at}"
    last = task.last_outcome
    if last is not None and last.allocation_id >= task.allocation_id:
        yield f"its last run {last.allocation_id} is not before {task.allocation_id}"
    if task.state_allocation_id > task.allocation_id:
        yield f"its state was written under {task.state_allocation_id}"
    if len(task.state or b"") > limits.STATE_BYTES_MAX:
        yield f"state of {len(task.state or b'')} bytes"


def _nodes(state: ClusterState) -> Iterator[str]:
    for node in state.nodes_by_name():
        if node.counter > state.node_counters.get(node.uid, 0):
            yield f"node {node.name}: counter {node.counter} is not remembered"
        if node.status is NodeStatus.READY and node.gone_at:
            yield f"node {node.name} ({node.status}): gone_at {node.gone_at}"
    for name in sorted(state.drains):
        if name in state.nodes:
            yield f"node {name}: its drain is kept as that of an unknown node"
    for name in state.on_node:
        if name not in state.nodes:
            yield f"node {name} holds tasks, but is not known"


def _members(state: ClusterState) -> Iterator[str]:
    """Each under its own id, name and address; only who leaves may share the last two with who joins."""
    change = state.member_change
    if change is not None and not 0 < change.revision <= state.revision:
        yield f"member change of revision {change.revision} in a state at {state.revision}"
    leaving = change.leaving if change is not None else 0
    for number, record in sorted(state.members.items()):
        if number != record.id or not 0 < number <= state.last_member_id:
            yield f"member {record.id} under {number}, last given {state.last_member_id}"
    staying = [record for record in state.members_by_id() if record.id != leaving]
    for what in ("name", "address"):
        if len({getattr(record, what) for record in staying}) < len(staying):
            yield f"two members have one {what}: {staying}"


def _indexes(state: ClusterState) -> Iterator[str]:
    """Every index is what a rebuild gives."""
    rebuilt = ClusterState()
    for task in state.tasks_by_id():
        rebuilt.put_task(task)
    for name in INDEXES:
        if getattr(state, name) != getattr(rebuilt, name):
            yield f"index {name} is {getattr(state, name)}, but should be {getattr(rebuilt, name)}"
    if state.records_bytes != rebuilt.records_bytes:
        yield f"records_bytes is {state.records_bytes}, but should be {rebuilt.records_bytes}"
    for what, found, expected in (
        ("wake", state.wakes_until, rebuilt.wakes_until),
        ("fire", state.fires_until, rebuilt.fires_until),
        ("deadline", state.deadlines_until, rebuilt.deadlines_until),
        ("expiry", state.expired_until, rebuilt.expired_until),
    ):
        present = [task.id for task in found(FOREVER, len(state.tasks))]
        if present != [task.id for task in expected(FOREVER, len(state.tasks))]:
            yield f"the {what} times are not those of the records"


def _rest(state: ClusterState) -> Iterator[str]:
    if len(state.requests) > limits.REQUESTS_REMEMBERED:
        yield f"{len(state.requests)} request ids remembered"
    stamps = [first.at for _, first in state.requests.oldest()]
    if stamps != sorted(stamps) or (stamps and stamps[-1] > state.at):
        yield "request ids are not remembered in the order of their entries"
    if len(state.nodes) > limits.NODES_MAX:
        yield f"{len(state.nodes)} nodes"
    unknown = sorted(key for key in state.settings.values if rule_of(key) is None)
    if unknown:
        yield f"unknown settings {', '.join(unknown)}"
    for (scope, key), override in sorted(state.limit_overrides.items()):
        if scope not in SCOPES or not key or not 0 <= override.max <= limits.LIMIT_MAX:
            yield f"the limit of {scope} {key!r} is overridden with {override.max}"
    yield from _pauses(state)
    if (wrong := objection(state.settings)) is not None:
        yield wrong
    floor = state.reassign_floor
    if floor is not None and not 0 < floor.revision <= state.revision:
        yield f"reassign floor of revision {floor.revision} in a state at {state.revision}"


def _pauses(state: ClusterState) -> Iterator[str]:
    for name, pause in sorted(state.paused_executors.items(), key=lambda one: one[0]):
        if not name or not pause.reason or pause.at > state.at:
            yield f"{name!r} is paused since {pause.at} for {pause.reason!r}"
