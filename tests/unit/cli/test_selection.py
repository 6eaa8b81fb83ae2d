"""Ids, prefixes, selections, confirmations, read-only contexts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster


def statuses(cluster: FakeCluster) -> set[str]:
    return {task.status for task in cluster.tasks.values()}


def test_x05_an_ambiguous_prefix_changes_nothing(taskctl: Taskctl, cluster: FakeCluster) -> None:
    for name in ("report-1", "report-2", "abcd", "abcdef"):
        cluster.put(name)
    ran = taskctl("cancel", "repo")
    assert ran.code == 2
    assert ran.err.startswith("error: repo: matches 2 tasks: report-1 report-2\n")
    assert ran.out == ""
    assert statuses(cluster) == {"running"}


def test_x05_an_exact_id_wins(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("abcd")
    cluster.put("abcdef")
    assert json.loads(taskctl("get", "abcd", "-o", "json").out)["id"] == "abcd"


def test_x05_a_unique_prefix_will_do_and_the_full_id_is_printed(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("report-1")
    assert taskctl("cancel", "repo").out == "report-1  cancelled\n"
    assert taskctl("get", "rep").code == 3  # three characters are too few


def test_x05_an_ambiguous_one_among_several_changes_none(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    for name in ("other", "report-1", "report-2"):
        cluster.put(name)
    assert taskctl("cancel", "other", "repo").code == 2
    assert statuses(cluster) == {"running"}


def test_x18_more_than_twenty_are_confirmed_by_their_count(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    for number in range(21):
        cluster.put(f"task-{number:02}", spec=wire.TaskSpec(labels={"team": "shop"}))
    ran = taskctl("cancel", "-l", "team=shop")
    assert ran.code == 2
    assert ran.err.startswith("error: cancel: not confirmed")
    assert statuses(cluster) == {"running"}
    ran = taskctl("cancel", "-l", "team=shop", "--yes")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 21
    assert statuses(cluster) == {"cancelled"}


def test_some_failed_is_13_and_the_json_names_why(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("good")
    cluster.put("over", status="succeeded")
    ran = taskctl("cancel", "good", "over", "nope", "-o", "json")
    assert ran.code == 13
    items = {item["id"]: item for item in json.loads(ran.out)["items"]}
    assert [items[name]["result"] for name in ("good", "over", "nope")] == [
        "updated",
        "refused",
        "not_found",
    ]
    assert items["over"]["reason"] == "already_finished"
    assert [name for name, _ in cluster.calls if name.startswith("Cancel")] == ["CancelMany"]


def test_x19_of_three_selected_the_finished_one_is_named_and_the_others_are_changed(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    for name, status in (("a", "running"), ("b", "succeeded"), ("c", "running")):
        cluster.put(name, status=status, spec=wire.TaskSpec(labels={"team": "shop"}))
    ran = taskctl("cancel", "-l", "team=shop", "--status", "running,succeeded", "-o", "json")
    assert ran.code == 13
    items = {item["id"]: item for item in json.loads(ran.out)["items"]}
    assert {
        name: (item["status"], item["reason"]) for name, item in items.items() if name != "b"
    } == {
        "a": ("cancelled", None),
        "c": ("cancelled", None),
    }
    assert (items["b"]["result"], items["b"]["reason"]) == ("refused", "already_finished")
    assert cluster.tasks["b"].status == "succeeded"


def test_pt_79_a_selection_is_cancelled_in_one_call_with_the_outcome_of_each(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    for name, status in (("a", "running"), ("b", "failed"), ("c", "waiting")):
        cluster.put(name, status=status, spec=wire.TaskSpec(labels={"team": "shop"}))
    cluster.put("other")
    given = ("--reason", "enough", "--request-id", "r1", "--grace", "5s", "--purge")
    ran = taskctl("cancel", "-l", "team=shop", *given)
    assert ran.code == 13
    assert ran.out.splitlines() == ["a  cancelled", "c  cancelled"]
    assert "b  refused: cancel b: b has failed" in ran.err
    (request,) = cluster.asked("CancelMany")
    assert (list(request.filter.ids), list(request.filter.label_terms)) == (
        ["a", "b", "c"],
        ["team=shop"],
    )
    assert (request.change.reason, request.change.request_id) == ("enough", "r1")
    assert (request.grace_ms, request.purge, cluster.asked("Cancel")) == (5_000, True, [])
    assert cluster.tasks["other"].status == "running"


def test_tm_68_what_belongs_to_an_object_goes_finished_or_not(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.put("over", status="succeeded")
    cluster.put("here")
    assert taskctl("cancel", "--object", "order/7", "--purge").code == 13
    (request,) = cluster.asked("CancelMany")
    assert (request.filter.object_kind, request.filter.object_id) == ("order", "7")
    assert (list(request.filter.ids), request.purge) == (["here", "over"], True)
    assert request.filter.include_finished
    assert taskctl("cancel", "--object", "order/7").code == 0
    assert len(cluster.asked("CancelMany")) == 1  # without --purge only what has not ended is meant


def test_tm_68_standalone_ones_are_those_without_object_and_parent(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    assert taskctl("list", "--standalone").code == 0
    assert cluster.asked("List")[-1].filter.standalone


def test_pt_79_what_does_not_match_any_more_is_left_alone_and_said_so(
    taskctl: Taskctl, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        cluster.put(name, spec=wire.TaskSpec(labels={"team": "shop"}))
    pictures = [list(cluster.tasks.values()), [cluster.tasks["a"]]]  # before and in the call
    monkeypatch.setattr(cluster, "matching", lambda _: pictures.pop(0))
    ran = taskctl("cancel", "-l", "team=shop", "-o", "json")
    assert ran.code == 0
    items = {item["id"]: item["result"] for item in json.loads(ran.out)["items"]}
    assert items == {"a": "updated", "b": "skipped"}
    assert cluster.tasks["b"].status == "running"


def test_a_dry_run_of_many_writes_nothing(taskctl: Taskctl, cluster: FakeCluster) -> None:
    for name in ("aaaa", "bbbb"):
        cluster.put(name)
    ran = taskctl("cancel", "aaaa", "bbbb", "--dry-run")
    assert (ran.code, statuses(cluster)) == (0, {"running"})
    assert ran.out.count("(dry run: nothing was written)") == 2


@pytest.mark.parametrize("verb", ["list", "cancel"])
def test_pt_73_by_name_and_by_how_long_it_has_been_running(
    taskctl: Taskctl, cluster: FakeCluster, verb: str
) -> None:
    cluster.put("report-1")
    cluster.put("other")
    assert taskctl(verb, "--name", "report-*", "--longer-than", "1h30m").code == 0
    (asked, *_) = cluster.asked("List")
    assert (asked.filter.id_pattern, asked.filter.running_longer_ms) == ("report-*", 5_400_000)
    assert taskctl(verb, "--longer-than", "90").code == 2


def test_all_failed_is_the_code_of_the_failure(taskctl: Taskctl, cluster: FakeCluster) -> None:
    assert taskctl("cancel", "nope", "neither").code == 3


def test_ids_from_stdin(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("a")
    cluster.put("b")
    assert taskctl("cancel", "-", stdin="a\nb\n").code == 0
    assert statuses(cluster) == {"cancelled"}


def test_nothing_named_is_wrong_usage(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.put("a")
    assert taskctl("cancel").code == 2
    assert taskctl("cancel", "a", "-l", "x=y").code == 2
    assert statuses(cluster) == {"running"}


def test_x20_a_read_only_context_refuses_before_any_call(
    taskctl: Taskctl, cluster: FakeCluster, own_config: Path
) -> None:
    own_config.write_text(
        f'current = "prod"\n[contexts.prod]\naddr = "{cluster.address}"\nread_only = true\n'
    )
    cluster.put("a")
    for args in (
        ("start", "demo.noop"),
        ("cancel", "a"),
        ("rm", "a"),
        ("move", "a"),
        ("node", "drain", "n1", "--reason", "x"),
        ("node", "undrain", "n1"),
        ("node", "rm", "n1"),
        ("cluster", "set", "a=b"),
        ("cluster", "recheck"),
        ("limit", "set", "demo.noop", "--max", "1"),
        ("limit", "rm", "demo.noop"),
    ):
        ran = taskctl(*args)
        assert ran.code == 5, args
        assert "not sent, context prod is read only" in ran.err.splitlines()[0]
    assert cluster.calls == []
    assert taskctl("list").code == 0


def test_a_banner_is_shown_before_a_change(
    taskctl: Taskctl, cluster: FakeCluster, own_config: Path
) -> None:
    own_config.write_text('current = "prod"\n[contexts.prod]\nbanner = "this is production"\n')
    assert taskctl("start", "demo.noop").err == "this is production\n"
    assert taskctl("list", "--no-headers").err == "1 task · revision 11 · leader c1, term 6\n"
