"""What is kept of a run's lines, and what goes to the leader live (TM-70)."""

from __future__ import annotations

import json

from coordinator.client.node_wire import NO_LOG
from node import frames
from node.agent_live import BYTES_MAX, LIVE_LINES_MAX, LiveNews


def line(n: int, run: int = 1, text: str = "") -> frames.Log:
    return frames.Log(run, "info", f"line {n}{text}", b'{"n":%d}' % n, 1_000 + n)


def kept(live: LiveNews, run: int = 1) -> tuple[list[dict[str, object]], int]:
    text, dropped, _ = live.kept(run)
    return [json.loads(each) for each in text.splitlines()], dropped


def test_a_short_log_is_kept_whole() -> None:
    live = LiveNews()
    for n in range(3):
        live.log("t", line(n))
    lines, dropped = kept(live)
    assert lines[1] == {"at": 1_001, "level": "info", "event": "line 1", "fields": {"n": 1}}
    assert (len(lines), dropped) == (3, 0)


def test_of_a_long_log_the_first_50_and_the_last_150_are_kept() -> None:
    live = LiveNews()
    for n in range(1_000):
        live.log("t", line(n))
    lines, dropped = kept(live)
    numbers = [each["fields"]["n"] for each in lines]  # type: ignore[index]
    assert numbers == [*range(50), *range(850, 1_000)]
    assert dropped == 800


def test_large_lines_stay_within_the_bytes_and_the_end_is_kept() -> None:
    live = LiveNews()
    for n in range(100):
        live.log("t", line(n, text="x" * 4_000))
    text, dropped, _ = live.kept(1)
    assert len(text) <= BYTES_MAX
    assert b"line 99x" in text
    assert b"line 0x" in text
    assert text.count(b"\n") + dropped == 100


def test_lines_that_never_arrived_are_counted_as_dropped() -> None:
    live = LiveNews()
    live.log("t", line(1))
    live.ended(1, frames.LogCounts(info=5, error=2))
    assert live.kept(1)[1:] == (6, (0, 5, 0, 2))
    assert live.kept(99) == NO_LOG


def test_progress_is_the_last_one_and_lines_are_limited() -> None:
    live = LiveNews()
    for n in range(LIVE_LINES_MAX + 10):
        live.log("t", line(n))
        live.progress("t", frames.Progress(1, float(n), None, ""))
    assert live.has_news
    progress, lines = live.take()
    assert [each.done for each in progress] == [float(LIVE_LINES_MAX + 9)]
    assert len(lines) == LIVE_LINES_MAX
    assert not live.has_news


def test_what_is_settled_is_forgotten() -> None:
    live = LiveNews()
    live.log("t", line(1))
    live.progress("t", frames.Progress(1, 1.0, None, ""))
    live.forget([1])
    assert live.kept(1) == NO_LOG


def test_tm_69_lines_are_counted_by_level_also_of_a_run_whose_worker_never_said() -> None:
    live = LiveNews()
    for level in ("debug", "warning", "warning", "error"):
        live.log("t", frames.Log(1, level, "x", b"{}", 1))
    assert live.kept(1).counts == (1, 0, 2, 1)
