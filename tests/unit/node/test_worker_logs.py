"""Lines: secrets masked, sizes bounded, output cut into lines."""

from __future__ import annotations

import json

import pytest

from node.frames import LOG_LINE_BYTES_MAX
from node.worker_logs import LineBuffer, encode_fields, shortened


@pytest.mark.parametrize(
    "name", ["password", "db_PASSWORD", "client_secret", "token", "Authorization", "x_api_key"]
)
def test_secrets_are_masked_at_every_depth(name: str) -> None:
    fields = {name: "hunter2", "list": [{"deep": {name: {"x": 1}}}], "city": "Ulm"}
    assert json.loads(encode_fields(fields)) == {
        name: "***",
        "list": [{"deep": {name: "***"}}],
        "city": "Ulm",
    }


def test_what_is_no_json_becomes_text() -> None:
    assert json.loads(encode_fields({"at": {1}, 5: b"x"})) == {"at": "{1}", "5": "b'x'"}  # type: ignore[dict-item]


def test_what_cannot_be_written_at_all_is_said_to_be_dropped() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "fields_dropped" in json.loads(encode_fields({"a": endless}))


def test_large_fields_are_dropped() -> None:
    data = encode_fields({"a": "x" * 10_000})
    assert len(data) < LOG_LINE_BYTES_MAX
    assert "fields_dropped" in json.loads(data)


def test_long_events_are_shortened() -> None:
    assert shortened("a") == "a"
    assert len(shortened("x" * 5_000)) == 4_003


def test_pieces_become_lines() -> None:
    buffer = LineBuffer()
    assert buffer.add("stdout", "a") == []
    assert buffer.add("stderr", "x\n") == ["x"]
    assert buffer.add("stdout", "b\nc\nd") == ["ab", "c"]
    assert buffer.take_rest() == [("stdout", "d")]
    assert buffer.take_rest() == []


def test_a_line_without_end_does_not_grow_for_ever() -> None:
    assert LineBuffer().add("stdout", "x" * 4_001) == ["x" * 4_001]
