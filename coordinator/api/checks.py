"""What the door looks at before anything is decided: sizes, shapes, bounds, the params' schema (PT-20)."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from coordinator.api.errors import Code, Rejected, invalid, too_large
from coordinator.api.schema_words import told
from coordinator.model import limits
from coordinator.model.instants import DAY, MINUTE, SECOND
from coordinator.model.nodes import Manifest
from coordinator.model.state import ClusterState
from coordinator.wire.v1 import tasks_pb2 as wire

MAX_SCHEMAS = 2_000


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
    if len(new.params) > limits.PARAMS_BYTES_MAX:
        raise too_large("params", limits.PARAMS_BYTES_MAX, len(new.params))
    _check_pairs(new.spec)
    _check_bounds(new.spec)


def check_task_id(task_id: str) -> None:
    size = len(task_id.encode())
    if not 1 <= size <= limits.TASK_ID_BYTES_MAX:
        raise invalid("id", f"{size} bytes, 1 to {limits.TASK_ID_BYTES_MAX} are allowed")
    if not task_id.isprintable() or task_id != task_id.strip():
        raise invalid("id", "only printable characters are allowed, and no blank at an end")


def _check_pairs(spec: wire.TaskSpec) -> None:
    if len(spec.labels) > limits.LABELS_MAX:
        raise invalid("labels", f"{len(spec.labels)} of them, at most {limits.LABELS_MAX}")
    for key, value in spec.labels.items():
        if not key or len(key) + len(value) > limits.LABEL_BYTES_MAX:
            raise invalid(f"labels.{key}", f"key and value: 1 to {limits.LABEL_BYTES_MAX} bytes")
    size = sum(len(k.encode()) + len(v.encode()) for k, v in spec.headers.items())
    if size > limits.HEADERS_BYTES_MAX:
        raise too_large("headers", limits.HEADERS_BYTES_MAX, size)
    if not all(value.isprintable() for value in spec.headers.values()):
        raise invalid("headers", "only printable characters are allowed")


_BOUNDS = {
    "priority": (1, 100),
    "cost": (0, 1_000),
    "max_attempts": (0, 1_000),
    "cancel_grace_ms": (0, 10 * MINUTE),
    "retention_ms": (0, 3_650 * DAY),
}
_WORDS = {"on_lost": ("rerun", "fail"), "isolation": ("shared", "process")}


def _check_bounds(spec: wire.TaskSpec) -> None:
    for name, (low, high) in _BOUNDS.items():
        if spec.HasField(name) and not low <= getattr(spec, name) <= high:
            raise invalid(name, f"must be {low} .. {high} (got {getattr(spec, name)})")
    for name, words in _WORDS.items():
        if spec.HasField(name) and getattr(spec, name) not in words:
            raise invalid(name, f"must be one of {', '.join(words)} (got {getattr(spec, name)})")
    timeout = spec.timeout_ms
    if spec.HasField("timeout_ms") and timeout and not SECOND <= timeout <= 30 * DAY:
        raise invalid("timeout", f"must be 1s .. 30d, or none (got {timeout} ms)")


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
        self._compiled: dict[str, tuple[Draft202012Validator | None, bool]] = {}

    def check(self, state: ClusterState, executor: str, params: bytes) -> bool:
        """Raises Rejected naming the field. True if the executor has a `validate` of its own."""
        try:
            value = msgspec.json.decode(params or b"{}")
        except msgspec.DecodeError as error:
            raise _bad_params([("params", f"is not JSON: {error}")], executor) from error
        if not isinstance(value, dict):
            raise _bad_params([("params", "must be a JSON object")], executor)
        manifests = state.manifests.get(executor)
        if not manifests:
            return False
        newest = max(manifests.values(), key=lambda m: (m.version, m.hash))
        validator, own_validate = self._of(newest)
        if validator is not None and not validator.is_valid(value):
            raise _bad_params([one for e in _worst(validator, value) for one in told(e)], executor)
        return own_validate

    def _of(self, manifest: Manifest) -> tuple[Draft202012Validator | None, bool]:
        found = self._compiled.get(manifest.hash)
        if found is None:
            if len(self._compiled) >= MAX_SCHEMAS:
                self._compiled.clear()
            found = self._compiled[manifest.hash] = _compile(manifest)
        return found


def _compile(manifest: Manifest) -> tuple[Draft202012Validator | None, bool]:
    try:
        said: dict[str, Any] = msgspec.json.decode(manifest.body)
    except msgspec.DecodeError:
        return None, False
    schema = said.get("params_schema")
    validator = Draft202012Validator(schema) if isinstance(schema, dict) else None
    return validator, bool(said.get("own_validate"))


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
