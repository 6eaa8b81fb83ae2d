"""What the door looks at before anything is decided: sizes, shapes, bounds, the params' schema (PT-20)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing.jsonschema import EMPTY_REGISTRY

from coordinator.api.constraint_checks import check_constraints
from coordinator.api.errors import Code, Rejected, invalid, too_large
from coordinator.api.patterns import checker_of
from coordinator.api.schema_words import told
from coordinator.model import limits
from coordinator.model.instants import DAY, MINUTE, SECOND
from coordinator.model.nodes import Manifest
from coordinator.model.state import ClusterState
from coordinator.wire.v1 import internal_pb2 as internal
from coordinator.wire.v1 import tasks_pb2 as wire

REMEMBERED, REMEMBERED_BYTES = 5_000, 256
MAX_SCHEMAS = 2_000
LAST_INSTANT = 253_402_300_799_999  # the end of the year 9999: beyond it nobody can show it


def check_request_id(request_id: str) -> None:
    if len(request_id) > limits.REQUEST_ID_CHARS_MAX or not (
        request_id.isprintable() or not request_id
    ):
        raise invalid("request_id", "1 to 128 printable characters are allowed")


def check_new_task(new: wire.NewTask) -> None:
    """Everything that needs no state. Raises Rejected, naming the field."""
    check_task_id(new.id)
    if not new.executor:
        raise invalid("executor", "is missing")
    for name, value in (
        ("executor", new.executor),
        ("object_kind", new.spec.object_kind),
        ("object_id", new.spec.object_id),
    ):
        check_name(name, value)
    check_params_size(new.params)
    if new.spec.ByteSize():
        check_spec(new.spec)
    if new.spec.parent:
        check_task_id(new.spec.parent)


def check_params_size(params: bytes) -> None:
    if len(params) > limits.PARAMS_BYTES_MAX:
        raise too_large("params", limits.PARAMS_BYTES_MAX, len(params))


def check_spec(spec: wire.TaskSpec) -> None:
    """Labels, headers and bounds. Raises Rejected, naming the field."""
    _check_pairs(spec)
    _check_bounds(spec)


def check_task_id(task_id: str) -> None:
    size = len(task_id.encode())
    if not 1 <= size <= limits.TASK_ID_BYTES_MAX:
        raise invalid("id", f"{size} bytes, 1 to {limits.TASK_ID_BYTES_MAX} are allowed")
    if not task_id.isprintable() or task_id != task_id.strip():
        raise invalid("id", "only printable characters are allowed, and no blank at an end")


def check_name(field: str, value: str) -> None:
    """Raises Rejected for one that is too long or does not print; empty is no matter."""
    if len(value.encode()) > limits.NAME_BYTES_MAX or not value.isprintable():
        raise invalid(field, f"at most {limits.NAME_BYTES_MAX} printable bytes are allowed")


def check_node_name(name: str) -> None:
    """Of a node that may be unknown yet. Raises Rejected."""
    if not name:
        raise invalid("name", "is missing")
    check_name("name", name)


def check_registration(said: internal.Register) -> None:
    """A node's first words: what would stay in the state for ever has bounds."""
    for field in ("name", "node_uid", "incarnation"):
        if not getattr(said, field):
            raise invalid(field, "is missing")
        check_name(field, getattr(said, field))
    if not 0 <= said.capacity <= limits.NODE_CAPACITY_MAX:
        raise invalid("capacity", f"must be 0 .. {limits.NODE_CAPACITY_MAX} (got {said.capacity})")
    if len(said.attributes) > limits.LABELS_MAX:
        raise invalid("attributes", f"{len(said.attributes)} of them, at most {limits.LABELS_MAX}")
    for text in (text for pair in said.attributes.items() for text in pair):
        check_name("attributes", text)
    for manifest in said.manifests:
        check_name("manifests", manifest.name)


