"""`taskctl cluster events` against the fake coordinator (TM-75)."""

from __future__ import annotations

import json

from coordinator.wire.v1 import cluster_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster


def three(cluster: FakeCluster) -> None:
    cluster.audit = [
        wire.Event(number=3, revision=9, at=3_000, by="operator", action="set", kind="settings",
                   target="retry.first", change="retry.first=9s", answer="ok"),
        wire.Event(number=2, revision=8, at=2_000, by="cluster", action="resume", kind="task",
                   target="a", answer="ok"),
        wire.Event(number=1, revision=7, at=1_000, by="operator", action="pause", kind="executor",
                   reason="migration", answer="limit_reached", detail="too many",
                   request_id="r", caller="desk 7"),
    ]  # fmt: skip


def test_tm_75_one_line_each_the_newest_last(taskctl: Taskctl, cluster: FakeCluster) -> None:
    three(cluster)
    ran = taskctl("cluster", "events")
    assert (ran.code, ran.err) == (0, "3 events\n")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["WHEN", "BY", "ACTION", "KIND", "TARGET", "CHANGE", "ANSWER", "REASON"]
    assert [line[-7:] for line in lines[1:]] == [
        ["operator", "pause", "executor", "-", "-", "limit_reached", "migration"],
        ["cluster", "resume", "task", "a", "-", "ok", "-"],
        ["operator", "set", "settings", "retry.first", "retry.first=9s", "ok", "-"],
    ]


def test_tm_75_json_has_all_of_it_and_the_next_page(taskctl: Taskctl, cluster: FakeCluster) -> None:
    three(cluster)
    ran = taskctl("cluster", "events", "--limit", "2", "-o", "json")
    told = json.loads(ran.out)
    assert (told["kind"], [item["number"] for item in told["items"]]) == ("EventList", [2, 3])
    assert told["items"][0]["reason"] is None
    ran = taskctl("cluster", "events", "--page", told["next_page"], "-o", "json")
    (first,) = json.loads(ran.out)["items"]
    assert (first["detail"], first["request_id"], first["caller"]) == ("too many", "r", "desk 7")
    assert first["target"] is None


def test_tm_75_a_short_list_says_that_there_are_more(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    three(cluster)
    ran = taskctl("cluster", "events", "--limit", "1")
    assert ran.err == "1 event; there are more, see --limit\n"
    ran = taskctl("cluster", "events", "-o", "jsonl", "--limit", "3")
    assert [json.loads(line)["number"] for line in ran.out.splitlines()] == [3, 2, 1]


def test_ex_17_each_line_of_jsonl_has_its_kind(taskctl: Taskctl, cluster: FakeCluster) -> None:
    three(cluster)
    ran = taskctl("cluster", "events", "-o", "jsonl")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [(one["kind"], one["target_kind"]) for one in told] == [
        ("Event", "settings"),
        ("Event", "task"),
        ("Event", "executor"),
    ]
