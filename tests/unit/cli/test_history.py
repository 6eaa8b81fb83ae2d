"""`taskctl history` and `get TASK#ALLOCATION` against the fake coordinator."""

from __future__ import annotations

import json

import grpc

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster, Refusal


def two_runs(cluster: FakeCluster) -> None:
    cluster.every_run = [
        wire.Run(task="b", executor="demo.noop", allocation_id=2, attempt=1, node="n2",
                 status="running", cause="start", started_at=1_000, running_for_ms=5_000),
        wire.Run(task="a", executor="demo.noop", allocation_id=1, attempt=1, node="n1",
                 status="ended", outcome="failed", cause="start", started_at=1_000, ended_at=3_000,
                 error=b'{"type": "E", "message": "no disk", "traceback": "line 1"}'),
    ]  # fmt: skip


def test_pt_a56_history_of_all_tasks_asks_with_every_filter(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    two_runs(cluster)
    flags = "--node n1 --executor demo.* --name a* --status running,ended --outcome failed,lost -l team=x"
    more = "--parent p --object shop/eu --longer-than 5m --since -1h --until 2026-11-21T14:00:00Z"
    ran = taskctl("history", *flags.split(), *more.split(), "--limit", "7")
    assert ran.code == 0
    (asked,) = cluster.asked("Runs")
    wanted = asked.filter
    assert (wanted.node, wanted.executor, wanted.id_pattern) == ("n1", "demo.*", "a*")
    assert list(wanted.statuses) == ["running", "ended"]
    assert (list(asked.outcomes), list(wanted.label_terms)) == (["failed", "lost"], ["team=x"])
    assert (wanted.parent, wanted.object_kind, wanted.object_id) == ("p", "shop", "eu")
    assert (wanted.running_longer_ms, asked.until_at) == (300_000, 1_795_269_600_000)
    assert asked.since_at > 0
    assert (asked.limit, asked.id) == (7, "")


def test_pt_a56_each_line_has_run_executor_node_and_outcome(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    two_runs(cluster)
    ran = taskctl("history")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0][:4] == ["RUN", "EXECUTOR", "TRY", "NODE"]
    assert [line[:4] for line in lines[1:]] == [
        ["a#1", "demo.noop", "1", "n1"],
        ["b#2", "demo.noop", "1", "n2"],
    ]
    assert "no disk" in ran.out
    listed = json.loads(taskctl("history", "-o", "json").out)
    assert (listed["kind"], [item["name"] for item in listed["items"]]) == (
        "RunList",
        ["a#1", "b#2"],
    )
    assert listed["items"][1]["running_for_ms"] == 5_000


def test_pt_a64_pages_are_written_as_they_come(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.every_run = [
        wire.Run(task=f"t{n}", allocation_id=n, status="ended") for n in range(2_500, 0, -1)
    ]
    ran = taskctl("history", "-o", "jsonl", "--limit", "2200")
    names = [json.loads(line)["name"] for line in ran.out.splitlines()]
    assert (names[0], names[-1], len(names)) == ("t2500#2500", "t301#301", 2_200)
    assert [asked.limit for asked in cluster.asked("Runs")] == [1_000, 1_000, 200]
    first = json.loads(taskctl("history", "-o", "json", "--limit", "3").out)
    again = taskctl("history", "-o", "json", "--limit", "1", "--page", first["next_page"])
    assert json.loads(again.out)["items"][0]["name"] == "t2497#2497"


def test_history_counts_and_groups(taskctl: Taskctl, cluster: FakeCluster) -> None:
    two_runs(cluster)
    assert taskctl("history", "--count").out == "2\n"
    assert json.loads(taskctl("history", "--count", "-o", "json").out)["count"] == 2
    ran = taskctl("history", "--group-by", "node")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["NODE", "RUNS", "WORDS"],
        ["n1", "1", "1", "failed"],
        ["n2", "1", "1", "running"],
    ]


def test_an_id_and_a_selection_do_not_go_together(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("history", "a", "--node", "n1")
    assert (ran.code, cluster.calls) == (2, [])
    assert "either an id or a selection" in ran.err
    assert taskctl("history", "--since", "yesterday").code == 2


def test_pt_a60_get_of_one_run(taskctl: Taskctl, cluster: FakeCluster) -> None:
    two_runs(cluster)
    ran = taskctl("get", "a#1")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["run", "a#1"]
    assert "no disk" in ran.out
    assert "line 1" in ran.out
    single = json.loads(taskctl("get", "a#1", "-o", "json").out)
    assert (single["kind"], single["name"], single["outcome"]) == ("Run", "a#1", "failed")
    cluster.put("odd#1")
    assert "id            odd#1" in taskctl("get", "odd#1").out


def test_pt_a60_get_of_an_unknown_run_says_what_is_known(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    text = "there is no run a#9; task a is running; n1 is ready"
    cluster.refuse["Runs"] = [Refusal(grpc.StatusCode.NOT_FOUND, "run_not_found", text)]
    ran = taskctl("get", "a#9")
    assert ran.code == 3
    assert text in ran.err


def test_tm_9_fates_are_listed_by_range_the_newest_last(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("nightly")
    cluster.fates = [
        wire.FateRange(fate="started", first_at=180_000, last_at=180_000, count=1, number=2),
        wire.FateRange(fate="skipped", reason="overlap", first_at=60_000, last_at=120_000, count=2, number=1),
    ]  # fmt: skip
    ran = taskctl("history", "nightly", "--fates", "--time", "utc")
    assert (ran.code, ran.err.strip()) == (0, "3 fire times")
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0] == ["FIRST", "LAST", "COUNT", "FATE", "REASON"]
    assert [row[-3:] for row in rows[1:]] == [["2", "skipped", "overlap"], ["1", "started", "-"]]
    told = json.loads(taskctl("history", "nightly", "--fates", "-o", "json", "--limit", "1").out)
    assert (told["kind"], told["next_page"]) == ("FateList", "1")
    assert told["items"] == [
        {
            "fate": "started",
            "reason": None,
            "first_at": "1970-01-01T00:03:00.000Z",
            "last_at": "1970-01-01T00:03:00.000Z",
            "count": 1,
        }
    ]


def test_fates_need_an_id(taskctl: Taskctl) -> None:
    for words in (("--fates",), ("nightly", "--fates", "--count")):
        assert taskctl("history", *words).code == 2


def test_tm_69_a_run_tells_what_it_stood_for_and_what_it_left(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.every_run = [
        wire.Run(task="a", allocation_id=1, status="ended", outcome="lost", node="n1",
                 occurrence_at=60_000, due_at=61_000, state_digest_before="aa", state_digest_after="bb",
                 state_bytes=7, log_lines=9, log_counts=wire.LogCounts(info=8, error=1),
                 progress=wire.Progress(done=40, total=100, message="half")),
    ]  # fmt: skip
    page = taskctl("get", "a#1", "--time", "utc").out
    rows = {text.split()[0]: text.split(maxsplit=1)[1] for text in page.splitlines()}
    assert rows["occurrence"] == "1970-01-01 00:01:00"
    assert rows["state"] == "aa -> bb, 7 bytes"
    assert rows["progress"].endswith("half")
    assert ["log", "lines", "8", "info,", "1", "error"] in map(str.split, page.splitlines())
    told = json.loads(taskctl("get", "a#1", "-o", "json").out)
    assert told["occurrence_at"] == "1970-01-01T00:01:00.000Z"
    assert told["log_counts"] == {"debug": 0, "info": 8, "warning": 0, "error": 1}
    wide = taskctl("history", "-o", "wide", "--time", "utc").out.splitlines()
    assert {"OCCURRENCE", "DUE", "LINES"} <= set(wide[0].split())
