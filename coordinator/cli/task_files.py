"""Files of tasks: TOML (`[[task]]`), JSON or JSON lines, with the field names of JSON (EX-10).

What `list`, `get` and `watch` print can be given as it is: of a record the wish is taken (id, executor, params,
spec, whether it is to be paused), and what the cluster made of it is left behind. A value that cannot be is wrong usage
that names the task's number and the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from coordinator.cli.failures import usage
from coordinator.cli.reading import read_source, refuse_not_finite
from coordinator.client.durations import parse_duration
from coordinator.client.instants import parse_rfc3339

if TYPE_CHECKING:
    from coordinator.client.requests import NewTask

Value = TypeVar("Value")

_TOP = {
    "id",
    "executor",
    "params",
    "due_at",
    "paused",
    "require_assignment",
    "replace_finished",
    "spec",
}
_SPEC = {
    "priority", "cost", "timeout", "retry", "labels", "headers", "object", "retention",
    "cancel_grace", "exclusive", "isolation", "constraints", "parent", "schedule", "after", "until",
    "on_dependency_failure", "dedup_key", "within_occurrence", "reset_after", "invalid_state",
    "movable",
}  # fmt: skip
_AS_IT_STANDS = (
    "priority", "cost", "labels", "headers", "exclusive", "isolation", "parent", "after", "until",
    "on_dependency_failure", "dedup_key", "within_occurrence", "invalid_state", "movable",
)  # fmt: skip
# field of a new task -> what it is called in a file
_WRITTEN = {
    "timeout_ms": "timeout",
    "max_attempts": "retry.max_attempts",
    "backoff": "retry.backoff",
    "on_lost": "retry.on_lost",
    "cancel_grace_ms": "cancel_grace",
    "retention_ms": "retention",
    "reset_after_ms": "reset_after",
    "object_kind": "object.kind",
    "object_id": "object.id",
}
_RECORD = {"id", "executor", "params", "spec", "desired", "modified_revision"}  # of every record


def read_file(path: str) -> list[dict[str, Any]]:
    """The entries of a file, whatever its form. Raises Failure."""
    text = read_source(path, path)
    try:
        entries = _toml(text) if path.endswith(".toml") else _json(path, text)
    except (ValueError, RecursionError) as error:
        raise usage(f"{path}: {error}") from None
    if not all(isinstance(entry, dict) for entry in entries):
        raise usage(f"{path}: every task must be an object with id, executor, params, ...")
    return entries


def _toml(text: str) -> list[Any]:
    import tomllib

    return _listed(tomllib.loads(text))


def _json(path: str, text: str) -> list[Any]:
    try:
        return _listed(json.loads(text))
    except ValueError as whole:
        try:
            return [json.loads(row) for row in text.splitlines() if row.strip()]
        except ValueError:
            if path == "-" and "[[task]]" in text:
                return _toml(text)
            raise ValueError(f"neither JSON nor JSON lines: {whole}") from None


def _listed(tree: Any) -> list[Any]:
    if isinstance(tree, list):
        return tree
    for key in ("task", "items"):
        if isinstance(tree, dict) and isinstance(tree.get(key), list):
            found: list[Any] = tree[key]
            return found
    return [tree]


def wish_in(entry: dict[str, Any]) -> dict[str, Any]:
    """Of a record that was printed by us, what was asked for; anything else as it is."""
    record = entry.get("task") if entry.get("kind") == "Change" else entry
    if not isinstance(record, dict) or not record.keys() >= _RECORD:
        return entry
    asked = _object(record, "spec")
    spec = {name: value for name, value in asked.items() if value not in (None, [], {})}
    wish = {name: record[name] for name in ("id", "executor", "params")}
    return wish | {
        "spec": spec,
        "due_at": spec.pop("due_at", None),
        "paused": record["desired"] == "paused",
    }


def to_task(entry: dict[str, Any], where: str) -> NewTask:
    """One entry; fields of the spec may stand in `spec` or beside it. Raises Failure naming the field."""
    try:
        return _task_of(wish_in(entry))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise usage(f"{where}: {error}") from None


def _task_of(wish: dict[str, Any]) -> NewTask:
    spec = {**_object(wish, "spec"), **{k: v for k, v in wish.items() if k in _SPEC}}
    unknown = sorted((set(wish) - _TOP - _SPEC) | (set(spec) - _SPEC))
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}")
    if not isinstance(wish.get("executor"), str):
        raise TypeError("executor is missing")
    refuse_not_finite(wish.get("params"), "params")
    fields = {name: wish.get(name) for name in _TOP - {"spec", "due_at"}}
    if wish.get("due_at"):
        fields["due_at"] = _read("due_at", wish["due_at"], _instant)
    fields |= _spec_fields(spec)
    return _checked({name: value for name, value in fields.items() if value is not None})


def _checked(fields: dict[str, Any]) -> NewTask:
    """The task, once it is sure that it can be sent. Raises ValueError naming the field, as the file has it."""
    import msgspec

    from coordinator.client.requests import NewTask
    from coordinator.client.to_wire import task_to_wire

    try:
        task = msgspec.convert(fields, NewTask)
    except msgspec.ValidationError as error:
        text, _, place = str(error).replace("`", "").replace(" | null", "").partition(" - at $.")
        name = re.split(r"[.\[]", place)[0]
        raise ValueError(f"{_WRITTEN.get(name, name)}: {text[:1].lower()}{text[1:]}") from None
    try:
        task_to_wire(task, "")
    except (ValueError, TypeError):
        for name, value in fields.items():
            alone = {"executor": task.executor, name: value}
            _read(name, alone, lambda one: task_to_wire(NewTask(**one), ""))
        raise
    return task


def _instant(value: Any) -> int:
    if isinstance(value, datetime):  # TOML has a form of its own for it
        value = value.isoformat()
    if not isinstance(value, str):
        raise TypeError(f"must be an instant such as 2026-11-21T14:00:00Z (got {value!r})")
    return parse_rfc3339(value)


def _read(name: str, value: Any, read: Callable[[Any], Value]) -> Value:
    """`read(value)`, whose objections name the field."""
    try:
        return read(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{_WRITTEN.get(name, name)}: {error}") from None


def _object(given: dict[str, Any], name: str, where: str = "") -> dict[str, Any]:
    """A part that holds fields of its own; empty if it is not there. Raises TypeError."""
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"{where}{name}: must be an object (got {value!r})")
    return value


def _spec_fields(spec: dict[str, Any]) -> dict[str, Any]:
    retry, about = _object(spec, "retry"), _object(spec, "object")
    attempts = retry.get("max_attempts")
    return {
        **{name: spec.get(name) for name in _AS_IT_STANDS},
        "timeout_ms": _limit(spec, "timeout"),
        "max_attempts": 0 if attempts == "unlimited" else attempts,
        "backoff": _backoff(_object(retry, "backoff", "retry.")),
        "on_lost": retry.get("on_lost"),
        "cancel_grace_ms": _limit(spec, "cancel_grace"),
        "retention_ms": _limit(spec, "retention"),
        "reset_after_ms": _limit(spec, "reset_after"),
        "constraints": _constraints(_object(spec, "constraints")),
        "object_kind": about.get("kind"),
        "object_id": about.get("id"),
        "schedule": _schedule(_object(spec, "schedule")),
    }


def _constraints(given: dict[str, Any]) -> dict[str, Any] | None:
    """Said to be wrong here, with the number of the task, and not in the middle of a call."""
    from coordinator.client.constraints import constraints_to_wire

    if given:
        constraints_to_wire(given)
    return given or None


def _schedule(given: dict[str, Any]) -> dict[str, Any] | None:
    """Said to be wrong here, too."""
    from coordinator.client.schedules import schedule_to_wire

    if given:
        schedule_to_wire(given)
    return given or None


def _limit(spec: dict[str, Any], name: str) -> int | None:
    text = spec.get(name)
    if text is None:
        return None
    return 0 if text == "none" else _span(name, text)


def _span(name: str, text: Any) -> int:
    if not isinstance(text, str):
        raise TypeError(f"{name}: must be a duration such as 90s (got {text!r})")
    return _read(name, text, parse_duration)


def _backoff(given: dict[str, Any]) -> dict[str, Any] | None:
    """`{}` is the default one; first, base and cap are durations."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        where = f"retry.backoff.{name}"
        if name in ("first", "base", "cap"):
            found[f"{name}_ms"] = _span(where, value)
        elif name in ("kind", "jitter"):
            if not isinstance(value, str):
                raise TypeError(f"{where}: must be a text (got {value!r})")
            found[name] = value
    return found or None
