"""A new record: creating is idempotent, and takes the leader's choice of node in the same entry."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.children import refuse_child
from coordinator.machine.commands import CreateTask
from coordinator.machine.dependencies import (
    deduplicated,
    failed_dependency,
    failed_with,
    open_dependencies,
    refuse_dependencies,
    waits_for,
)
from coordinator.machine.fit import Demand, said, still_fits
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model import limits
from coordinator.model.schedules import Series
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, Status, Task, TaskSpec


def create_task(state: ClusterState, command: CreateTask) -> Outcome:
    """Same id and same spec: the stored record, unchanged (PT-21). Otherwise a new one."""
    if command.by_run is not None and (refused := refuse_child(state, command)) is not None:
        return refused
    old = state.tasks.get(command.task_id)
    if old is not None and not (command.replace_finished and old.is_terminal):
        return _same_or_refused(old, command)
    if (active := deduplicated(state, command)) is not None:
        return active
    refused = (
        refuse_child(state, command)
        or refuse_dependencies(state, command)
        or _over_limit(state, command, old)
    )
    if refused is not None:
        return refused
    status, assignment, wake_at = _placement(state, command)
    if command.require_assignment and status is Status.UNASSIGNED:
        return Refused(Refusal.UNPLACEABLE, said(assignment.code, assignment.explanation))
    if old is not None:
        state.drop_task(old.id)
    task = _new_record(state, command, status, assignment)
    if old is not None and old.executor == task.executor:
        task = replace(task, declared=command.declared or old.declared)
    if wake_at:
        task = replace(task, wake_at=wake_at)
    if task.spec.after and (failed := failed_dependency(state, task.spec)):
        task = failed_with(state, task, failed)
    state.put_task(task)
    return Accepted(task.id, task.allocation_id, created=True)


def _new_record(
    state: ClusterState, command: CreateTask, status: Status, assignment: Assignment
) -> Task:
    at, revision = state.at, state.revision
    executor, policy, spec = state.shared(command.executor, command.policy, command.spec)
    return Task(
        id=command.task_id,
        executor=executor,
        executor_version=command.executor_version,
        params=command.params,
        spec=spec,
        policy=policy,
        desired=Desired.PAUSED if command.paused else Desired.RUNNING,
        status=status,
        assignment=assignment,
        allocation_id=state.next_allocation_id(),
        created_at=at,
        updated_at=at,
        created_revision=revision,
        revision=revision,
        due_at=command.spec.due_at or 0,
        assigned_at=at if status is Status.ASSIGNED else 0,
        description=command.description,
        limits=command.limits,
        declared=command.declared,
        series=_new_series(state, command),
        waited=bool(command.spec.after) and not open_dependencies(state, command.spec),
    )


def _new_series(state: ClusterState, command: CreateTask) -> Series | None:
    """The leader says next when its first fire time is (TM-17)."""
    if command.spec.schedule is None:
        return None
    return Series(0, needs="first", since=state.at, first_at=command.first_at)


def _placement(state: ClusterState, command: CreateTask) -> tuple[Status, Assignment, int]:
    """Status, assignment and when to look at it again (0: not by time)."""
    if command.paused:
        return Status.PAUSED, Assignment(code=Code.PAUSED), 0
    if command.spec.schedule is not None:
        return Status.WAITING, Assignment(code=Code.NOT_DUE), 0
    if command.spec.after and (left := open_dependencies(state, command.spec)):
        return Status.WAITING, waits_for(left), 0
    due_at = command.spec.due_at
    if due_at is not None and due_at > state.at:
        return Status.WAITING, Assignment(code=Code.NOT_DUE), due_at
    chosen = command.assignment
    if chosen.node is None:
        return Status.UNASSIGNED, chosen, 0
    executor, version, cost = command.executor, command.executor_version, command.policy.cost
    objection = still_fits(state, chosen, Demand(executor, version, cost, command.limits))
    if objection is not None:
        return Status.UNASSIGNED, Assignment(code=objection.code, explanation=objection.text), 0
    return Status.ASSIGNED, chosen, 0


def active_full(state: ClusterState) -> Refused | None:
    """Refuse one more task that has not ended than the limit allows."""
    if state.active_tasks < limits.ACTIVE_TASKS_MAX:
        return None
    detail = f"{state.active_tasks} active tasks; at most {limits.ACTIVE_TASKS_MAX}"
    return Refused(Refusal.LIMIT_REACHED, detail)


def _over_limit(state: ClusterState, command: CreateTask, old: Task | None) -> Refused | None:
    if (refused := active_full(state)) is not None:
        return refused
    freed = len(old.params) + len(old.state or b"") if old is not None else 0
    return records_full(state, len(command.params) - freed)


def records_full(state: ClusterState, growth: int) -> Refused | None:
    """Refuse what makes all records together, each with its fixed part, larger than the limit."""
    held = state.records_bytes + len(state.tasks) * limits.RECORD_BYTES
    if growth > 0 and held + growth > limits.RECORDS_BYTES_MAX:
        return Refused(
            Refusal.LIMIT_REACHED,
            f"all records together are {held} bytes; at most {limits.RECORDS_BYTES_MAX}",
        )
    return None


def _same_or_refused(old: Task, command: CreateTask) -> Outcome:
    known_child = command.by_run is not None and old.spec.parent == command.spec.parent
    differing = [] if known_child else differing_fields(old, command)  # one child to a key (PT-77)
    if differing:
        return Refused(Refusal.ALREADY_EXISTS, ", ".join(differing), current=old.allocation_id)
    return Accepted(old.id, old.allocation_id, unchanged=True)


def differing_fields(old: Task, command: CreateTask) -> list[str]:
    """Names of what was asked differently, in the order of the record; empty: the same spec.

    Headers are those of the request and say nothing of the task: each try may have others.
    """
    differing = []
    if old.executor != command.executor:
        differing.append("executor")
    if old.params != command.params:
        differing.append("params")
    if old.spec != command.spec:
        differing += [
            name.removesuffix("_ms")
            for name in TaskSpec.__struct_fields__
            if name != "headers" and getattr(old.spec, name) != getattr(command.spec, name)
        ]
    if old.desired is not Desired.CANCELLED and command.paused != (old.desired is Desired.PAUSED):
        differing.append("paused")
    return differing
