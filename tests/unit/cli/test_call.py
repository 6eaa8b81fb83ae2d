"""`taskctl call`: what the run answers goes to stdout, and why it did not to stderr (PT-85)."""

from __future__ import annotations

import json
from pathlib import Path

import grpc

from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster, Refusal

AT_ODDS = grpc.StatusCode.FAILED_PRECONDITION


def test_pt_85_the_answer_as_json(taskctl: Taskctl, cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.put("t", executor="demo.noop", status="running")
    ran = taskctl("call", "t", "stats")
    assert (ran.code, json.loads(ran.out)) == (0, {"method": "stats", "got": None})
    file = tmp_path / "asked.json"
    file.write_text('{"n": [1]}')
    assert json.loads(taskctl("call", "t", "stats", f"@{file}").out)["got"] == {"n": [1]}
    whole = json.loads(taskctl("call", "t", "pace", "0.5", "-o", "json").out)
    assert (whole["kind"], whole["node"], whole["allocation_id"]) == ("CallAnswer", "n1", 7)
    assert whole["payload"] == {"method": "pace", "got": 0.5}


def test_pt_85_no_json_is_a_mistake_of_the_command(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("call", "t", "stats", "{")
    assert (ran.code, "payload: no JSON" in ran.err) == (2, True)
    assert taskctl("call", "t", "stats", "@/nowhere").code == 2
    assert cluster.asked("Call") == []


def test_pt_85_it_waits_for_a_run_and_says_why_there_was_none(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("t", executor="demo.noop", status="running")
    cluster.refuse["Call"] = [Refusal(AT_ODDS, "not_assigned", "not_assigned: the task is paused")]
    assert taskctl("call", "t", "stats").code == 0
    assert len(cluster.asked("Call")) == 2
    never = [Refusal(AT_ODDS, "not_here", "not_here: the run has ended") for _ in range(100)]
    cluster.refuse["Call"] = never
    ran = taskctl("call", "t", "stats", "--timeout", "400ms")
    assert (ran.code, "not_here" in ran.err) == (4, True)
    assert "taskctl get t" in ran.err
    cluster.refuse["Call"] = [Refusal(AT_ODDS, "call_failed", "call_failed: RuntimeError: broken")]
    ran = taskctl("call", "t", "stats")
    assert (ran.code, "RuntimeError: broken" in ran.err) == (4, True)
    assert taskctl("call", "nobody", "stats").code == 3


def test_ex_2_a_unique_beginning_of_an_id_will_do(taskctl: Taskctl, cluster: FakeCluster) -> None:
    for name in ("ingest-eu", "report-1", "report-2"):
        cluster.put(name)
    whole = json.loads(taskctl("call", "inge", "stats", "-o", "json").out)
    assert (whole["task"], cluster.asked("Call")[-1].id) == ("ingest-eu", "ingest-eu")
    ran = taskctl("call", "repo", "stats")
    assert (ran.code, "report-1 report-2" in ran.err) == (2, True)
    assert taskctl("call", "ing", "stats").code == 3
