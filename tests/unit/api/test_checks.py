"""Sizes, shapes and bounds at the door: each names its field (SEC-7, SEC-8, TM-1, EX-55)."""

from __future__ import annotations

import json
import socket

import pytest

from coordinator.api import checks
from coordinator.api.errors import Rejected
from coordinator.model import limits
from coordinator.model.nodes import Manifest
from coordinator.model.state import ClusterState
from coordinator.wire.v1 import tasks_pb2 as wire


def new(**more: object) -> wire.NewTask:
    return wire.NewTask(**{"id": "t", "executor": "demo.noop", **more})


def spec(**asked: object) -> wire.NewTask:
    return new(spec=wire.TaskSpec(**asked))


def objection(task: wire.NewTask) -> str:
    with pytest.raises(Rejected) as caught:
        checks.check_new_task(task)
    return caught.value.metadata["field"]


@pytest.mark.parametrize("task_id", ["a", "a b", "é", "x" * 255, "shop/1#2"])
def test_ids_that_print_are_taken(task_id: str) -> None:
    checks.check_new_task(new(id=task_id))


@pytest.mark.parametrize("task_id", ["", "x" * 256, "é" * 128, "a\nb", " a", "a ", "\u202eabc"])
def test_ids_that_do_not_are_refused(task_id: str) -> None:
    assert objection(new(id=task_id)) == "id"


@pytest.mark.parametrize(
    "asked, field",
    [
        ({"priority": 0}, "priority"),
        ({"priority": 101}, "priority"),
        ({"cost": -1}, "cost"),
        ({"cost": 1_001}, "cost"),
        ({"max_attempts": -1}, "max_attempts"),
        ({"max_attempts": 1_001}, "max_attempts"),
        ({"timeout_ms": 999}, "timeout"),
        ({"timeout_ms": 31 * 86_400_000}, "timeout"),
        ({"timeout_ms": -1}, "timeout"),
        ({"cancel_grace_ms": -1}, "cancel_grace_ms"),
        ({"cancel_grace_ms": 600_001}, "cancel_grace_ms"),
        ({"retention_ms": -1}, "retention_ms"),
        ({"on_lost": "never"}, "on_lost"),
        ({"isolation": "jail"}, "isolation"),
        ({"invalid_state": "maybe"}, "invalid_state"),
        ({"reset_after_ms": 999}, "reset_after"),
        ({"reset_after_ms": 30 * 86_400_000 + 1}, "reset_after"),
        ({"reset_after_ms": -1}, "reset_after"),
        ({"due_at": -1}, "due_at"),
        ({"due_at": 2**62}, "due_at"),
        ({"backoff": wire.Backoff(kind="random")}, "backoff.kind"),
        ({"backoff": wire.Backoff(jitter="lots")}, "backoff.jitter"),
        ({"backoff": wire.Backoff(first_ms=-1)}, "backoff.first"),
        ({"backoff": wire.Backoff(cap_ms=2**50)}, "backoff.cap"),
        ({"labels": {str(n): "" for n in range(65)}}, "labels"),
        ({"labels": {"k" * 64: ""}}, "labels." + "k" * 63),
        ({"labels": {"": "x"}}, "labels."),
        ({"labels": {"k": "v" * 256}}, "labels.k"),
        ({"labels": {"k": "a\nb"}}, "labels.k"),
        ({"headers": {"k": "a\x00b"}}, "headers"),
        ({"headers": {"k": "v" * 5_000}}, "headers"),
        ({"object_kind": "k" * 256}, "object_kind"),
        ({"object_id": "é" * 200}, "object_id"),
    ],
)
def test_tm_1_a_value_out_of_bounds_is_refused_by_name(
    asked: dict[str, object], field: str
) -> None:
    assert objection(spec(**asked)) == field


@pytest.mark.parametrize(
    "asked",
    [
        {"priority": 1, "cost": 0, "max_attempts": 0, "timeout_ms": 0, "retention_ms": 0},
        {"priority": 100, "cost": 1_000, "max_attempts": 1_000, "timeout_ms": 1_000},
        {"backoff": wire.Backoff(kind="fixed", first_ms=5), "on_lost": "fail"},
        {"labels": {"k" * 63: "v" * 255}, "headers": {"x-opaque-id": "v" * 4_000}},
        {"labels": {str(n): "" for n in range(64)}, "isolation": "process"},
        {"within_occurrence": True, "reset_after_ms": 1_000, "invalid_state": "raw"},
        {"reset_after_ms": 30 * 86_400_000},
        {"within_occurrence": False, "reset_after_ms": 0, "invalid_state": "fail"},
        {"object_kind": "order", "object_id": "x" * 255, "due_at": 0},
    ],
)
def test_sec_7_values_at_their_bounds_are_taken(asked: dict[str, object]) -> None:
    checks.check_new_task(spec(**asked))


def test_sec_7_params_up_to_their_limit() -> None:
    checks.check_new_task(new(params=b"x" * limits.PARAMS_BYTES_MAX))
    with pytest.raises(Rejected) as caught:
        checks.check_new_task(new(params=b"x" * (limits.PARAMS_BYTES_MAX + 1)))
    assert caught.value.reason == "too_large"
    assert caught.value.metadata == {"field": "params", "limit": "262144", "size": "262145"}


