"""Models: schemas closed at every depth, strict and lenient reading."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from executors import ValidationError
from executors.models import STATE_BYTES_MAX, Nothing, Shape


class Inner(BaseModel):
    a: int = 1


@dataclass
class Data:
    x: int = 0


class Typed(TypedDict):
    y: int


class Deep(BaseModel):
    one: Inner = Inner()
    many: list[Inner] = []
    by_name: dict[str, Inner] = {}
    maybe: Inner | Data | None = None
    typed: Typed | None = None
    free: dict[str, Any] = {}
    properties: dict[str, int] = Field(
        default={}, description="a field that is called like a keyword"
    )
    renamed: int = Field(default=0, alias="re-named")


EXTRA = [
    {"z": 1},
    {"one": {"z": 1}},
    {"many": [{}, {"z": 1}]},
    {"by_name": {"k": {"z": 1}}},
    {"maybe": {"z": 1}},
    {"typed": {"y": 1, "z": 1}},
]
FINE: list[dict[str, Any]] = [
    {},
    {"free": {"z": {"z": 1}}},
    {"properties": {"z": 1}},
    {"re-named": 5, "maybe": {"x": 4}},
]


@pytest.mark.parametrize("value", EXTRA)
def test_x29_unknown_keys_are_refused_at_every_depth_with_the_code_and_without(
    value: dict[str, Any],
) -> None:
    shape = Shape(Deep)
    data = json.dumps(value).encode()
    with pytest.raises(ValidationError):
        shape.check(data)
    assert isinstance(shape.read(data), Deep)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, shape.schema)


@pytest.mark.parametrize("value", FINE)
def test_what_the_model_allows(value: dict[str, Any]) -> None:
    shape = Shape(Deep)
    jsonschema.validate(value, shape.schema)
    assert shape.read_object(value) == shape.check(json.dumps(value).encode())


def test_a_problem_names_the_field_and_not_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Shape(Deep).check(b'{"one": {"a": "hunter2"}}')
    assert caught.value.field == "one.a"
    assert "hunter2" not in str(caught.value)


def test_dump_checks_what_it_writes() -> None:
    shape = Shape(Deep)
    assert shape.check(shape.dump(Deep())) == Deep()
    spoilt = Deep()
    spoilt.one.a = "x"  # type: ignore[assignment]
    with pytest.warns(UserWarning, match="serial"), pytest.raises(ValidationError, match=r"one\.a"):
        shape.dump(spoilt)


def test_tm_a37_dump_refuses_keys_of_a_subclass() -> None:
    class More(Inner):
        extra: int = 1

    with pytest.raises(ValidationError, match="extra"):
        Shape(Inner).dump(More())


def test_dump_refuses_what_is_no_model() -> None:
    with pytest.raises(TypeError, match="expected Inner, got dict"):
        Shape(Inner).dump({"a": 1})  # type: ignore[arg-type]


def test_dump_refuses_more_than_a_mebibyte() -> None:
    class Text(BaseModel):
        text: str

    with pytest.raises(ValidationError, match=f"at most {STATE_BYTES_MAX}"):
        Shape(Text).dump(Text(text="x" * STATE_BYTES_MAX))


def test_the_bare_base_model_has_no_fields() -> None:
    assert Shape(BaseModel).model is Nothing
