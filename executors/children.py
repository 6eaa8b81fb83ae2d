"""What a run may ask about other tasks: one of its own under it, or another look at those that wait."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from executors.errors import Fenced, ValidationError
from executors.policy import TaskPolicy
from executors.run_control import RunControl
from executors.texts import NAME_BYTES_MAX, checked_text
from executors.views import TaskRef

S = TypeVar("S", bound=BaseModel)

# word of start_child -> field of a task's spec, the same as in a policy's document
_FROM_POLICY = {
    "timeout": "timeout_ms",
    "max_attempts": "max_attempts",
    "backoff": "backoff",
    "priority": "priority",
    "cost": "cost",
    "retention": "retention_ms",
    "cancel_grace": "cancel_grace_ms",
    "exclusive": "exclusive",
    "isolation": "isolation",
    "on_lost": "on_lost",
}
_OTHERS = ("due_at", "labels", "object", "paused")

PARAMS_BYTES_MAX = 256 * 1024
SPEC_BYTES_MAX = 64 * 1024  # of all but the params


async def start_child(
    control: RunControl[S],
    executor: str,
    params: BaseModel,
    key: str,
    spec: Mapping[str, object],
) -> TaskRef:
    """The child, new or there already. Raises Fenced, RunEnded, ValidationError, TypeError, ValueError."""
    control.writer.refuse_if_closed("start_child")
    checked_text("start_child: the key", key, NAME_BYTES_MAX)
    if not key:
        raise ValueError("start_child: the key is empty; it tells the children of this task apart")
    checked_text("start_child: the executor", executor, NAME_BYTES_MAX)
    if not isinstance(params, BaseModel):
        raise TypeError(f"start_child: params are a {type(params).__name__}, give a pydantic model")
    wanted = _encoded(child_spec(spec))
    data = params.model_dump_json().encode()
    if len(data) > PARAMS_BYTES_MAX:
        raise ValidationError("params", f"{len(data)} bytes, at most {PARAMS_BYTES_MAX}")
    try:
        return await control.port.send_child(key, executor, data, wanted)
    except Fenced as error:
        control.writer.refuse_from_now(error)
        raise


async def poke(control: RunControl[S], executor: str) -> None:
    """Another look at the tasks of this executor without a node. Raises Fenced, RunEnded, ValidationError."""
    control.writer.refuse_if_closed("poke")
    checked_text("poke: the executor", executor, NAME_BYTES_MAX)
    if not executor:
        raise ValueError("poke: name an executor")
    try:
        await control.port.send_poke(executor)
    except Fenced as error:
        control.writer.refuse_from_now(error)
        raise


def _encoded(wanted: Mapping[str, object]) -> bytes:
    """As it travels: nobody behind this can tell the author what is wrong with it."""
    text = json.dumps(wanted, ensure_ascii=False, allow_nan=False)
    return checked_text("start_child: labels and object", text, SPEC_BYTES_MAX).encode()


def child_spec(spec: Mapping[str, object]) -> dict[str, Any]:
    """As JSON, under the names of the wire; only what was asked. Raises TypeError, or what a policy raises."""
    unknown = sorted(set(spec) - set(_FROM_POLICY) - set(_OTHERS))
    if unknown:
        known = ", ".join((*_FROM_POLICY, *_OTHERS))
        raise TypeError(f"start_child: there is no {', '.join(unknown)}; known: {known}")
    asked = {name: value for name, value in spec.items() if name in _FROM_POLICY}
    document = TaskPolicy(**asked).document()  # type: ignore[arg-type]  # it checks each
    found = {_FROM_POLICY[name]: document[_FROM_POLICY[name]] for name in asked}
    for name in ("timeout_ms", "max_attempts"):
        if name in found and found[name] is None:
            found[name] = 0  # no limit
    return {name: value for name, value in found.items() if value is not None} | _others(spec)


def _others(spec: Mapping[str, object]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    due_at, about = spec.get("due_at"), spec.get("object")
    if isinstance(due_at, datetime):
        if due_at.tzinfo is None:
            raise ValueError("start_child: due_at needs a time zone")
        found["due_at"] = int(due_at.timestamp() * 1000)
    elif due_at is not None:
        raise TypeError("start_child: due_at is no datetime")
    if isinstance(about, tuple) and len(about) == 2:
        found["object_kind"], found["object_id"] = map(str, about)
    elif about is not None:
        raise TypeError("start_child: object is no (kind, id)")
    labels = spec.get("labels")
    if isinstance(labels, Mapping):
        found["labels"] = {str(key): str(value) for key, value in labels.items()}
    elif labels is not None:
        raise TypeError("start_child: labels is no mapping")
    if spec.get("paused"):
        found["paused"] = True
    return found
