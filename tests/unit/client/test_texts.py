"""Durations, instants, conditions, JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.client.conditions import compare, holds, parse_condition, value_at
from coordinator.client.durations import LONGEST_MS, format_duration, limit_text, parse_duration
from coordinator.client.from_wire import task_of
from coordinator.client.instants import parse_rfc3339, rfc3339
from coordinator.client.serializer import envelope, line, list_envelope, to_json
from coordinator.client.views import Answer, Task
from coordinator.wire.v1 import tasks_pb2 as wire


@pytest.mark.parametrize(
    "text, millis",
    [
        ("500ms", 500),
        ("90s", 90_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        ("1.5s", 1_500),
    ],
)
def test_durations(text: str, millis: int) -> None:
    assert parse_duration(text) == millis


@pytest.mark.parametrize("text", ["30", "", "s", "-5s", "5 minutes", "1h30", "5w"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="write 500ms"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["36501d", "99999999999999d", "9" * 400 + "d", "36500d1ms"])
def test_ex_9_a_duration_beyond_all_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="too long; at most 36500d"):
        parse_duration(text)
    assert parse_duration("36500d") == LONGEST_MS


@given(st.integers(min_value=0, max_value=LONGEST_MS))
def test_durations_read_back(millis: int) -> None:
    assert parse_duration(format_duration(millis)) == millis


def test_no_limit() -> None:
    assert (limit_text(0), limit_text(600_000)) == ("none", "10m")


def test_instants_have_milliseconds() -> None:
    at = parse_rfc3339("2026-11-21T14:02:11.120Z")
    assert rfc3339(at) == "2026-11-21T14:02:11.120Z"
    assert parse_rfc3339("2026-11-21T15:02:11.120+01:00") == at
    with pytest.raises(ValueError, match="names no time zone"):
        parse_rfc3339("2026-11-21T14:02:11")


@given(st.integers(min_value=0, max_value=4 * 10**12))
def test_instants_read_back(at: int) -> None:
    assert parse_rfc3339(rfc3339(at)) == at


def make_task(**fields: object) -> Task:
    return task_of(wire.Task(id="t", executor="demo.noop", status="running", node="n1", **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text, met",
    [
        ("state.tick>=5", True),
        ("state.tick > 5", False),
        ("state.tick!=4", True),
        ("state.items.1.name=b", True),
        ("state.missing>1", False),
        ("state.missing=null", True),
        ("state.name>=1", False),
        ("assignment.node!=n1", False),
        ("assignment.node=n1", True),
        ("allocation_id>1", True),
        ("state.on=true", True),
        ("running", True),
        ("succeeded", False),
        ("terminal", False),
    ],
)
def test_conditions(text: str, met: bool) -> None:
    state = b'{"tick": 5, "items": [{"name": "a"}, {"name": "b"}], "name": "x", "on": true}'
    assert holds(parse_condition(text), make_task(state=state, allocation_id=2)) is met


def test_true_is_not_one() -> None:
    assert not compare(True, ">=", 1)
    assert compare("b", ">", "a")


@pytest.mark.parametrize("text", ["sometime", "state.tick", ">=5", "a b=1"])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match="is no condition"):
        parse_condition(text)


def test_a_path_into_nothing() -> None:
    assert value_at({"a": [1]}, "a.5") is None
    assert value_at({"a": 1}, "a.b") is None


def test_ex17_ex18_a_task_as_json() -> None:
    task = make_task(
        params=b'{"created_at": 5}', state=b"", created_at=1_763_733_731_120,
        spec=wire.TaskSpec(timeout_ms=600_000, labels={"team": "shop"}),
        policy=wire.Policy(timeout_ms=0, max_attempts=0, retention_ms=-1),
    )  # fmt: skip
    tree = json.loads(to_json(envelope("Task", Answer(revision=1841, member="c1"), task)))
    assert list(tree)[:3] == ["apiVersion", "kind", "revision"]
    assert (tree["apiVersion"], tree["kind"], tree["revision"]) == ("ptasks/v1", "Task", 1841)
    assert tree["created_at"] == "2025-11-21T14:02:11.120Z"
    assert tree["params"] == {"created_at": 5}  # the user's own keys are nobody's business
    assert (tree["state"], tree["due_at"], tree["last_outcome"]) == (None, None, None)
    assert tree["spec"]["timeout"] == "10m"
    assert tree["spec"]["priority"] is None
    assert tree["spec"]["labels"] == {"team": "shop"}
    assert tree["policy"]["timeout"] == "none"
    assert tree["policy"]["retry"]["max_attempts"] == "unlimited"
    assert tree["assignment"] == {"node": "n1", "incarnation": None, "code": "", "explanation": ""}


SAMPLE_TASK_KEYS = (
    "id executor executor_version status desired stop_reason stopping_since_at params state state_version "
    "state_allocation_id state_is_current description spec allocation_id assignment attempts due_at last_outcome "
    "progress created_at updated_at started_at finished_at expires_at created_revision modified_revision"
)


def test_ex19_every_key_of_the_sample_is_there() -> None:
    tree = line("Task", make_task())
    assert set(SAMPLE_TASK_KEYS.split()) <= set(tree)
    assert set(tree["spec"]) >= {
        "schedule", "priority", "cost", "timeout", "retry", "constraints", "labels", "parent", "object", "after",
        "dedup_key", "headers", "retention",
    }  # fmt: skip


def test_a_list_has_items_and_the_next_page() -> None:
    tree = list_envelope(
        "TaskList", Answer(revision=7, member="c1", stale=True, age_ms=12), [make_task()]
    )
    assert (tree["revision"], tree["next_page"], tree["stale"], tree["age_ms"]) == (
        7,
        None,
        True,
        12,
    )
    assert "apiVersion" not in tree["items"][0]
    assert list_envelope("TaskList", None, [], "abc")["next_page"] == "abc"
