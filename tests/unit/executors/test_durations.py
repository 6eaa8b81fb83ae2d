"""Durations as people write them."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from executors import Duration
from executors.durations import format_ms, parse_ms, span_ms


@pytest.mark.parametrize(
    "text,ms",
    [
        ("500ms", 500),
        ("90s", 90_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("0s", 0),
        ("1m500ms", 60_500),
    ],
)
def test_reads(text: str, ms: int) -> None:
    assert parse_ms(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5 m",
        "-5m",
        "1.5s",
        "5x",
        "30m1h",
        "5m5m",
        "m",
        "1h 30m",
        "10",
        "\u0663s",
        "5M",
        "5m\n",
    ],
)
def test_refuses_naming_what_was_given(text: str) -> None:
    with pytest.raises(ValueError, match="no duration") as caught:
        parse_ms(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("value", [5, 5.0, None, True, timedelta(seconds=-1)])
def test_a_bare_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"duration|negative"):
        span_ms(value)


def test_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="hundred years"):
        parse_ms("40000d")


@given(st.integers(min_value=0, max_value=10**12))
def test_written_and_read_back(ms: int) -> None:
    assert parse_ms(format_ms(ms)) == ms


def test_timedelta_is_taken() -> None:
    assert span_ms(timedelta(minutes=1, milliseconds=5)) == 60_005


class Every(BaseModel):
    interval: Duration = Duration("1s")


def test_as_a_field() -> None:
    assert Every.model_validate_json('{"interval": "1h30m"}').interval == timedelta(minutes=90)
    assert Every(interval=Duration("90s")).model_dump_json() == '{"interval":"1m30s"}'
    assert Every().interval.ms == 1_000


def test_a_field_refuses_a_bare_number() -> None:
    with pytest.raises(ValidationError, match="no duration"):
        Every.model_validate_json('{"interval": 5}')


def test_schema_of_a_field_is_a_string() -> None:
    schema = Every.model_json_schema()["properties"]["interval"]
    assert (schema["type"], schema["default"]) == ("string", "1s")


def test_copies_and_prints_as_written() -> None:
    one = Duration("90s")
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == "Duration('1m30s')"
