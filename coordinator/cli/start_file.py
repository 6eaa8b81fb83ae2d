"""`taskctl start -f FILE`: many tasks at once, from TOML (`[[task]]`), JSON or JSON lines, with the field names of JSON.

What `list`, `get` and `watch` print can be given to it as it is: of a record the wish is taken (id, executor, params,
spec, whether it is to be paused), and what the cluster made of it is left behind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.cli import exits
from coordinator.cli.failures import describe, usage
from coordinator.cli.selection import Entry, report
from coordinator.cli.texts import dry_line
from coordinator.client.durations import parse_duration
from coordinator.client.instants import parse_rfc3339

if TYPE_CHECKING:
    from coordinator.cli.session import Session
    from coordinator.client.replies import CreatedItem
    from coordinator.client.requests import ChangeOptions, NewTask

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
_RECORD = {"id", "executor", "params", "spec", "desired", "modified_revision"}  # of every record


def start_many(
    session: Session, path: str, change: Callable[[], ChangeOptions], *, waits: bool = False
) -> int:
    """Create all tasks of a file; each succeeds or fails alone. `waits`: until those that were made have ended."""
    session.doing = f"start -f {path}"
    tasks = [to_task(entry, f"{path}: task {n}") for n, entry in enumerate(read_file(path), 1)]
    if not tasks:
        raise usage(f"{path}: no tasks in it")
    return session.run(lambda: _create(session, tasks, change(), waits=waits))


async def _create(
    session: Session, tasks: list[NewTask], change: ChangeOptions, *, waits: bool
) -> int:
    session.guard_change(dry_run=change.dry_run)
    reply = await session.client.create_many(tasks, change)
    entries = [
        _entry(item, task.executor, reply.answer.revision, dry_run=change.dry_run)
        for item, task in zip(reply.items, tasks, strict=True)
    ]
    if waits and not change.dry_run:
        from coordinator.cli.waits_many import until_they_end

        return await until_they_end(session, entries)
    code = report(session, entries)
    if session.out.is_table:
        made = sum(entry.failure is None for entry in entries)
        session.out.write(dry_line(f"{made} of {len(entries)} tasks", dry_run=change.dry_run))
    return code


def _entry(item: CreatedItem, executor: str, revision: int, *, dry_run: bool) -> Entry:
    if item.error is not None:
        item.error.metadata.setdefault("executor", executor)
        failure = describe(item.error, f"start {item.id}")
        word = "conflict" if failure.exit_code == exits.CONFLICT else "refused"
        return Entry(item.id, word, failure=failure)
    place = f"assigned to {item.node}" if item.node and item.status == "assigned" else item.status
    parts = [item.id, "" if item.created else "already there", place]
    if dry_run and item.created:
        parts[1:] = ["created"]
    if item.node:
        parts.append(f"allocation {item.allocation_id}")
    text = dry_line("  ".join(part for part in parts if part), dry_run=dry_run)
    word = "created" if item.created else "unchanged"
    return Entry(item.id, word, item.task, text, revision=revision, dry_run=dry_run)


def read_file(path: str) -> list[dict[str, Any]]:
    """The entries of a file, whatever its form. Raises Failure."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise usage(f"{path}: {error.strerror}") from None
    entries = _toml(path, text) if path.endswith(".toml") else _json(path, text)
    if not all(isinstance(entry, dict) for entry in entries):
        raise usage(f"{path}: every task must be an object with id, executor, params, ...")
    return entries


