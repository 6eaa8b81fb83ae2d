"""`taskctl logs`: current and previous sections, made of run records and of what runs wrote (TM-71, TM-72)."""

from __future__ import annotations

import json

import pytest

from coordinator.client.labels import label_of, label_text
from coordinator.client.run_story import sections_of
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

S = 1_000


def line(run: int, event: str, level: str = "info", at: int = 0) -> wire.LogLine:
    return wire.LogLine(at=at, level=level, event=event, fields=b"{}", allocation_id=run)


def raised_once_then_succeeded(cluster: FakeCluster) -> None:
    error = b'{"type": "shop.Gone", "message": "410", "traceback": "..."}'
    cluster.put("hello", status="succeeded", allocation_id=3)
    cluster.runs["hello"] = [
        wire.Run(task="hello", allocation_id=2, attempt=2, cause="retry", node="n2", due_at=1 * S,
                 assigned_at=40 * S, started_at=41 * S, ended_at=43 * S, status="ended", outcome="succeeded"),
        wire.Run(task="hello", allocation_id=1, attempt=1, cause="start", node="n1",
                 assigned_at=1 * S, started_at=2 * S, ended_at=10 * S, status="ended",
                 outcome="failed", reason="failed", error=error),
    ]  # fmt: skip
    cluster.lines["hello#1"] = [line(1, "file 1", at=3 * S), line(1, "slow", "warning", 4 * S)]
    cluster.lines["hello#2"] = [line(2, "file 2", at=42 * S)]


def events(out: str) -> list[str]:
    return [text[9:].strip() for text in out.splitlines()]


def test_tm_a52_two_sections(taskctl: Taskctl, cluster: FakeCluster) -> None:
    raised_once_then_succeeded(cluster)
    ran = taskctl("logs", "hello", "--time", "utc")
    assert [text.split(maxsplit=3)[-1] for text in ran.out.splitlines()] == [
        "will be retried  attempt=2",
        'being processed  node="n2"',
        "file 2",
        "finished  lasted_ms=2000",
    ]
    assert "1 earlier run: taskctl logs hello --previous" in ran.err
    ran = taskctl("logs", "hello", "--previous", "--time", "utc")
    told = ran.out.splitlines()
    assert told[0] == "-- previous: attempt 1, allocation 1 on n1"
    assert [text.split(maxsplit=3)[-1] for text in told[1:6]] == [
        'queued  cause="start"',
        'being processed  node="n1"',
        "file 1",
        "slow",
        'shop.Gone: 410  outcome="failed" reason="failed"',
    ]
    assert told[6] == "-- current: attempt 2, allocation 2 on n2"
    assert len(told) == 11


@pytest.mark.parametrize("flags", [("--attempt", "1"), ("--run", "1")])
def test_one_attempt_or_run_alone(
    taskctl: Taskctl, cluster: FakeCluster, flags: tuple[str, ...]
) -> None:
    raised_once_then_succeeded(cluster)
    ran = taskctl("logs", "hello", *flags, "-o", "json")
    items = json.loads(ran.out)["items"]
    assert [item["event"] for item in items] == [
        "queued", "being processed", "file 1", "slow", "shop.Gone: 410",
    ]  # fmt: skip
    assert [item["source"] for item in items] == ["task", "task", "run", "run", "task"]
    assert {item["allocation_id"] for item in items} == {1}


def test_levels_hold_for_what_the_record_says_as_well(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    raised_once_then_succeeded(cluster)
    ran = taskctl("logs", "hello", "--attempt", "1", "--level", "error", "-o", "json")
    told = [item["event"] for item in json.loads(ran.out)["items"] if item["source"] == "task"]
    assert told == ["shop.Gone: 410"]
    assert cluster.asked("Logs")[0].level == "error"


def test_what_is_not_known_is_told(taskctl: Taskctl, cluster: FakeCluster) -> None:
    raised_once_then_succeeded(cluster)
    ran = taskctl("logs", "hello", "--attempt", "7")
    assert (ran.code, "no attempt 7 is known, only 1, 2" in ran.err) == (2, True)
    for flags in (("--attempt", "1", "--previous"), ("-f", "--previous"), ("--run", "1", "--attempt", "1")):  # fmt: skip
        assert taskctl("logs", "hello", *flags).code == 2


def test_an_attempt_that_waits_has_a_section_already(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    raised_once_then_succeeded(cluster)
    del cluster.runs["hello"][0]
    cluster.put("hello", status="waiting", code="backoff", due_at=70 * S)
    ran = taskctl("logs", "hello", "--time", "utc")
    (told,) = ran.out.splitlines()
    assert told.endswith('will be retried  attempt=2 at="1970-01-01T00:01:10.000Z"')
    told_all = taskctl("logs", "hello", "--previous").out.splitlines()
    assert told_all[-2] == "-- current: attempt 2, not yet"


def test_sections_without_a_task_are_those_of_its_runs() -> None:
    assert sections_of([], None) == []


def test_tm_a53_severity() -> None:
    """A run that logged an error and returned has failed without a retry; while it runs nothing counts."""
    for logged in ("failed", "warning", "succeeded", "timed_out", None):
        assert label_of("failed", logged) == "error"
    for status in ("assigned", "running", "stopping"):
        assert label_of(status, "failed") == "running"
    assert label_of("succeeded", "warning") == "warning"
    assert [label_of(status, None) for status in ("unassigned", "waiting", "paused", "cancelled")] == [
        "waiting", "waiting", "paused", "cancelled",
    ]  # fmt: skip


def test_tm_72_a_series_that_waits_shows_its_last_outcome() -> None:
    assert label_text("waiting", "failed", recurring=True) == "Waiting to run (last: Error)"
    assert label_text("waiting", "failed", recurring=False) == "Waiting to run"
    assert label_text("running", "failed", recurring=True) == "Running"
    assert label_text("succeeded", "succeeded", recurring=True) == "Successful"


def test_tm_72_the_label_is_in_lists_and_on_the_page(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    last = wire.LastOutcome(outcome="warning", allocation_id=1)
    cluster.put("done", status="succeeded", last_outcome=last)
    ran = taskctl("list", "--all", "--columns", "ID,LABEL")
    assert ran.out.splitlines()[1].split() == ["done", "Warning"]
    assert json.loads(taskctl("get", "done", "-o", "json").out)["label"] == "warning"
    page = taskctl("get", "done").out.splitlines()
    assert any(text.split() == ["label", "Warning"] for text in page)
