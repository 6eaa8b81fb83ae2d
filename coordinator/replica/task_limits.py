"""Which concurrency limits a task stands under: what its executor declares, resolved with its params and labels (TM-60)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from coordinator.model.concurrency import SCOPES, TaskLimit
from coordinator.model.limits import LIMITS_PER_TASK_MAX
from coordinator.model.tasks import Pairs

FIELD_ROOTS = ("params.", "labels.")
VALUE_CHARS_MAX = 160  # a longer value goes into the key as its beginning and a hash


def limits_of(
    executor: str, policy: Mapping[str, object], params: bytes, labels: Pairs
) -> tuple[TaskLimit, ...]:
    """In the order declared; what the manifest says unintelligibly is left out.

    Tasks that lack the field of a limit share one key: a limit never silently does not apply.
    """
    declared = policy.get("concurrency")
    if not isinstance(declared, list) or not declared:
        return ()
    fields = _Fields(params, labels)
    found = (_resolved(executor, one, fields) for one in declared[:LIMITS_PER_TASK_MAX])
    return tuple(dict.fromkeys(limit for limit in found if limit is not None))


class _Fields:
    """Values of params and labels by path; params are read only if a limit looks at them."""

    def __init__(self, params: bytes, labels: Pairs) -> None:
        self._params, self._labels = params, dict(labels)
        self._read: object = None

    def value(self, path: str) -> str:
        root, _, rest = path.partition(".")
        if root == "labels":
            return _short(self._labels.get(rest, ""))
        if self._read is None:
            self._read = _decoded(self._params)
        found: object = self._read
        for part in rest.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return _short(_text(found))


def _resolved(executor: str, said: object, fields: _Fields) -> TaskLimit | None:
    if not isinstance(said, dict):
        return None
    scope, key, most = said.get("scope"), said.get("key"), said.get("max")
    if scope not in SCOPES or not isinstance(key, str) or not isinstance(most, int) or most < 0:
        return None
    if not key:
        return TaskLimit(scope, executor, most)
    if key.startswith(FIELD_ROOTS):
        return TaskLimit(scope, f"{executor}:{key}={fields.value(key)}", most)
    return TaskLimit(scope, f"group:{key}", most)


def _decoded(params: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(params)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()


def _short(text: str) -> str:
    if len(text) <= VALUE_CHARS_MAX:
        return text
    return f"{text[:VALUE_CHARS_MAX]}#{hashlib.sha256(text.encode()).hexdigest()[:16]}"
