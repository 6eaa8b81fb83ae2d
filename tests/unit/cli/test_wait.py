"""wait and start --wait: conditions, status lines, exit codes."""

from __future__ import annotations

import json
from functools import partial

import pytest

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

ENDED = wire.LastOutcome(outcome="succeeded", allocation_id=1, node="n2", duration_ms=5, ended_at=9)
FAILED = wire.LastOutcome(
    outcome="failed", allocation_id=1, node="n2", duration_ms=5, ended_at=9,
    error=b'{"type": "shop.Gone", "message": "410", "traceback": "..."}',
)  # fmt: skip


def test_wait_for_a_path_shows_what_was_waited_for(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello", state=b'{"tick":1}')
    cluster.then["Wait"] = [partial(cluster.put, "hello", state=b'{"tick":5}')]
    ran = taskctl("wait", "hello", "--for", "state.tick>=5")
    assert (ran.code, ran.out) == (0, "hello  running on n1  state.tick = 5\n")


def test_x10_a_task_that_failed_is_10_at_once(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("t", status="failed", last_outcome=FAILED)
    for args in ((), ("--for", "running")):
        ran = taskctl("wait", "t", *args)
        assert (ran.code, ran.out) == (10, "t  failed on n2 after 5 ms  Gone: 410\n")


def test_x10_cancelled_is_11_succeeded_is_0(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("c", status="cancelled")
    cluster.put("s", status="succeeded", last_outcome=ENDED)
    assert taskctl("wait", "c").code == 11
    ran = taskctl("wait", "s")
    assert (ran.code, ran.out) == (0, "s  succeeded on n2 after 5 ms\n")
    assert taskctl("wait", "c", "--for", "cancelled").code == 0


def test_x40_a_logged_warning_is_a_success_and_a_logged_error_a_failure(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    warned = wire.LastOutcome(outcome="warning", allocation_id=1, node="n2", ended_at=9)
    told = wire.LastOutcome(outcome="failed", reason="self_reported", allocation_id=1, ended_at=9)
    cluster.put("w", status="succeeded", last_outcome=warned)
    cluster.put("e", status="failed", last_outcome=told)
    for name, code, label in (("w", 0, "Warning"), ("e", 10, "Error")):
        assert taskctl("wait", name).code == code
        page = taskctl("get", name).out
        (line,) = (one for one in page.splitlines() if one.startswith("label"))
        assert line.split()[1:] == [label]


def test_x10_still_running_at_the_timeout_is_7(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("t")
    ran = taskctl("wait", "t", "--timeout", "300ms")
    assert ran.code == 7
    assert ran.err.splitlines()[0] == "error: wait t: time ran out"
    assert "it is running on n1" in ran.err


def test_x11_a_task_no_node_takes(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("t", status="unassigned", code="no_capacity", explanation="n3")
    ran = taskctl("wait", "t", "--give-up-unassigned", "200ms")
    assert ran.code == 12
    assert "no_capacity: n3" in ran.err


def test_status_changes_are_lines_on_stderr_and_the_end_is_told_once(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("t", status="assigned")
    cluster.then["Wait"] = [
        lambda: None,
        partial(cluster.put, "t", status="running"),
        partial(cluster.put, "t", status="succeeded", last_outcome=ENDED),
    ]
    ran = taskctl("wait", "t")
    assert ran.err.splitlines() == ["t  running on n1"]
    assert ran.out == "t  succeeded on n2 after 5 ms\n"


def test_of_several_the_worst_counts(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("a", status="succeeded", last_outcome=ENDED)
    cluster.put("b", status="cancelled")
    cluster.put("c", status="failed", last_outcome=FAILED)
    assert taskctl("wait", "a", "b", "c").code == 10
    assert taskctl("wait", "a", "b").code == 11


def test_any_ends_with_the_first(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("a", status="succeeded", last_outcome=ENDED)
    cluster.put("b")
    assert taskctl("wait", "a", "b", "--any").code == 0


def test_pt_a59_a_selection_is_one_list_and_one_watch(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    for name in ("a", "b", "c"):
        cluster.put(name, spec=wire.TaskSpec(labels={"team": "x"}))
    cluster.put("other")

    def told(request: wire.WatchRequest) -> list[wire.WatchResponse]:
        assert sorted(request.filter.ids) == ["a", "b", "c"]
        assert request.after_revision == cluster.revision
        ends = (("b", "running", None), ("a", "succeeded", ENDED), ("b", "failed", FAILED))
        return [change(cluster, *one) for one in ends] + [
            wire.WatchResponse(
                kind="CHANGE", revision=99,
                changes=[wire.WatchChange(type="removed", task=cluster.tasks["c"])],
            )
        ]  # fmt: skip

    cluster.watch = told
    ran = taskctl("wait", "-l", "team=x")
    assert ran.out.splitlines() == [
        "a  succeeded on n2 after 5 ms",
        "b  failed on n2 after 5 ms  Gone: 410",
        "c  gone",
    ]
    assert (ran.code, cluster.asked("Wait")) == (10, [])


def change(cluster: FakeCluster, name: str, status: str, last: object) -> wire.WatchResponse:
    task = cluster.put(name, status=status, **({"last_outcome": last} if last else {}))
    copy = wire.Task()
    copy.CopyFrom(task)
    changes = [wire.WatchChange(type="updated", task=copy)]
    return wire.WatchResponse(kind="CHANGE", revision=cluster.revision, changes=changes)


def test_x01_several_tasks_that_were_awaited_are_one_json_value(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("a", status="succeeded", last_outcome=ENDED)
    cluster.put("b", status="cancelled")
    ran = taskctl("wait", "a", "b", "-o", "json")
    tree = json.loads(ran.out)
    assert (tree["kind"], [item["id"] for item in tree["items"]]) == ("TaskList", ["a", "b"])
    assert (ran.code, ran.err) == (11, "")


def test_several_of_which_one_is_not_there(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("a", status="succeeded", last_outcome=ENDED)
    assert taskctl("wait", "a", "nope").code == 3
    cluster.put("import-eu", status="succeeded", last_outcome=ENDED)
    assert taskctl("wait", "a", "import").code == 0


def test_a_list_that_takes_too_long_is_7(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("a")
    cluster.put("b")
    ran = taskctl("wait", "a", "b", "--timeout", "400ms")
    assert ran.code == 7
    assert "a, b" in ran.err


def test_start_and_wait(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.then["Wait"] = [partial(cluster.put, "x", status="succeeded", last_outcome=ENDED)]
    ran = taskctl("start", "demo.noop", "--id", "x", "--wait")
    assert ran.code == 0
    assert ran.out == "x  succeeded on n2 after 5 ms\n"
    assert ran.err.splitlines()[0].startswith("x  assigned to n1  allocation 1")


def test_wait_as_json_is_the_task(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("s", status="succeeded", last_outcome=ENDED)
    ran = taskctl("wait", "s", "-o", "json")
    tree = json.loads(ran.out)
    assert (tree["kind"], tree["status"], ran.err) == ("Task", "succeeded", "")


def test_wait_for_what_is_not_there(taskctl: Taskctl) -> None:
    assert taskctl("wait", "nope").code == 3


def test_start_and_follow_shows_the_log_until_the_end(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    line = wire.LogLine(at=1_000, level="info", event="hello there", allocation_id=1)
    cluster.lines["x"] = [line]
    cluster.create_status = "unassigned"
    cluster.then["Wait"] = [partial(cluster.put, "x", status="running")]
    cluster.then["Logs"] = [partial(cluster.put, "x", status="succeeded", last_outcome=ENDED)]
    ran = taskctl("start", "demo.noop", "--id", "x", "--follow")
    assert ran.code == 0
    assert ran.out.splitlines()[0].endswith("hello there")
    assert ran.out.splitlines()[-1] == "x  succeeded on n2 after 5 ms"
    assert len(cluster.asked("Logs")) == 1


def test_the_limit_is_that_of_the_whole_command(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("start", "demo.noop", "--id", "x", "--wait", "--timeout", "300ms")
    assert ran.code == 7
    assert "no end within 0.3 s; it is assigned to n1" in ran.err


@pytest.mark.parametrize(
    "flags", [("--status", "failed"), ("-l", "x=y", "--for", "running"), ("--recurring",)]
)
def test_ex_3_an_id_beside_a_selection_is_refused_and_not_dropped(
    taskctl: Taskctl, cluster: FakeCluster, flags: tuple[str, ...]
) -> None:
    cluster.put("task-b")
    ran = taskctl("wait", "task-b", *flags)
    assert (ran.code, ran.out, cluster.calls) == (2, "", [])
    assert "either ids or a selection, not both" in ran.err


@pytest.mark.parametrize("flags", [("--give-up-unassigned", "5s"), ("--after", "3")])
def test_x01_of_several_that_are_waited_for_one_by_one(
    taskctl: Taskctl, cluster: FakeCluster, flags: tuple[str, ...]
) -> None:
    cluster.put("a", status="succeeded", last_outcome=ENDED)
    cluster.put("b", status="cancelled")
    ran = taskctl("wait", "a", "b", *flags, "-o", "json")
    tree = json.loads(ran.out)
    assert (tree["kind"], [item["id"] for item in tree["items"]]) == ("TaskList", ["a", "b"])
    assert (ran.code, ran.err) == (11, "")
    assert json.loads(taskctl("wait", "a", *flags, "-o", "json").out)["id"] == "a"


def test_x01_one_of_several_that_stays_unassigned(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("a", status="succeeded", last_outcome=ENDED)
    cluster.put("b", status="unassigned", code="no_capacity")
    ran = taskctl("wait", "a", "b", "--give-up-unassigned", "200ms", "-o", "json")
    assert [item["id"] for item in json.loads(ran.out)["items"]] == ["a"]
    assert (ran.code, json.loads(ran.err)["reason"]) == (12, "unassigned")