def _check_pairs(spec: wire.TaskSpec) -> None:
    if len(spec.labels) > limits.LABELS_MAX:
        raise invalid("labels", f"{len(spec.labels)} of them, at most {limits.LABELS_MAX}")
    for key, value in spec.labels.items():
        if not 1 <= len(key.encode()) <= limits.LABEL_KEY_BYTES_MAX or not key.isprintable():
            why = f"a key has 1 to {limits.LABEL_KEY_BYTES_MAX} printable bytes"
            raise invalid(f"labels.{key[: limits.LABEL_KEY_BYTES_MAX]}", why)
        if len(value.encode()) > limits.LABEL_VALUE_BYTES_MAX or not value.isprintable():
            why = f"a value has at most {limits.LABEL_VALUE_BYTES_MAX} printable bytes"
            raise invalid(f"labels.{key}", why)
    size = sum(len(k.encode()) + len(v.encode()) for k, v in spec.headers.items())
    if size > limits.HEADERS_BYTES_MAX:
        raise too_large("headers", limits.HEADERS_BYTES_MAX, size)
    if not all(text.isprintable() for pair in spec.headers.items() for text in pair):
        raise invalid("headers", "only printable characters are allowed")


_BOUNDS = {
    "priority": (1, 100),
    "cost": (0, 1_000),
    "max_attempts": (0, 1_000),
    "cancel_grace_ms": (0, 10 * MINUTE),
    "retention_ms": (0, 3_650 * DAY),
}
_BACKOFF_WORDS = {"kind": ("exponential", "fixed"), "jitter": ("full", "half", "none")}
_WORDS = {
    "on_lost": ("rerun", "fail"),
    "isolation": ("shared", "process"),
    "invalid_state": ("fail", "raw"),
}
_DEPENDENCY_WORDS = {
    "until": ("succeeded", "finished"),
    "on_dependency_failure": ("fail", "run"),
}


def _check_bounds(spec: wire.TaskSpec) -> None:
    check_constraints(spec.constraints)
    for name, (low, high) in _BOUNDS.items():
        if spec.HasField(name) and not low <= getattr(spec, name) <= high:
            raise invalid(name, f"must be {low} .. {high} (got {getattr(spec, name)})")
    for name, words in _WORDS.items():
        if spec.HasField(name) and getattr(spec, name) not in words:
            raise invalid(name, f"must be one of {', '.join(words)} (got {getattr(spec, name)})")
    timeout = spec.timeout_ms
    if spec.HasField("timeout_ms") and timeout and not SECOND <= timeout <= 30 * DAY:
        raise invalid("timeout", f"must be 1s .. 30d, or none (got {timeout} ms)")
    _check_dependencies(spec)
    reset = spec.reset_after_ms
    if spec.HasField("reset_after_ms") and reset and not SECOND <= reset <= 30 * DAY:
        raise invalid("reset_after", f"must be 1s .. 30d, or none (got {reset} ms)")
    if spec.HasField("due_at") and not 0 <= spec.due_at <= LAST_INSTANT:
        raise invalid("due_at", f"must be 0 .. {LAST_INSTANT} ms since 1970 (got {spec.due_at})")
    if spec.HasField("backoff"):
        _check_backoff(spec.backoff)


def _check_dependencies(spec: wire.TaskSpec) -> None:
    if len(spec.after) > limits.AFTER_MAX:
        raise invalid("after", f"{len(spec.after)} tasks, at most {limits.AFTER_MAX}")
    for task_id in spec.after:
        check_task_id(task_id)
    check_name("dedup_key", spec.dedup_key)
    for name, words in _DEPENDENCY_WORDS.items():
        value = getattr(spec, name)
        if value and value not in words:
            raise invalid(name, f"must be one of {', '.join(words)} (got {value})")


def _check_backoff(backoff: wire.Backoff) -> None:
    for name, words in _BACKOFF_WORDS.items():
        value = getattr(backoff, name)
        if value and value not in words:
            raise invalid(f"backoff.{name}", f"must be one of {', '.join(words)} (got {value})")
    for name in ("first_ms", "base_ms", "cap_ms"):
        if not 0 <= getattr(backoff, name) <= 30 * DAY:
            why = f"must be 0 .. 30d (got {getattr(backoff, name)} ms)"
            raise invalid(f"backoff.{name.removesuffix('_ms')}", why)


