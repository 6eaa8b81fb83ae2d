"""update, pause, resume, retry and cancel --run against the fake coordinator."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster


def test_update_names_the_fields_it_touches(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello", executor="demo.ticker")
    ran = taskctl(
        *("update", "hello", "-p", "until=3", "--label", "team=b", "--label", "old-"),
        *("--priority", "low", "--clear", "run-timeout", "--state", "[1]", "--reason", "slower"),
    )
    assert ran.code == 0, ran.err
    assert "from the next run on: params" in ran.out
    request = cluster.asked("Update")[0]
    assert (json.loads(request.params), request.merge_params) == ({"until": 3}, True)
    assert set(request.mask) == {"priority", "timeout_ms", "labels.team", "labels.old"}
    assert (request.spec.priority, dict(request.spec.labels)) == (1, {"team": "b"})
    assert not request.spec.HasField("timeout_ms")
    assert (request.set_state, request.state) == (True, b"[1]")
    assert request.change.reason == "slower"


def test_update_with_all_params_and_a_restart(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello")
    ran = taskctl("update", "hello", "--params", '{"a": 1}', "--restart", "--if-revision", "11")
    assert ran.code == 0, ran.err
    request = cluster.asked("Update")[0]
    assert (request.merge_params, request.restart, request.change.if_revision) == (False, True, 11)
    assert "next run" not in ran.out


def test_x20_update_with_an_old_revision(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello")
    ran = taskctl("update", "hello", "--priority", "7", "--if-revision", "3")
    assert ran.code == 4
    assert ran.err.startswith("error: update hello: revision is 11, you expected 3\n")


def test_x19_of_three_the_finished_one_is_named(taskctl: Taskctl, cluster: FakeCluster) -> None:
    for name, status in (("a", "running"), ("b", "succeeded"), ("c", "running")):
        cluster.put(name, status=status)
    ran = taskctl("-o", "json", "pause", "a", "b", "c", "--running", "finish")
    assert ran.code == 13
    items = {one["id"]: one for one in json.loads(ran.out)["items"]}
    assert (items["a"]["result"], items["c"]["result"]) == ("updated", "updated")
    assert items["b"]["reason"] == "already_finished"
    (asked,) = cluster.asked("ChangeMany")
    assert asked.pause.running == "finish"


def test_tm_26_pause_until_a_time_and_what_is_told_of_it(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("hello")
    ran = taskctl("pause", "hello", "--until", "2100-01-01T00:00:00Z", "--running", "stop")
    assert ran.code == 0, ran.err
    ends = 4_102_444_800_000
    assert [(one.until_at, one.running) for one in cluster.asked("Pause")] == [(ends, "stop")]
    cluster.put("hello", paused_until_at=ends)
    assert json.loads(taskctl("get", "hello", "-o", "json").out)["paused_until_at"] == (
        "2100-01-01T00:00:00.000Z"
    )
    assert "paused until" in taskctl("get", "hello").out
    assert "until 2100-01-01" in taskctl("list", "--time", "utc").out
    assert taskctl("pause", "hello", "--until", "90").code == 2
    assert "--until" in taskctl("pause", "hello", "--until", "soon").err
    assert len(cluster.asked("Pause")) == 1


def test_resume_and_retry(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello", status="paused")
    assert taskctl("resume", "hello").code == 0
    cluster.put("hello", status="failed", executor="demo.ticker")
    ran = taskctl("retry", "hello", "-p", "until=4", "--again")
    assert ran.code == 0, ran.err
    request = cluster.asked("Retry")[0]
    assert (json.loads(request.params), request.merge_params, request.again) == (
        {"until": 4},
        True,
        True,
    )


def test_cancel_of_one_run(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello")
    assert taskctl("cancel", "hello", "--rerun").code == 2
    assert taskctl("cancel", "hello", "--run", "--purge").code == 2
    assert taskctl("cancel", "hello", "--run", "--rerun", "--grace", "2s").code == 0
    request = cluster.asked("Cancel")[0]
    assert (request.scope, request.then, request.grace_ms) == ("run", "rerun", 2_000)


def test_ex_5_a_dry_run_of_each_says_so(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("hello")
    for words in (("pause", "hello"), ("resume", "hello"), ("update", "hello", "--cost", "4")):
        ran = taskctl(*words, "--dry-run", "--request-id", "r1")
        assert (ran.code, "dry run" in ran.out) == (0, True)
        change = cluster.asked(words[0].capitalize())[0].change
        assert (change.dry_run, change.request_id) == (True, "r1")
    assert cluster.tasks["hello"].status == "running"


def test_tm_32_all_or_nothing_goes_along_as_one_call(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    for name in ("a", "b"):
        cluster.put(name, status="paused")
    for verb in ("pause", "resume", "run-now", "retry"):
        assert taskctl(verb, "a", "b", "--all-or-nothing").code == 0
    assert taskctl("update", "a", "b", "--priority", "7", "--all-or-nothing").code == 0
    asked = cluster.asked("ChangeMany")
    assert [one.WhichOneof("what") for one in asked] == [
        *("pause", "resume", "run_now", "retry", "update")
    ]
    assert all(one.change.all_or_nothing for one in asked)
    assert taskctl("cancel", "a", "b", "--all-or-nothing").code == 0
    assert [one.change.all_or_nothing for one in cluster.asked("CancelMany")] == [True]


def test_tm_32_of_what_was_not_done_the_exit_code_is_that_of_the_reason(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("a", status="paused")
    ran = taskctl("-o", "json", "resume", "a", "missing", "--all-or-nothing")
    assert ran.code == 3
    items = {one["id"]: (one["result"], one["reason"]) for one in json.loads(ran.out)["items"]}
    assert items == {"a": ("refused", "not_done"), "missing": ("not_found", "task_not_found")}
    ran = taskctl("resume", "a", "missing", "--all-or-nothing")
    assert "not done: missing was refused" in ran.err


def test_tm_32_what_each_task_is_asked_by_itself_is_no_one_command(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("a", executor="demo.ticker")
    for words in (
        ("retry", "a", "b", "-p", "until=4"),
        ("pause", "a", "b", "--if-revision", "3"),
        ("cancel", "a", "b", "--run"),
        ("update", "a", "b", "--cron", "0 4 * * *"),
    ):
        ran = taskctl(*words, "--all-or-nothing")
        assert ran.code == 2, words
        assert "--all-or-nothing" in ran.err
    assert not cluster.asked("ChangeMany")
    assert taskctl("update", "a", "-p", "until=4", "--all-or-nothing").code == 0
    assert len(cluster.asked("Update")) == 1


def test_update_of_several_without_it_is_a_call_for_each(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    for name in ("aaaa", "bbbb"):
        cluster.put(name)
    ran = taskctl("update", "aaaa", "bbbb", "--priority", "7")
    assert ran.code == 0, ran.err
    assert sorted(one.id for one in cluster.asked("Update")) == ["aaaa", "bbbb"]
