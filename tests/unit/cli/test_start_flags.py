"""`start`: what goes with a file, with --ensure and with --wait (EX-5, EX-10)."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster
from tests.unit.cli.test_wait import ENDED, FAILED, change

TWO = [{"id": "f1", "executor": "demo.noop"}, {"id": "f2", "executor": "demo.noop"}]


@pytest.fixture
def two(tmp_path: Path) -> str:
    path = tmp_path / "two.json"
    path.write_text(json.dumps(TWO))
    return str(path)


@pytest.mark.parametrize(
    "flags",
    [
        ("--paused",),
        ("--due", "+2h"),
        ("--label", "team=x"),
        ("--follow",),
        ("--ensure", "--id", "zzz"),
        ("--cron", "* * * * *"),
        ("-p", "a=1"),
        ("--no-within-occurrence",),
        ("--priority", "3", "--wait"),
    ],
    ids=" ".join,
)
def test_ex_10_a_flag_that_a_file_would_swallow_is_refused_and_named(
    taskctl: Taskctl, cluster: FakeCluster, two: str, flags: tuple[str, ...]
) -> None:
    ran = taskctl("start", "-f", two, *flags)
    assert (ran.code, ran.out, cluster.calls) == (2, "", [])
    named = "--param" if flags[0] == "-p" else flags[0].replace("--no-", "--")
    assert named in ran.err.splitlines()[0]


def test_ex_4_global_flags_go_with_a_file(taskctl: Taskctl, two: str) -> None:
    ran = taskctl("start", "-f", two, "--reason", "r", "--request-id", "q", "-o", "name", "-y")
    assert (ran.code, ran.out) == (0, "f1\nf2\n")


def ends(cluster: FakeCluster, _: wire.WatchRequest) -> list[wire.WatchResponse]:
    return [change(cluster, "f1", "succeeded", ENDED), change(cluster, "f2", "failed", FAILED)]


def test_ex_5_all_tasks_of_a_file_are_waited_for(
    taskctl: Taskctl, cluster: FakeCluster, two: str
) -> None:
    cluster.watch = partial(ends, cluster)
    ran = taskctl("start", "-f", two, "--wait")
    assert ran.err.splitlines() == [
        "f1  assigned to n1  allocation 1",
        "f2  assigned to n1  allocation 2",
    ]
    assert ran.out.splitlines() == [
        "f1  succeeded on n2 after 5 ms",
        "f2  failed on n2 after 5 ms  Gone: 410",
    ]
    assert ran.code == 10


def test_ex_5_what_a_file_was_refused_is_told_beside_what_ended(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    text = json.dumps([*TWO, {"id": "f3", "executor": "nobodys"}])
    cluster.watch = partial(ends, cluster)
    ran = taskctl("start", "-f", "-", "--wait", "-o", "json", stdin=text)
    items = json.loads(ran.out)["items"]
    assert [(item["id"], item.get("status"), item["result"]) for item in items] == [
        ("f1", "succeeded", "created"),
        ("f2", "failed", "created"),
        ("f3", None, "refused"),
    ]
    assert (ran.code, ran.err) == (13, "")
    alone = json.dumps({"id": "f3", "executor": "nobodys"})
    assert taskctl("start", "-f", "-", "--wait", stdin=alone).code == 8


def test_ex_5_a_dry_run_of_a_file_says_so_and_waits_for_nothing(
    taskctl: Taskctl, cluster: FakeCluster, two: str
) -> None:
    said = "(dry run: nothing was written)"
    ran = taskctl("start", "-f", two, "--dry-run", "--wait")
    assert ran.out.splitlines() == [
        f"f1  created  {said}",
        f"f2  created  {said}",
        f"2 of 2 tasks  {said}",
    ]
    listed = json.loads(taskctl("start", "-f", two, "--dry-run", "-o", "json").out)
    assert [(item["result"], item["dry_run"]) for item in listed["items"]] == [
        ("created", True),
        ("created", True),
    ]
    assert cluster.tasks == {}


@pytest.mark.parametrize("flag", ["--wait", "--follow"])
def test_ex_5_what_was_ensured_is_waited_for(
    taskctl: Taskctl, cluster: FakeCluster, flag: str
) -> None:
    cluster.then["Ensure"] = [partial(cluster.put, "x", status="failed", last_outcome=FAILED)]
    ran = taskctl("start", "demo.noop", "--id", "x", "--ensure", flag)
    assert (ran.code, ran.out.splitlines()[-1]) == (10, "x  failed on n2 after 5 ms  Gone: 410")
    assert ran.err.splitlines()[0].startswith("x  created")


def test_ex_5_what_is_gone_before_it_is_seen_is_no_success(
    taskctl: Taskctl, cluster: FakeCluster, two: str
) -> None:
    cluster.watch = partial(ends, cluster)
    real = cluster.matching
    cluster.matching = lambda wanted: [one for one in real(wanted) if one.id != "f1"]  # type: ignore[method-assign]
    ran = taskctl("start", "-f", two, "--wait")
    assert ran.out.splitlines()[0] == "f1  gone"
    assert ran.code == 10
