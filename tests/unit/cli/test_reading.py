"""What is mistyped in a file, in JSON or in a duration is wrong usage that says where (EX-8, EX-9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

GOOD = {"id": "a", "executor": "demo.noop"}


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"spec": {"priority": "high"}}, "priority: expected int, got str"),
        ({"priority": 10**12}, "priority: "),
        ({"id": 3}, "id: expected str, got int"),
        ({"labels": ["x"]}, "labels: expected object, got array"),
        ({"labels": {"a": 1}}, "labels: expected str, got int"),
        ({"spec": {"retry": {"max_attempts": "many"}}}, "retry.max_attempts: expected int"),
        ({"retry": {"backoff": {"kind": 3}}}, "retry.backoff.kind: must be a text (got 3)"),
        ({"retry": {"backoff": {"first": 3}}}, "retry.backoff.first: must be a duration"),
        ({"retry": 3}, "retry: must be an object (got 3)"),
        ({"spec": ["x"]}, "spec: must be an object"),
        ({"timeout": 90}, "timeout: must be a duration such as 90s (got 90)"),
        ({"timeout": "99999999999999d"}, "timeout: '99999999999999d' is too long"),
        ({"schedule": 3}, "schedule: must be an object (got 3)"),
        ({"constraints": "zone=a"}, "constraints: must be an object"),
        ({"after": "abc"}, "after: expected array, got str"),
        ({"due_at": 3}, "due_at: must be an instant such as"),
        ({"due_at": "soon"}, "due_at: "),
        ({"paused": "yes"}, "paused: expected bool, got str"),
        ({"params": [1]}, "params: expected object, got array"),
        ({"params": {"a": [{"b": float("nan")}]}}, "params.a.0.b: must be a finite number"),
        ({"object": {"kind": 3, "id": "x"}}, "object.kind: expected str, got int"),
    ],
    ids=str,
)
def test_ex_8_a_mistyped_value_names_task_and_field(
    taskctl: Taskctl, cluster: FakeCluster, fields: dict[str, Any], said: str
) -> None:
    ran = taskctl("start", "-f", "-", stdin=json.dumps([GOOD, {"executor": "demo.noop"} | fields]))
    assert (ran.code, ran.out, cluster.calls) == (2, "", [])
    assert ran.err.startswith(f"error: -: task 2: {said}")


@pytest.mark.parametrize(
    "text, name",
    [
        (b"3", "a.json"),
        (b'"x"', "a.json"),
        (b"[3]", "a.json"),
        (b"\xff\xfe{", "a.json"),
        (b"\xff", "a.toml"),
        (b"1" * 5_000, "a.json"),
        (b"[" * 100_000, "a.json"),
        (b"task = 3", "a.toml"),
        (b'{"kind": "Change", "task": 3}', "a.json"),
    ],
    ids=lambda value: repr(value)[:20],
)
@pytest.mark.parametrize("verb", ["start -f", "schedule lint", "schedule apply -f"])
def test_ex_8_a_file_that_holds_no_tasks_is_wrong_usage(
    taskctl: Taskctl, tmp_path: Path, text: bytes, name: str, verb: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text)
    ran = taskctl(*verb.split(), str(path))
    assert ran.code == 2
    first, *_, last = ran.err.splitlines()
    assert first.startswith(f"error: {path}: ")
    assert last.startswith("try: ")


def test_ex_9_params_of_a_file_that_cannot_be_read(
    taskctl: Taskctl, cluster: FakeCluster, tmp_path: Path
) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\x00\xff")
    for name in (f"{tmp_path}/missing", str(binary), str(tmp_path), "nul\0name"):
        ran = taskctl("start", "demo.noop", "--params", f"@{name}")
        assert ran.code == 2
        assert ran.err.startswith("error: --params: ")
        assert "try:   taskctl start --help" in ran.err
    assert cluster.calls == []


@pytest.mark.parametrize(
    "args",
    [
        ("start", "demo.noop", "--due", "+99999999999999d"),
        ("start", "demo.noop", "--due", "+36501d"),
        ("start", "demo.noop", "--run-timeout", "99999999999999d"),
        ("start", "demo.noop", "--run-timeout", "9" * 400 + "d"),
        ("wait", "t", "--timeout", "99999999999999d"),
        ("history", "--since", "-99999999999999d"),
    ],
    ids=lambda args: " ".join(args)[:45],
)
def test_ex_9_a_duration_beyond_all_bounds_is_wrong_usage(
    taskctl: Taskctl, cluster: FakeCluster, args: tuple[str, ...]
) -> None:
    ran = taskctl(*args)
    assert (ran.code, cluster.calls) == (2, [])
    assert "at most 36500d" in ran.err


@pytest.mark.parametrize("text", [b"[contexts]\np = 3\n", b'current = "\xff"\n'], ids=repr)
def test_ex_22_a_file_of_contexts_that_cannot_be(
    taskctl: Taskctl, own_config: Path, text: bytes
) -> None:
    own_config.write_bytes(text)
    ran = taskctl("list")
    assert (ran.code, ran.err.startswith(f"error: {own_config}: ")) == (2, True)
    assert f"try:   mend or remove {own_config}" in ran.err


@pytest.mark.parametrize(
    "args, code, said",
    [
        (("start", "demo.noop", "-p", "a=NaN"), 8, "params.a: must be a finite number"),
        (("start", "demo.noop", "-p", "a=[1,-Infinity]"), 8, "params.a: must be a finite number"),
        (("start", "demo.noop", "-p", "a=1e999"), 8, "params.a: must be a finite number"),
        (("start", "demo.ticker", "-p", "until=NaN"), 8, "params.until: must be an integer"),
        (("start", "demo.noop", "--params", '{"a": [NaN]}'), 2, "params.a.0: must be a finite"),
        (("start", "demo.noop", "--params", "NaN"), 2, "params: must be a finite number"),
        (("update", "t", "--state", "NaN"), 2, "state: must be a finite number"),
        (("update", "t", "--state", '{"x": 1e999}'), 2, "state.x: must be a finite number"),
        (("call", "t", "m", '{"x": NaN}'), 2, "payload.x: must be a finite number"),
    ],
    ids=str,
)
def test_ex_9_a_number_that_is_not_finite_is_refused_and_not_sent_as_null(
    taskctl: Taskctl, cluster: FakeCluster, args: tuple[str, ...], code: int, said: str
) -> None:
    cluster.put("t")
    ran = taskctl(*args)
    assert (ran.code, said in ran.err) == (code, True)
    assert {"Create", "Update", "Call"}.isdisjoint(name for name, _ in cluster.calls)


def test_ex_9_the_text_of_such_a_number_may_still_be_given(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    assert taskctl("start", "demo.noop", "-p", 'a="NaN"').code == 0
    assert taskctl("start", "demo.ticker", "-p", "version=NaN", "-p", "until=1").code == 0
    sent = [json.loads(request.task.params) for request in cluster.asked("Create")]
    assert sent == [{"a": "NaN"}, {"version": "NaN", "until": 1}]


def test_ex_10_an_instant_of_toml_is_a_due_time(
    taskctl: Taskctl, cluster: FakeCluster, tmp_path: Path
) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text('[[task]]\nexecutor = "demo.noop"\ndue_at = 2026-11-21T14:00:00Z\n')
    assert taskctl("start", "-f", str(path)).code == 0
    assert cluster.asked("CreateMany")[0].tasks[0].spec.due_at == 1_795_269_600_000


@pytest.mark.parametrize(
    "words", [("get", "a\udcff"), ("start", "demo.noop", "--label", "a=\udcff")]
)
def test_ex_8_an_argument_that_is_not_utf_8_is_wrong_usage(
    taskctl: Taskctl, words: tuple[str, ...]
) -> None:
    """The shell hands on any bytes; Python keeps those that are no UTF-8 as lone surrogates."""
    ran = taskctl(*words)
    assert ran.code == 2
    assert "is not UTF-8: write it in UTF-8" in ran.err
    assert "bug" not in ran.err