def _toml(path: str, text: str) -> list[Any]:
    import tomllib

    try:
        return _listed(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise usage(f"{path}: {error}") from None


def _json(path: str, text: str) -> list[Any]:
    try:
        return _listed(json.loads(text))
    except json.JSONDecodeError as whole:
        try:
            return [json.loads(row) for row in text.splitlines() if row.strip()]
        except json.JSONDecodeError:
            if path == "-" and "[[task]]" in text:
                return _toml(path, text)
            raise usage(f"{path}: neither JSON nor JSON lines: {whole}") from None


def _listed(tree: Any) -> list[Any]:
    if isinstance(tree, list):
        return tree
    for key in ("task", "items"):
        if isinstance(tree.get(key), list):
            found: list[Any] = tree[key]
            return found
    return [tree]


def wish_in(entry: dict[str, Any]) -> dict[str, Any]:
    """Of a record that was printed by us, what was asked for; anything else as it is."""
    record = entry.get("task") if entry.get("kind") == "Change" else entry
    if not isinstance(record, dict) or not record.keys() >= _RECORD:
        return entry
    spec = {name: value for name, value in record["spec"].items() if value not in (None, [], {})}
    wish = {name: record[name] for name in ("id", "executor", "params")}
    return wish | {
        "spec": spec,
        "due_at": spec.pop("due_at", None),
        "paused": record["desired"] == "paused",
    }


def to_task(entry: dict[str, Any], where: str) -> NewTask:
    """One entry; fields of the spec may stand in `spec` or beside it. Raises Failure naming the field."""
    from coordinator.client.requests import NewTask

    entry = wish_in(entry)
    spec = {**entry.get("spec", {}), **{k: v for k, v in entry.items() if k in _SPEC}}
    unknown = sorted((set(entry) - _TOP - _SPEC) | (set(spec) - _SPEC))
    if unknown:
        raise usage(f"{where}: unknown field {', '.join(unknown)}")
    if not isinstance(entry.get("executor"), str):
        raise usage(f"{where}: executor is missing")
    try:
        return NewTask(
            executor=entry["executor"],
            id=entry.get("id") or "",
            params=entry.get("params", {}),
            due_at=parse_rfc3339(entry["due_at"]) if entry.get("due_at") else None,
            paused=entry.get("paused", False),
            require_assignment=entry.get("require_assignment", False),
            replace_finished=entry.get("replace_finished", False),
            **_spec_fields(spec),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise usage(f"{where}: {error}") from None


def _spec_fields(spec: dict[str, Any]) -> dict[str, Any]:
    retry = spec.get("retry") or {}
    attempts = retry.get("max_attempts")
    about = spec.get("object") or {}
    fields = {
        "priority": spec.get("priority"),
        "cost": spec.get("cost"),
        "timeout_ms": _limit(spec.get("timeout")),
        "max_attempts": 0 if attempts == "unlimited" else attempts,
        "backoff": _backoff(retry.get("backoff")),
        "on_lost": retry.get("on_lost"),
        "cancel_grace_ms": _limit(spec.get("cancel_grace")),
        "retention_ms": _limit(spec.get("retention")),
        "exclusive": spec.get("exclusive"),
        "isolation": spec.get("isolation"),
        "labels": spec.get("labels") or {},
        "headers": spec.get("headers") or {},
        "constraints": _constraints(spec.get("constraints")),
        "object_kind": about.get("kind", ""),
        "object_id": about.get("id", ""),
        "parent": spec.get("parent"),
        "schedule": _schedule(spec.get("schedule")),
        "after": spec.get("after"),
        "until": spec.get("until"),
        "on_dependency_failure": spec.get("on_dependency_failure"),
        "dedup_key": spec.get("dedup_key"),
        "within_occurrence": spec.get("within_occurrence"),
        "reset_after_ms": _limit(spec.get("reset_after")),
        "invalid_state": spec.get("invalid_state"),
        "movable": spec.get("movable"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _constraints(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """Said to be wrong here, with the number of the task, and not in the middle of a call."""
    from coordinator.client.constraints import constraints_to_wire

    if given:
        constraints_to_wire(given)
    return given or None


def _schedule(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """Said to be wrong here, too."""
    from coordinator.client.schedules import schedule_to_wire

    if given:
        schedule_to_wire(given)
    return given or None


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    return 0 if text == "none" else parse_duration(text)


def _backoff(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """`{}` is the default one; first, base and cap are durations."""
    if not given:
        return None
    kept = {name: given[name] for name in ("kind", "jitter") if name in given}
    spans = {
        f"{name}_ms": parse_duration(given[name])
        for name in ("first", "base", "cap")
        if name in given
    }
    return kept | spans
