"""`taskctl limit`, `taskctl cluster rebalance`, and constraints from flags and files (PT-80, PT-83, TM-60)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.client.constraints import (
    constraints_from_wire,
    constraints_of_words,
    constraints_to_wire,
)
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

ALL = {
    "require": {"zone": "a", "disk": ["ssd", "nvme"], "gpu": True},
    "avoid": {"arch": "arm"},
    "prefer": [{"attribute": "zone", "values": ["a"], "weight": 80}],
    "spread": ["rack"],
    "apart": ["app=db"],
}


def test_tm_60_limits_are_listed_set_and_removed(taskctl: Taskctl, cluster: FakeCluster) -> None:
    shown = taskctl("limit", "list").out.splitlines()
    assert shown[1].split()[:6] == ["demo.noop", "cluster", "5", "2", "3", "ann"]
    assert taskctl("limit", "set", "group:gpu", "--max", "3").out == "group:gpu: changed\n"
    assert taskctl("limit", "rm", "group:gpu", "--per-node").out == "group:gpu: unchanged\n"
    asked = cluster.asked("SetLimit")[0]
    assert (asked.scope, asked.key, asked.max) == ("cluster", "group:gpu", 3)
    assert cluster.asked("RemoveLimit")[0].scope == "node"
    assert taskctl("limit", "set", "x", "--max", "-1").code == 2


def test_tm_60_a_limit_that_nobody_declares_is_told_to_hold_back_nothing(taskctl: Taskctl) -> None:
    ran = taskctl("limit", "set", "nobodys", "--max", "1")
    assert (ran.code, ran.out) == (0, "nobodys: changed\n")
    assert ran.err.startswith("note: no executor declares nobodys for the cluster")
    assert taskctl("limit", "set", "demo.noop", "--max", "1").err == ""


def test_tm_28_an_executor_is_paused_and_resumed(taskctl: Taskctl, cluster: FakeCluster) -> None:
    words = ("executor", "pause", "demo.noop", "--reason", "audit", "--running", "stop")
    assert taskctl(*words).out == "demo.noop: paused\n"
    asked = cluster.asked("PauseExecutor")[0]
    assert (asked.name, asked.all, asked.running) == ("demo.noop", False, "stop")
    assert asked.change.reason == "audit"
    assert taskctl("executor", "resume", "demo.noop").out == "demo.noop: unchanged\n"
    refused = taskctl("executor", "pause", "demo.nope", "--reason", "audit")
    assert (refused.code, "taskctl executor list" in refused.err) == (3, True)


def test_tm_28_everything_is_paused_and_resumed(taskctl: Taskctl, cluster: FakeCluster) -> None:
    assert taskctl("executor", "pause", "--all", "--reason", "fire").out == "everything: paused\n"
    asked = cluster.asked("PauseExecutor")[0]
    assert (asked.name, asked.all, asked.running) == ("", True, "finish")
    ran = taskctl("-o", "json", "executor", "resume", "--all")
    assert json.loads(ran.out)["cleared"] == ["assignment.enable", "demo.noop"]
    ran = taskctl("executor", "resume", "--all")
    assert ran.out == "everything: resumed (assignment.enable, demo.noop)\n"


@pytest.mark.parametrize(
    "words",
    [
        ("pause", "demo.noop"),
        ("pause", "--reason", "audit"),
        ("pause", "demo.noop", "--all", "--reason", "audit"),
        ("resume",),
        ("resume", "demo.noop", "--all"),
    ],
)
def test_tm_28_a_pause_needs_a_reason_and_one_thing_that_is_meant(
    taskctl: Taskctl, cluster: FakeCluster, words: tuple[str, ...]
) -> None:
    assert taskctl("executor", *words).code == 2
    assert not cluster.asked("PauseExecutor")


def test_tm_28_lists_say_who_paused_an_executor_and_why(taskctl: Taskctl) -> None:
    assert 'paused by ann ("audit")' in taskctl("executor", "list").out
    page = taskctl("executor", "get", "demo.noop").out
    assert 'paused        paused by ann ("audit")' in page


def test_pt_80_moves_are_listed_with_what_holds_them_back(taskctl: Taskctl) -> None:
    ran = taskctl("cluster", "rebalance")
    assert ran.out.splitlines()[1].split() == ["t1", "n1", "n2"]
    assert "rebalance.enable = off" in ran.err


def test_pt_83_constraints_from_flags(taskctl: Taskctl, cluster: FakeCluster) -> None:
    words = "--require zone=a --require disk=ssd,nvme --require gpu --avoid arch=arm"
    more = "--prefer zone=a:80 --spread rack --apart app=db"
    assert taskctl("start", "demo.noop", *words.split(), *more.split()).code == 0
    asked = cluster.asked("Create")[0].task.spec.constraints
    assert constraints_from_wire(asked) == ALL


def test_pt_83_constraints_from_a_file(
    taskctl: Taskctl, cluster: FakeCluster, tmp_path: Path
) -> None:
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps({"executor": "demo.noop", "id": "a", "constraints": ALL}))
    assert taskctl("start", "-f", str(path)).code == 0
    asked = cluster.asked("CreateMany")[0].tasks[0].spec.constraints
    assert constraints_from_wire(asked) == ALL
    path.write_text(json.dumps({"executor": "demo.noop", "constraints": {"need": {}}}))
    ran = taskctl("start", "-f", str(path))
    assert ran.code == 2
    assert "unknown field need" in ran.err


def test_a_preference_without_a_weight_has_the_middle_one() -> None:
    found = constraints_of_words({"prefer": ["gpu", "zone=a,b"]})
    assert [one.weight for one in constraints_to_wire(found).prefer] == [50, 50]


@pytest.mark.parametrize(
    "wrong",
    [{"require": ["zone"]}, {"require": {"zone": 1}}, {"prefer": ["zone"]}, {"spread": "zone"}],
)
def test_what_is_no_constraint_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError), match=r"constraints\."):
        constraints_to_wire(wrong)
