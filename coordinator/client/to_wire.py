"""From what callers hand in to protobuf. Unset stays unset: the executor's policy fills it in on the leader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from coordinator.client.requests import (
    ChangeOptions,
    Condition,
    Filter,
    NewTask,
    ReadOptions,
    new_task_id,
)
from coordinator.wire.v1 import tasks_pb2 as wire

BATCH_MAX = 1_000
BATCH_BYTES = 3_500_000

_encode = msgspec.json.encode

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
)


def spec_to_wire(task: NewTask) -> wire.TaskSpec:
    """What is asked for; None is left out."""
    asked: dict[str, Any] = {
        name: value for name in _SAME_NAME if (value := getattr(task, name)) is not None
    }
    if task.backoff is not None:
        asked["backoff"] = wire.Backoff(**task.backoff)
    return wire.TaskSpec(
        labels=task.labels,
        headers=task.headers,
        object_kind=task.object_kind,
        object_id=task.object_id,
        **asked,
    )


def task_to_wire(task: NewTask) -> wire.NewTask:
    """A task to create; one without an id gets one here, so before its first try."""
    return wire.NewTask(
        id=task.id or new_task_id(task.executor),
        executor=task.executor,
        params=_encode(task.params) if task.params else b"",
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
    )


def condition_to_wire(condition: Condition) -> wire.Condition:
    """What a wait is for."""
    return wire.Condition(
        kind=condition.kind,
        status=condition.status,
        path=condition.path,
        op=condition.op,
        value=_encode(condition.value) if condition.kind == "path" else b"",
        allocation_id=condition.allocation_id,
        revision=condition.revision,
    )
