"""What an edit asks for, merged into the record as it is (PT-33). Pure: whoever edits meanwhile is told by the law."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from coordinator.api.errors import invalid
from coordinator.api.translate import spec_from_wire
from coordinator.machine.commands import UpdateTask
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import OF_A_RUN, Task, TaskSpec
from coordinator.wire.v1 import tasks_pb2 as wire

PLAIN = (
    "due_at",
    "priority",
    "cost",
    "timeout_ms",
    "max_attempts",
    "backoff",
    "on_lost",
    "cancel_grace_ms",
    "retention_ms",
    "exclusive",
    "isolation",
    "schedule",
    "within_occurrence",
    "reset_after_ms",
    "invalid_state",
    "movable",
)
LABEL = "labels."
NEXT_RUN = frozenset({"params", "due_at", "labels", "executor_version", *OF_A_RUN})


def edit_of(task: Task | None, request: wire.UpdateRequest) -> UpdateTask:
    """The command. Raises Rejected: a field that nobody knows, params that are no JSON object."""
    params = merged(task, request.params, merge=request.merge_params)
    if request.executor_version and params is None and task is not None:
        params = task.params
    spec = None
    if request.mask:
        spec = masked(task.spec if task is not None else TaskSpec(), request.spec, request.mask)
    version = task.executor_version if task is not None else 1
    return UpdateTask(
        TaskId(request.id),
        task.edited_revision if task is not None else 0,
        params,
        request.executor_version,
        spec,
        None,
        request.restart,
        request.set_state,
        request.state or None,
        version,
        request.change.if_revision,
        request.change.reason,
    )


def merged(task: Task | None, params: bytes, *, merge: bool) -> bytes | None:
    """All params, or None where none were given. The same ones stay the very same bytes (PT-10). Raises Rejected."""
    if not params:
        return None
    asked = _object(params)
    if task is None:
        return params
    present = _object(task.params)
    wanted = patched(present, asked) if merge else asked
    if wanted == present and msgspec.json.encode(wanted) == msgspec.json.encode(present):
        return task.params
    return msgspec.json.encode(wanted) if merge else params


def patched(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7396): null drops a key, objects are merged, all else replaces."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            inner = result.get(key)
            result[key] = patched(inner if isinstance(inner, dict) else {}, value)
        else:
            result[key] = value
    return result


def masked(present: TaskSpec, asked: wire.TaskSpec, mask: Iterable[str]) -> TaskSpec:
    """The spec with the masked fields as asked; one that is unset there is asked for no more. Raises Rejected."""
    wanted = spec_from_wire(asked)
    changes: dict[str, Any] = {}
    labels = dict(present.labels)
    for name in mask:
        if name in PLAIN:
            changes[name] = getattr(wanted, name)
        elif name == "object":
            changes["object_kind"], changes["object_id"] = wanted.object_kind, wanted.object_id
        elif name == "labels":
            labels = dict(wanted.labels)
        elif name.startswith(LABEL):
            _set_label(labels, name.removeprefix(LABEL), dict(wanted.labels))
        else:
            known = ", ".join((*PLAIN, "object", "labels", f"{LABEL}KEY"))
            raise invalid("mask", f"there is no field {name}; known: {known}")
    return replace(present, labels=tuple(sorted(labels.items())), **changes)


def begins_at(task: Task, schedule: Schedule | None) -> bool:
    """Whether `due_at` says when the task is due, under this schedule: not of a series whose first time has been decided."""
    series = task.series
    has_begun = series is not None and bool(series.anchor) and series.needs != "first"
    return schedule is None or not has_begun


def check_due(task: Task, spec: TaskSpec) -> None:
    """Raises Rejected for another due time that nothing would come of."""
    if spec.due_at != task.spec.due_at and not begins_at(task, spec.schedule):
        raise invalid(
            "due_at",
            f"says when a series begins, and {task.id} has begun: "
            "change its schedule, whose start may be later, or run it now",
        )


def effects(request: wire.UpdateRequest, record: Task | None) -> tuple[list[str], list[str]]:
    """Names of what counts now, and of what the current run does not see."""
    names = ["params"] if request.params else []
    names += ["executor_version"] if request.executor_version else []
    names += [*request.mask, *(["state"] if request.set_state else [])]
    if record is None or not record.has_node or request.restart:
        return names, []
    later = [name for name in names if name.partition(".")[0] in NEXT_RUN]
    return [name for name in names if name not in later], later


def _set_label(labels: dict[str, str], key: str, asked: dict[str, str]) -> None:
    if key in asked:
        labels[key] = asked[key]
    else:
        labels.pop(key, None)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("params", f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise invalid("params", "must be a JSON object")
    return value
