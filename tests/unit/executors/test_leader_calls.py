"""The hooks of the leader as plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import override

from executors import (
    Assignment,
    Candidate,
    ClusterView,
    PersistentTasksExecutor,
    ValidationError,
)
from executors.builtin.noop import Noop
from executors.leader_calls import call_assignment, call_describe, call_validate

NODES = [
    {"name": "n1", "incarnation": "1-a", "attributes": {"zone": "a"}, "capacity": 20, "used": 4},
    {"name": "n2", "attributes": {"zone": "b"}, "free": 20, "runs": {"t.picky": 1}, "new": "field"},
]
CLUSTER: dict[str, Any] = {
    "at": 17,
    "nodes": [*NODES, {"name": "n3", "code": "draining"}],
    "tasks": [
        {
            "id": "a",
            "executor": "t.picky",
            "params": {"how": ""},
            "status": "running",
            "node": "n2",
        },
        {"id": "b", "executor": "other", "params": {}, "status": "waiting"},
    ],
}


class How(BaseModel):
    how: str = ""


class Picky(PersistentTasksExecutor[How, How]):
    """Answers as it is told to."""

    name = "t.picky"
    version = 2

    @override
    def validate(self, params: How, cluster: ClusterView) -> None:
        if params.how == "refuse":
            raise ValidationError("how", "not like this")
        if params.how == "crash":
            raise KeyError("oops")

    @override
    def get_assignment(
        self, params: How, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        answers: dict[str, Any] = {
            "zone": lambda: Assignment.to(
                next(one for one in candidates if one.attributes["zone"] == "b"), "in b"
            ),
            "stranger": lambda: Assignment.to("n9"),
            "nonsense": lambda: "n1",
            "lazy": lambda: Assignment.none("lazy", "wants a bigger node"),
            "view": lambda: Assignment.none("executor_refused", describe_view(cluster)),
            "forged": lambda: Assignment("none", (), "stopping", ""),
        }
        return answers.get(params.how, lambda: Assignment.least_loaded(candidates))()  # type: ignore[no-any-return]

    @override
    def describe(self, params: How) -> str:
        return f"how:\n{params.how}"

    @override
    def upgrade_params(self, old: dict[str, object], version: int) -> dict[str, object]:
        return {"how": old["old_how"]}

    @override
    async def node_operation(self, task: Any, params: How, state: How | None) -> None: ...


def describe_view(cluster: ClusterView) -> str:
    codes = [(one.name, one.code) for one in cluster.nodes]
    mine = [one.id for one in cluster.tasks("t.picky")]
    return f"{cluster.at} {codes} {mine} {len(list(cluster.tasks()))}"


def params(how: str) -> bytes:
    return How(how=how).model_dump_json().encode()


def assign(how: str) -> dict[str, Any]:
    return call_assignment(Picky.definition, params(how), 2, NODES, CLUSTER)


def test_validate() -> None:
    assert call_validate(Picky.definition, params("fine"), 2, CLUSTER) == {"ok": True}


@pytest.mark.parametrize(
    "data,field,message",
    [
        (params("refuse"), "how", "not like this"),
        (params("crash"), "", "validate raised KeyError: 'oops'"),
        (b'{"how": 5}', "how", "Input should be a valid string"),
        (b'{"what": 5}', "what", "Extra inputs are not permitted"),
        (b"no json", "", "Invalid JSON"),
    ],
)
def test_validate_refuses(data: bytes, field: str, message: str) -> None:
    answer = call_validate(Picky.definition, data, 2, CLUSTER)
    assert (answer["ok"], answer["code"], answer["field"]) == (False, "validation_failed", field)
    assert message in answer["message"]


def test_validate_upgrades_older_params() -> None:
    assert call_validate(Picky.definition, b'{"old_how": "fine"}', 1, CLUSTER) == {"ok": True}
    answer = call_validate(Picky.definition, b"{}", 1, CLUSTER)
    assert "step from version 1 to 2: KeyError" in answer["message"]


def test_a_chosen_node() -> None:
    assert assign("zone") == {"ok": True, "kind": "node", "node": "n2", "explanation": "in b"}


def test_least_loaded_is_left_to_the_cluster() -> None:
    assert assign("") == {"ok": True, "kind": "least_loaded", "among": ["n1", "n2"]}
    answer = call_assignment(Noop.definition, b"{}", 1, NODES, {})
    assert answer == {"ok": True, "kind": "least_loaded", "among": ["n1", "n2"]}


def test_nobody() -> None:
    assert assign("lazy") == {
        "ok": True,
        "kind": "none",
        "code": "lazy",
        "explanation": "wants a bigger node",
    }


def test_the_view_is_whole() -> None:
    assert assign("view")["explanation"] == (
        "17 [('n1', ''), ('n2', ''), ('n3', 'draining')] ['a'] 2"
    )


@pytest.mark.parametrize(
    "how,code,message",
    [
        ("stranger", "invalid_choice", "n9 is no candidate"),
        ("nonsense", "invalid_choice", "get_assignment answered str"),
        ("forged", "invalid_choice", "is no answer"),
    ],
)
def test_nonsense_is_told_from_errors(how: str, code: str, message: str) -> None:
    answer = assign(how)
    assert (answer["ok"], answer["code"]) == (False, code)
    assert message in answer["message"]


def test_an_exception_is_an_answer() -> None:
    answer = call_assignment(Picky.definition, params("zone"), 2, [{"name": "bare"}], {})
    assert answer["code"] == "assigner_error"
    assert "get_assignment raised KeyError: 'zone'" in answer["message"]


def test_describe_is_one_line() -> None:
    assert call_describe(Picky.definition, params("so"), 2) == {"ok": True, "text": "how: so"}
    assert call_describe(Picky.definition, b"{", 2)["code"] == "describe_failed"


def test_none_takes_known_codes_only() -> None:
    with pytest.raises(ValueError, match="allowed are executor_refused, lazy, awaiting_input"):
        Assignment.none("busy", "")


def test_least_loaded_of_nobody_is_a_refusal() -> None:
    assert Assignment.least_loaded(()).code == "executor_refused"