def test_an_executor_is_named_and_its_name_is_no_novel() -> None:
    assert objection(new(executor="")) == "executor"
    assert objection(new(executor="x" * 100_000)) == "executor"


@pytest.mark.parametrize("request_id", ["", "r", "x" * 128])
def test_ex_47_request_ids(request_id: str) -> None:
    checks.check_request_id(request_id)


@pytest.mark.parametrize("request_id", ["x" * 129, "a\tb"])
def test_ex_47_request_ids_that_are_refused(request_id: str) -> None:
    with pytest.raises(Rejected):
        checks.check_request_id(request_id)


def knowing(**body: object) -> ClusterState:
    state = ClusterState()
    text = json.dumps(body).encode()
    state.manifests["demo.noop"] = {"h": Manifest("demo.noop", 1, "h", text)}
    return state


SCHEMA = {
    "type": "object",
    "properties": {"url": {"type": "string"}, "deep": {"properties": {"n": {"minimum": 1}}}},
    "required": ["url"],
    "additionalProperties": False,
}


def test_params_are_held_against_the_schema_and_the_field_is_named() -> None:
    state, schemas = knowing(params_schema=SCHEMA), checks.Schemas()
    schemas.check(state, "demo.noop", b'{"url": "x", "deep": {"n": 1}}')
    for params, field in (
        (b'{"url": 5}', "params.url"),
        (b'{"url": "x", "deep": {"n": 0}}', "params.deep.n"),
        (b"{}", "params.url"),
        (b'{"url": "x", "more": 1}', "params.more"),
    ):
        with pytest.raises(Rejected) as caught:
            schemas.check(state, "demo.noop", params)
        assert caught.value.reason == "invalid_params"
        assert caught.value.metadata["field"] == field
        assert dict(caught.value.violations)[field]


def test_without_a_schema_any_object_will_do() -> None:
    checks.Schemas().check(knowing(own_validate=True), "demo.noop", b"")
    checks.Schemas().check(ClusterState(), "never.seen", b"{}")


def test_the_newest_manifest_counts() -> None:
    state = knowing(params_schema={"required": ["old"]})
    newer = json.dumps({"params_schema": {"required": ["new"]}}).encode()
    state.manifests["demo.noop"]["i"] = Manifest("demo.noop", 2, "i", newer)
    checks.Schemas().check(state, "demo.noop", b'{"new": 1}')
    with pytest.raises(Rejected):
        checks.Schemas().check(state, "demo.noop", b'{"old": 1}')


@pytest.mark.parametrize("params", [b"{", b"[1]", b"5", b"null", b'"x"', b"\xff\xfe", b"{}{}"])
def test_params_are_one_json_object(params: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        checks.Schemas().check(ClusterState(), "demo.noop", params)
    assert caught.value.reason == "invalid_params"


def nested(levels: int) -> bytes:
    """An object whose value is levels - 1 lists deep."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_sec_8_nesting_ends_at_32_levels() -> None:
    checks.Schemas().check(ClusterState(), "demo.noop", nested(32))
    for levels in (33, 900, 100_000):
        with pytest.raises(Rejected) as caught:
            checks.Schemas().check(ClusterState(), "demo.noop", nested(levels))
        assert caught.value.reason == "invalid_params"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strange"},
        {"properties": {"a": {"pattern": "("}}},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"properties": 7},
    ],
)
def test_pt_44_a_schema_that_makes_no_sense_breaks_nothing_but_its_own(schema: object) -> None:
    with pytest.raises(Rejected) as caught:
        checks.Schemas().check(knowing(params_schema=schema), "demo.noop", b'{"a": "x"}')
    assert caught.value.reason == "validation_failed"
    assert "demo.noop" in caught.value.message


def test_sec_9_nothing_is_fetched_because_of_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    def called(*_: object, **__: object) -> None:
        raise AssertionError("it went to the network")

    monkeypatch.setattr(socket, "getaddrinfo", called)
    monkeypatch.setattr(socket.socket, "connect", called)
    schema = {"$ref": "http://127.0.0.1:9/schema.json"}
    with pytest.raises(Rejected) as caught:
        checks.Schemas().check(knowing(params_schema=schema), "demo.noop", b"{}")
    assert caught.value.reason == "validation_failed"
    assert "network" not in caught.value.message


def test_a_manifest_that_is_no_json_has_no_schema() -> None:
    state = ClusterState()
    state.manifests["x"] = {"h": Manifest("x", 1, "h", b"{nonsense")}
    checks.Schemas().check(state, "x", b"{}")


def test_equal_requests_have_equal_hashes_and_parts_do_not_run_together() -> None:
    assert checks.content_hash(b"ab", b"c") == checks.content_hash(b"ab", b"c")
    assert checks.content_hash(b"ab", b"c") != checks.content_hash(b"a", b"bc")
    assert 0 <= checks.content_hash(b"") < 2**63