def content_hash(*parts: bytes) -> int:
    """63 bits of what was asked: the same request id must come with the same."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(4))
        digest.update(part)
    return int.from_bytes(digest.digest()) >> 1


class Schemas:
    """Params against the schema of the executor's newest manifest, compiled once per manifest."""

    def __init__(self) -> None:
        self._accepted: set[tuple[str, bytes]] = set()
        self._compiled: dict[str, Draft202012Validator | None] = {}

    def check_shape(self, executor: str, params: bytes) -> None:
        """Of params that no schema is asked about, because the task is there already (PT-20). Raises Rejected."""
        self._judge(None, executor, params)

    def check(self, state: ClusterState, executor: str, params: bytes, version: int = 0) -> None:
        """Raises Rejected naming the field. `version`: of the executor, for which they are; 0 or one not known: the newest.

        Small params that were accepted are remembered: most tasks of an executor say the same.
        """
        manifests = state.manifests.get(executor)
        if version and manifests:
            asked = {name: one for name, one in manifests.items() if one.version == version}
            manifests = asked or manifests
        newest = _newest(manifests) if manifests else None
        key = (newest.hash if newest is not None else "", params)
        if key in self._accepted:
            return
        self._judge(newest, executor, params)
        if len(params) <= REMEMBERED_BYTES:
            if len(self._accepted) >= REMEMBERED:
                self._accepted.clear()
            self._accepted.add(key)

    def check_state(self, state: ClusterState, executor: str, raw: bytes) -> None:
        """A state that a caller sets, against the state schema (PT-2). Raises Rejected naming the field."""
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid("state", f"is not JSON: {error}") from error
        if isinstance(value, dict | list) and _nests_deeper(value, limits.JSON_NESTING_MAX):
            raise invalid("state", f"nests deeper than {limits.JSON_NESTING_MAX} levels")
        manifests = state.manifests.get(executor)
        validator = _compile(_newest(manifests), "state_schema") if manifests else None
        if validator is None:
            return
        for worst in _worst(validator, value):
            for field, why in told(worst, "state"):
                raise invalid(field, f"{why} (the state of {executor})")

    def _judge(self, newest: Manifest | None, executor: str, params: bytes) -> None:
        try:
            value = msgspec.json.decode(params or b"{}")
        except (msgspec.DecodeError, RecursionError) as error:
            raise _bad_params([("params", f"is not JSON: {error}")], executor) from error
        if not isinstance(value, dict):
            raise _bad_params([("params", "must be a JSON object")], executor)
        if _nests_deeper(value, limits.JSON_NESTING_MAX):
            why = f"nests deeper than {limits.JSON_NESTING_MAX} levels"
            raise _bad_params([("params", why)], executor)
        validator = self._of(newest) if newest is not None else None
        if validator is not None:
            _check_schema(validator, value, executor)

    def _of(self, manifest: Manifest) -> Draft202012Validator | None:
        if manifest.hash not in self._compiled:
            if len(self._compiled) >= MAX_SCHEMAS:
                self._compiled.clear()
            self._compiled[manifest.hash] = _compile(manifest)
        return self._compiled[manifest.hash]


def _check_schema(validator: Draft202012Validator, value: object, executor: str) -> None:
    """A schema that makes no sense concerns its own executor's tasks alone (PT-44)."""
    try:
        errors = [] if validator.is_valid(value) else _worst(validator, value)
    except Exception as trouble:
        message = f"the params schema of {executor} cannot be used: {trouble}"[:1_000]
        raise Rejected(Code.INVALID_ARGUMENT, "validation_failed", message) from trouble
    if errors:
        raise _bad_params([one for error in errors for one in told(error)], executor)


def _nests_deeper(value: object, levels: int) -> bool:
    """Level by level, so that no nesting is too deep for it. A flat object has one level."""
    level: list[Any] = [value]
    for _ in range(levels):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _newest(manifests: Mapping[str, Manifest]) -> Manifest:
    if len(manifests) == 1:
        return next(iter(manifests.values()))
    return max(manifests.values(), key=lambda m: (m.version, m.hash))


def _compile(manifest: Manifest, which: str = "params_schema") -> Draft202012Validator | None:
    try:
        said: dict[str, Any] = msgspec.json.decode(manifest.body)
    except msgspec.DecodeError:
        return None
    schema = said.get(which)
    if not isinstance(schema, dict):
        return None
    # an empty registry: nothing is ever fetched because of a `$ref`
    return checker_of(manifest.body)(schema, registry=EMPTY_REGISTRY)


def _worst(validator: Draft202012Validator, value: object) -> list[ValidationError]:
    errors = sorted(validator.iter_errors(value), key=lambda e: [str(p) for p in e.absolute_path])
    best = best_match(errors)
    return [best] if best is not None and len(errors) == 1 else errors[:10]


def _bad_params(violations: list[tuple[str, str]], executor: str) -> Rejected:
    field, why = violations[0]
    message = f"{field}: {why}"
    return Rejected(
        Code.INVALID_ARGUMENT,
        "invalid_params",
        message,
        {"field": field, "executor": executor},
        tuple(violations),
    )
