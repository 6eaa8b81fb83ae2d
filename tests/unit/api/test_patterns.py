"""Patterns of a params schema cost time in proportion to the text, whatever they are (PT-20)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.api import checks
from coordinator.api.errors import Rejected
from tests.unit.api.test_checks import knowing

SLOW = r"^(\w+\s?)*$"  # Python's `re` needs twice as long for each character more
ENDLESS = "a" * 200 + "!"


def field_refused(schema: dict[str, Any], params: dict[str, Any]) -> str:
    """The first one that is objected to; empty: none."""
    state = knowing(params_schema=schema)
    try:
        checks.Schemas().check(state, "demo.noop", json.dumps(params).encode())
    except Rejected as refused:
        return refused.metadata["field"]
    return ""


@pytest.mark.parametrize(
    "schema, name",
    [
        ({"properties": {"a": {"type": "string", "pattern": SLOW}}}, "a"),
        ({"propertyNames": {"pattern": SLOW}}, ENDLESS),
        ({"patternProperties": {SLOW: {"type": "number"}}, "additionalProperties": False}, ENDLESS),
        ({"patternProperties": {SLOW: {}}, "unevaluatedProperties": False}, ENDLESS),
    ],
)
def test_no_pattern_stops_who_checks(schema: dict[str, Any], name: str) -> None:
    refused = field_refused({"type": "object", **schema}, {name: ENDLESS})
    assert bool(refused) is ("unevaluatedProperties" not in schema)


def test_a_pattern_is_found_anywhere_in_the_text() -> None:
    schema = {"properties": {"a": {"pattern": "b+"}, "d": {"pattern": r"^\d{2}$"}}}
    assert field_refused(schema, {"a": "abc", "d": "12"}) == ""
    assert field_refused(schema, {"a": "acc"}) == "params.a"
    assert field_refused(schema, {"d": "123"}) == "params.d"
    assert field_refused(schema, {"a": 7}) == ""  # no text: the type is said elsewhere


def test_names_by_pattern_and_none_beside_them() -> None:
    schema = {
        "properties": {"name": {}},
        "patternProperties": {"^x-": {"type": "number"}},
        "additionalProperties": False,
    }
    assert field_refused(schema, {"name": 1, "x-size": 2}) == ""
    assert field_refused(schema, {"x-size": "big"}) == "params.x-size"
    assert field_refused(schema, {"y": 1}) == "params.y"
    numbers = {**schema, "additionalProperties": {"type": "number"}}
    assert field_refused(numbers, {"y": 1}) == ""
    assert field_refused(numbers, {"y": "big"}) == "params.y"


def test_without_patterns_names_beside_the_known_ones_are_refused_as_ever() -> None:
    schema = {"properties": {"a": {}}, "unevaluatedProperties": False}
    assert field_refused(schema, {"a": 1}) == ""
    assert field_refused(schema, {"b": 1})


@pytest.mark.parametrize("pattern", ["^(?=a)", r"(a)\1"])
def test_a_pattern_that_the_engine_does_not_know_is_left_to_the_worker(pattern: str) -> None:
    assert field_refused({"properties": {"a": {"pattern": pattern}}}, {"a": "b"}) == ""
    by_name = {"patternProperties": {pattern: {"type": "number"}}, "additionalProperties": False}
    assert field_refused(by_name, {"b": "c"}) == ""
