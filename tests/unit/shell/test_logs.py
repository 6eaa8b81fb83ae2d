"""Log lines: JSON for machines, levels, and no flood of one event."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import structlog

from coordinator.shell.logs import LINES_IN_A_ROW, SECONDS_BETWEEN, Limiter, Log


def test_a_line_is_json_with_its_names_and_fields() -> None:
    stream = io.StringIO()
    log = Log(stream, "info", logger="coordinator", member="c1")
    log.warning("peer away", peer="127.0.0.1:7102")
    log.debug("not shown")
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["event"], line["level"], line["member"]) == ("peer away", "warning", "c1")
    assert (line["logger"], line["peer"]) == ("coordinator", "127.0.0.1:7102")
    assert line["ts"].endswith("Z")


def test_of_one_event_five_lines_pass_then_one_per_ten_seconds_with_a_count() -> None:
    now = 0.0
    limiter = Limiter(lambda: now)

    def said(event: str) -> dict[str, Any] | None:
        try:
            return dict(limiter(None, "info", {"event": event}))
        except structlog.DropEvent:
            return None

    for _ in range(LINES_IN_A_ROW):
        assert said("a") == {"event": "a"}
    assert said("a") is None
    assert said("a") is None
    assert said("b") is not None
    now = SECONDS_BETWEEN
    assert said("a") == {"event": "a", "left_out": 2}
    assert said("a") is None
    now = 3 * SECONDS_BETWEEN
    assert said("a") == {"event": "a", "left_out": 1}
    now = 6 * SECONDS_BETWEEN
    for _ in range(LINES_IN_A_ROW):
        assert said("a") == {"event": "a"}


def test_the_level_can_be_changed_and_an_unknown_one_is_refused() -> None:
    stream = io.StringIO()
    log = Log(stream, "error")
    log.info("quiet")
    log.level = 10
    log.debug("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()
    with pytest.raises(KeyError):
        Log(stream, "shout")
