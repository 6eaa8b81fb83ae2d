"""From what callers hand in to protobuf. Unset stays unset: the executor's policy fills it in on the leader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from coordinator.client.constraints import constraints_to_wire
from coordinator.client.json_bytes import json_bytes
from coordinator.client.requests import (
    ChangeOptions,
    Condition,
    Edit,
    Filter,
    NewTask,
    ReadOptions,
    new_task_id,
)
from coordinator.client.schedules import schedule_to_wire
from coordinator.wire.v1 import tasks_pb2 as wire

BATCH_MAX = 1_000
BATCH_BYTES = 3_500_000

_SAME_NAME = (
    "due_at",
    "priority",
    "cost",
    "timeout_ms",
    "max_attempts",
    "on_lost",
    "cancel_grace_ms",
    "retention_ms",
    "exclusive",
    "isolation",
    "within_occurrence",
    "reset_after_ms",
    "invalid_state",
    "movable",
)


def spec_to_wire(task: NewTask) -> wire.TaskSpec:
    """What is asked for; None is left out."""
    asked: dict[str, Any] = {
        name: value for name in _SAME_NAME if (value := getattr(task, name)) is not None
    }
    if task.backoff is not None:
        asked["backoff"] = wire.Backoff(**task.backoff)
    if task.constraints:
        asked["constraints"] = constraints_to_wire(task.constraints)
    if task.schedule:
        asked["schedule"] = schedule_to_wire(task.schedule)
    return wire.TaskSpec(
        labels=task.labels,
        headers=task.headers,
        object_kind=task.object_kind,
        object_id=task.object_id,
        parent=task.parent,
        after=task.after,
        until=task.until,
        on_dependency_failure=task.on_dependency_failure,
        dedup_key=task.dedup_key,
        **asked,
    )


def retry_to_wire(
    task_id: str, *, again: bool, params: Mapping[str, Any] | None
) -> wire.RetryRequest:
    """`params` are merged into those of the task."""
    patch = b"" if params is None else json_bytes(params, "params")
    return wire.RetryRequest(id=task_id, again=again, params=patch, merge_params=True)


def update_to_wire(task_id: str, edit: Edit, change: ChangeOptions) -> wire.UpdateRequest:
    """The fields that the edit names, under a mask."""
    named = {name: getattr(edit, name) for name in (*_SAME_NAME, "backoff", "object", "schedule")}
    given = {name: value for name, value in named.items() if value is not msgspec.UNSET}
    spec = wire.TaskSpec(labels={k: v for k, v in edit.labels.items() if v is not None})
    for name, value in given.items():
        if value is None:
            continue
        if name == "backoff":
            spec.backoff.CopyFrom(wire.Backoff(**value))
        elif name == "object":
            spec.object_kind, spec.object_id = value
        elif name == "schedule":
            spec.schedule.CopyFrom(schedule_to_wire(value))
        else:
            setattr(spec, name, value)
    has_state = edit.state is not msgspec.UNSET
    return wire.UpdateRequest(
        change=change_to_wire(change),
        id=task_id,
        params=b"" if edit.params is msgspec.UNSET else json_bytes(edit.params, "params"),
        merge_params=not edit.all_params,
        spec=spec,
        mask=[*given, *(f"labels.{key}" for key in edit.labels)],
        restart=edit.restart,
        set_state=has_state,
        state=json_bytes(edit.state, "state") if has_state and edit.state is not None else b"",
        executor_version=edit.executor_version,
    )


def task_to_wire(task: NewTask, request_id: str, field: str = "params") -> wire.NewTask:
    """A task to create; one without an id gets one here, so before its first try. `field`: what its params are called."""
    return wire.NewTask(
        id=task.id or new_task_id(task.executor, request_id),
        executor=task.executor,
        params=json_bytes(task.params, field) if task.params else b"",
        spec=spec_to_wire(task),
        paused=task.paused,
        require_assignment=task.require_assignment,
        replace_finished=task.replace_finished,
    )


def in_parts(tasks: Sequence[wire.NewTask]) -> Iterator[list[wire.NewTask]]:
    """Lists that one call can carry each: at most 1,000 tasks and about 3.5 MiB."""
    part: list[wire.NewTask] = []
    size = 0
    for task in tasks:
        own = task.ByteSize()
        if part and (len(part) == BATCH_MAX or size + own > BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(task)
        size += own
    if part:
        yield part


def change_to_wire(change: ChangeOptions) -> wire.Change:
    """How to change."""
    return wire.Change(
        request_id=change.request_id,
        reason=change.reason,
        dry_run=change.dry_run,
        if_revision=change.if_revision,
        all_or_nothing=change.all_or_nothing,
    )


def read_to_wire(read: ReadOptions) -> wire.ReadOptions:
    """How to read."""
    return wire.ReadOptions(stale=read.stale, min_revision=read.min_revision)


def filter_to_wire(selection: Filter) -> wire.Filter:
    """Which tasks are meant."""
    return wire.Filter(
        label_terms=selection.labels,
        statuses=selection.statuses,
        executor=selection.executor,
        node=selection.node,
        parent=selection.parent,
        object_kind=selection.object_kind,
        object_id=selection.object_id,
        include_finished=selection.include_finished,
        ids=selection.ids,
        id_pattern=selection.id_pattern,
        running_longer_ms=selection.running_longer_ms,
        recurring=selection.recurring,
        standalone=selection.standalone,
    )


def condition_to_wire(condition: Condition) -> wire.Condition:
    """What a wait is for."""
    return wire.Condition(
        kind=condition.kind,
        status=condition.status,
        path=condition.path,
        op=condition.op,
        value=json_bytes(condition.value, "value") if condition.kind == "path" else b"",
        allocation_id=condition.allocation_id,
        revision=condition.revision,
    )
