"""Log lines: JSON for machines, levels, and no flood of one event."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from coordinator.shell.log_sink import LogSink
from coordinator.shell.logs import LINES_IN_A_ROW, SECONDS_BETWEEN, Limiter, Log, open_log


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


def full_pipe() -> tuple[int, int]:
    """Its two ends; whoever writes next waits."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 4096)
    os.set_blocking(writer, True)
    return reader, writer


def read_up_to(reader: int, wanted: bytes) -> list[bytes]:
    """The lines behind the filling, once this word is among them."""
    got = b""
    while wanted not in got:
        got += os.read(reader, 65_536)
    return got.lstrip(b".").splitlines()


def test_s13_a_sink_that_takes_nothing_holds_nobody_up_and_what_is_lost_is_counted() -> None:
    reader, writer = full_pipe()
    sink = LogSink(writer, lines_max=3)
    log = Log(sys.stderr, "info", sink)
    log.info("taken out of the queue at once")
    lines = ["first", "second", "third", "dropped", "dropped too"]
    for line in lines:
        log.info(line)
    assert not sink.settle(0.01)
    said = [json.loads(line)["event"] for line in read_up_to(reader, b"log lines dropped")]
    assert said[-1] == "log lines dropped"
    assert "third" in said or "second" in said
    log.info("afterwards")
    assert json.loads(read_up_to(reader, b"afterwards")[-1])["event"] == "afterwards"
    log.flush()
    os.close(reader)
    log.info("nobody reads any more")
    assert sink.settle(5)


def test_lines_are_out_once_they_are_flushed(tmp_path: Path) -> None:
    log = open_log(tmp_path / "logs" / "c1.log", "info", member="c1")
    with log.stream:
        for event in ("one", "two", "three"):
            log.info(event)
        log.flush()
        lines = (tmp_path / "logs" / "c1.log").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["one", "two", "three"]
