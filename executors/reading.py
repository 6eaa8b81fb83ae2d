"""Stored params and state on their way into a run: upgraded step by step, unknown keys dropped, then a model.

A stored value older than the executor goes through `upgrade_params` / `upgrade_state` once per version in between; each
result is checked where its model was kept, the last one always. A newer one (after a roll-back) is read as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from executors.definition import Definition
from executors.errors import ValidationError
from executors.models import Shape

Step = Callable[[dict[str, object], int], dict[str, object]]


class UnreadableError(Exception):
    """A stored value that this version of the executor cannot read. Names executor, version and step."""


def read_params(
    definition: Definition,
    instance: Any,
    data: bytes,
    version: int,
) -> BaseModel:
    """The params of a run. Raises UnreadableError."""
    reader = _Reader(definition, "params", definition.params, definition.old_params)
    return reader.read(data, version, instance.upgrade_params)


def read_state(
    definition: Definition,
    instance: Any,
    data: bytes,
    version: int,
) -> BaseModel | None:
    """The state a run begins with; a stored null is None. Raises UnreadableError."""
    if data == b"null":
        return None
    reader = _Reader(definition, "state", definition.state, definition.old_states)
    return reader.read(data, version, instance.upgrade_state)


class _Reader:
    def __init__(
        self,
        definition: Definition,
        role: str,
        shape: Shape[BaseModel],
        old: dict[int, Shape[BaseModel]],
    ) -> None:
        self._definition = definition
        self._role = role
        self._shape = shape
        self._old = old

    def read(self, data: bytes, version: int, step: Step) -> BaseModel:
        if version < self._definition.version:
            data = self._upgraded(data, version, step)
        try:
            return self._shape.read(data)
        except ValidationError as error:
            raise self._unreadable(version, str(error)) from None

    def _upgraded(self, data: bytes, version: int, step: Step) -> bytes:
        try:
            value = json.loads(data)
        except ValueError as error:
            raise self._unreadable(version, f"no JSON: {error}") from None
        for current in range(version, self._definition.version):
            value = self._step(value, version, current, step)
        return json.dumps(value).encode()

    def _step(self, value: Any, stored: int, current: int, step: Step) -> dict[str, object]:
        name = f"step from version {current} to {current + 1}"
        try:
            result = step(value, current)
        except Exception as error:
            raise self._unreadable(stored, f"{name}: {type(error).__name__}: {error}") from error
        if not isinstance(result, dict):
            raise self._unreadable(
                stored, f"{name} gave {type(result).__name__}, not a JSON object"
            )
        kept = self._old.get(current + 1)
        if kept is not None:
            try:
                kept.read_object(result)
            except ValidationError as error:
                raise self._unreadable(stored, f"{name}: {error}") from None
        return result

    def _unreadable(self, stored: int, problem: str) -> UnreadableError:
        name = f"{self._definition.name} version {self._definition.version}"
        return UnreadableError(f"{name} cannot read {self._role} of version {stored}: {problem}")
