"""Tasks that an executor declares: the cluster sees to it that each is there exactly once (PT-84)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from executors.errors import ValidationError, definition_error
from executors.models import Shape

DECLARED_MAX = 100  # of one executor
ID_BYTES_MAX = 255
PARAMS_BYTES_MAX = 64 * 1024  # of all of them together
SETTING = re.compile(r"plugins(\.[a-z0-9_]+)+")
SETTING_LENGTH_MAX = 100


@dataclass(frozen=True)
class DeclaredTask:
    """One task that is to be there as long as its executor declares it, with these params.

    `setting` names a switch of the cluster, `plugins.` and a name of your own; it counts as on unless `default` is
    False. Switched off, or no longer declared by the newest version of the executor, the task is cancelled and its
    record removed. One that an operator cancelled stays so. Raise `version` when what you declare changes.
    """

    id: str
    params: BaseModel
    setting: str = ""
    default: bool = True


def checked_declarations(
    declared: object, shape: Shape[BaseModel], location: str
) -> tuple[DeclaredTask, ...]:
    """As it is in the class. Raises ExecutorDefinitionError for what cannot be declared."""
    if not isinstance(declared, Iterable):
        raise definition_error(f"declares is {declared!r}, give DeclaredTasks", location)
    found = tuple(declared)
    for one in found:
        if not isinstance(one, DeclaredTask):
            raise definition_error(f"declares holds {one!r}, no DeclaredTask", location)
        if (wrong := _objection(one, shape)) is not None:
            raise definition_error(f"declares {one.id!r}: {wrong}", location)
    if len(found) > DECLARED_MAX:
        raise definition_error(f"declares {len(found)} tasks, at most {DECLARED_MAX}", location)
    if len({one.id for one in found}) < len(found):
        raise definition_error("declares one id twice", location)
    size = sum(len(shape.dump(one.params)) for one in found)
    if size > PARAMS_BYTES_MAX:
        told = f"params of what it declares are {size} bytes, at most {PARAMS_BYTES_MAX}"
        raise definition_error(told, location)
    return found


def declarations_document(
    declared: Iterable[DeclaredTask], shape: Shape[BaseModel]
) -> list[dict[str, Any]]:
    """As a manifest has it: `[{"id", "params", "setting", "default"}]`, params as a JSON object."""
    return [
        {
            "id": one.id,
            "params": json.loads(shape.dump(one.params)),
            "setting": one.setting,
            "default": one.default,
        }
        for one in declared
    ]


def _objection(one: DeclaredTask, shape: Shape[BaseModel]) -> str | None:
    text = one.id
    is_plain = isinstance(text, str) and text.isprintable() and text == text.strip()
    if not is_plain or not 0 < len(text.encode()) <= ID_BYTES_MAX:
        return f"the id is to be printable, 1 to {ID_BYTES_MAX} bytes"
    if one.setting and (
        not SETTING.fullmatch(one.setting) or len(one.setting) > SETTING_LENGTH_MAX
    ):
        return (
            f"setting is {one.setting!r}, use plugins.NAME, at most {SETTING_LENGTH_MAX} characters"
        )
    if not isinstance(one.params, shape.model):
        return f"params are a {type(one.params).__name__}, give a {shape.model.__name__}"
    try:
        shape.dump(one.params)
    except ValidationError as error:
        return f"params: {error}"
    return None
