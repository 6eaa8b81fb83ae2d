"""Three lines, first lines that stay put, exit codes, an error as JSON."""

from __future__ import annotations

import json
import socket

import grpc
import pytest

from coordinator.client import routing
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster, Refusal

Code = grpc.StatusCode


def unavailable(cause: str) -> Refusal:
    return Refusal(Code.UNAVAILABLE, "unavailable", "no leader", cause=cause)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_x06_no_quorum_says_who_answers_and_that_nothing_was_written(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.refuse["Create"] = [unavailable("no_quorum")] * 100
    cluster.has_quorum = False
    cluster.members = ["c1", "c2", "c3"]
    ran = taskctl("start", "demo.noop", "--timeout", "600ms")
    assert ran.code == 6
    assert ran.err.splitlines() == [
        "error: start demo.noop: no quorum",
        "why:   unavailable (no_quorum): 1 of 3 coordinators answers (c1), 2 are needed; "
        "asked c1, no leader for 4 s. Nothing was written.",
        "try:   start the others, then repeat; see them with: taskctl cluster status",
    ]
    ids = {request.change.request_id for request in cluster.asked("Create")}
    assert len(cluster.asked("Create")) > 1
    assert len(ids) == 1


def test_no_leader_yet(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.refuse["List"] = [unavailable("no_leader")] * 100
    ran = taskctl("list", "--timeout", "400ms")
    assert ran.code == 6
    assert ran.err.startswith("error: list: no leader\n")


def test_the_client_repeats_until_there_is_a_leader(taskctl: Taskctl, cluster: FakeCluster) -> None:
    cluster.refuse["Create"] = [unavailable("no_leader")] * 3
    assert taskctl("start", "demo.noop").code == 0


def test_nobody_there(bare: Taskctl) -> None:
    address = f"127.0.0.1:{free_port()}"
    ran = bare("list", "--addr", address, "--timeout", "400ms")
    assert ran.code == 6
    assert ran.err.startswith(f"error: cannot reach {address}: refused; is the cluster up?\n")


def test_x09_an_unknown_outcome_prints_the_request_id(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.refuse["Create"] = [Refusal(Code.UNKNOWN, "outcome_unknown", "lost the leader")] * 100
    ran = taskctl("start", "demo.noop", "--id", "x", "--request-id", "r-1", "--timeout", "400ms")
    assert ran.code == 7
    assert ran.err.splitlines()[0] == (
        "error: start x: outcome unknown; repeat with --request-id r-1 to find out"
    )
    cluster.refuse.clear()
    assert taskctl("start", "demo.noop", "--id", "x", "--request-id", "r-1").code == 0


@pytest.mark.parametrize(
    "code, reason, exit_code",
    [
        (Code.NOT_FOUND, "task_not_found", 3),
        (Code.FAILED_PRECONDITION, "unplaceable", 4),
        (Code.ABORTED, "revision_mismatch", 4),
        (Code.PERMISSION_DENIED, "forbidden", 5),
        (Code.INVALID_ARGUMENT, "too_large", 8),
        (Code.UNIMPLEMENTED, "not_supported", 8),
        (Code.RESOURCE_EXHAUSTED, "disk_full", 9),
        (Code.INTERNAL, "", 1),
        (Code.UNKNOWN, "", 1),
    ],
)
def test_exit_codes(
    taskctl: Taskctl,
    cluster: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    code: grpc.StatusCode,
    reason: str,
    exit_code: int,
) -> None:
    monkeypatch.setattr(routing, "HAND_OVER_S", 0.0)  # a full disk is asked for longer
    cluster.refuse["Create"] = [Refusal(code, reason, "for a test")]
    ran = taskctl("start", "demo.noop")
    assert ran.code == exit_code
    assert len(ran.err.splitlines()) in (2, 3)
    assert "Traceback" not in ran.err


def test_an_error_as_json_is_one_object_on_stderr(taskctl: Taskctl) -> None:
    ran = taskctl("get", "nope", "-o", "json")
    assert ran.out == ""
    error = json.loads(ran.err)
    assert (error["kind"], error["reason"], error["exit_code"]) == ("Error", "task_not_found", 3)
    assert set(error) >= {
        "code",
        "message",
        "hint",
        "details",
        "request_id",
        "apiVersion",
        "revision",
    }


def test_json_error_of_an_unavailable_cluster_names_cause_and_members(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.refuse["Create"] = [unavailable("no_quorum")] * 100
    cluster.members = ["c1", "c2", "c3"]
    error = json.loads(taskctl("start", "demo.noop", "-o", "json", "--timeout", "400ms").err)
    assert error["details"] == {"cause": "no_quorum", "members": "1/3"}


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("get",),
        ("list", "--no-such-flag"),
        ("list", "--timeout", "3"),
        ("start",),
        ("start", "demo.noop", "-p", "novalue"),
        ("start", "demo.noop", "--params", "[1]"),
        ("start", "demo.noop", "--due", "tomorrow"),
        ("wait", "x", "--for", "sometime"),
        ("list", "--addr", "nowhere"),
        ("list", "--context", "nope"),
        ("node", "drain", "n1"),
    ],
)
def test_wrong_usage_is_2_before_any_call(
    taskctl: Taskctl, cluster: FakeCluster, args: tuple[str, ...]
) -> None:
    ran = taskctl(*args)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert cluster.calls == []


def test_a_bare_number_is_no_duration(taskctl: Taskctl) -> None:
    assert "write 500ms, 90s, 5m, 1h30m or 2d" in taskctl("list", "--timeout", "3").err


def test_verbose_tells_of_each_call(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("start", "demo.noop", "-v", "--request-id", "r-7")
    assert "Create at 127.0.0.1:" in ran.err
    assert "c1 (leader c1, term 6), revision 11" in ran.err
    assert "request id r-7" in ran.err


def test_a_traceback_is_shown_only_when_asked_for(taskctl: Taskctl) -> None:
    assert "Traceback" not in taskctl("get", "nope", "-v").err
    assert "Traceback" in taskctl("get", "nope", "-vv").err
