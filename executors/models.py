"""Params and state between JSON and the author's pydantic models.

Two readings: `check` is strict, unknown keys are refused at every depth even if the model says nothing (on submission
and on writing state); `read` drops them (at the start of a run, where an older version may have left some behind).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar, cast

import pydantic
from pydantic import BaseModel
from pydantic_core import to_json

from executors.errors import ValidationError

M = TypeVar("M", bound=BaseModel)

STATE_BYTES_MAX = 1024 * 1024

_UNDER_MAP = ("$defs", "properties", "patternProperties", "dependentSchemas")
_UNDER_LIST = ("anyOf", "allOf", "oneOf", "prefixItems")
_UNDER_ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains")


class Nothing(BaseModel):
    """The model of an executor that declares no fields."""


class Shape(Generic[M]):
    """One model with its JSON schema and its two readings."""

    def __init__(self, model: type[M]) -> None:
        """Raises ValueError if the model cannot be used: no JSON schema, or it invites unknown keys."""
        self.model = cast("type[M]", Nothing) if cast("object", model) is BaseModel else model
        self.schema = closed_schema(self.model)

    def read(self, data: bytes) -> M:
        """Unknown keys are dropped. Raises ValidationError (ours)."""
        try:
            return self.model.model_validate_json(data, extra="ignore")
        except pydantic.ValidationError as error:
            raise first_problem(error) from None

    def read_object(self, value: object) -> M:
        """`read` for JSON that has been parsed already."""
        try:
            return self.model.model_validate_json(to_json(value), extra="ignore")
        except pydantic.ValidationError as error:
            raise first_problem(error) from None

    def check(self, data: bytes) -> M:
        """Unknown keys are an error. Raises ValidationError (ours)."""
        try:
            return self.model.model_validate_json(data, extra="forbid")
        except pydantic.ValidationError as error:
            raise first_problem(error) from None

    def dump(self, value: M) -> bytes:
        """JSON of a model, checked as if it had come from outside.

        Raises TypeError for anything but a model, ValidationError for one that does not fit or is over 1 MiB.
        """
        if not isinstance(value, BaseModel):
            raise TypeError(f"expected {self.model.__name__}, got {type(value).__name__}")
        data = value.__pydantic_serializer__.to_json(value, by_alias=True, round_trip=True)
        if len(data) > STATE_BYTES_MAX:
            raise ValidationError("state", f"is {len(data)} bytes, at most {STATE_BYTES_MAX}")
        self.check(data)
        return data


def first_problem(error: pydantic.ValidationError) -> ValidationError:
    """The first of pydantic's complaints, without the value (params never reach a log)."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return ValidationError(field, first["msg"] + more)


def closed_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema with `additionalProperties: false` wherever it names properties.

    Raises ValueError for a model without a JSON schema and for one declared with extra="allow".
    """
    try:
        schema = model.model_json_schema(by_alias=True, mode="validation")
    except pydantic.errors.PydanticInvalidForJsonSchema as error:
        raise ValueError(f"{model.__name__} has no JSON schema: {error.message}") from None
    except pydantic.PydanticUserError as error:
        raise ValueError(f"{model.__name__} is not usable: {error.message}") from None
    for node in _schemas(schema):
        if node.get("type") == "object" and "properties" in node:
            if node.get("additionalProperties") not in (None, False):
                title = node.get("title", model.__name__)
                raise ValueError(
                    f'{title} is declared with extra="allow"; unknown keys are always refused,'
                    " use a field of type dict[str, ...] instead"
                )
            node["additionalProperties"] = False
    return schema


def _schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all schemas in it; default values and the like are not looked into."""
    yield schema
    for key in _UNDER_MAP:
        for child in schema.get(key, {}).values():
            yield from _schemas_of(child)
    for key in _UNDER_LIST:
        for child in schema.get(key, ()):
            yield from _schemas_of(child)
    for key in _UNDER_ONE:
        yield from _schemas_of(schema.get(key))


def _schemas_of(child: object) -> Iterator[dict[str, Any]]:
    if isinstance(child, dict):
        yield from _schemas(child)
