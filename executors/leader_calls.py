"""The three hooks that run for the leader: validate, get_assignment, describe, each as plain data in, plain data out.

For the helper process that keeps foreign code off the leader's loop. Nothing an executor does comes out as an
exception (a hang is the helper's business): the answer is a dict with `ok`, and where that is false a `code` and a
`message` for the user.

Shapes. Params are JSON bytes with the version they were written for. A candidate is
`{"name", "incarnation", "attributes", "capacity", "used", "free", "runs": {executor: count}, "executor_version"}`, the
cluster `{"at", "nodes": [candidate's fields and "code"], "tasks": [task views as they are, or dicts of their fields],
"tasks_left_out"}`; whatever is missing counts as empty. Units as in Candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from executors.definition import Definition
from executors.errors import ValidationError
from executors.reading import UnreadableError, read_params
from executors.views import NONE_CODES, Assignment, Candidate, ClusterView, NodeView, TaskView

MESSAGE_CHARS_MAX = 2_000

Answer = dict[str, Any]


def call_validate(
    definition: Definition, params: bytes, version: int, cluster: Mapping[str, Any]
) -> Answer:
    """May these params be stored? Strict: unknown keys are refused.

    `{"ok": True}`, or `{"ok": False, "code": "validation_failed", "field", "message"}`.
    """
    instance: Any = None
    try:
        instance = definition.make()
        if version >= definition.version:
            model = definition.params.check(params)
        else:
            model = read_params(definition, instance, params, version)
        instance.validate(model, cluster_view(cluster))
    except ValidationError as error:
        return _refused("validation_failed", error.message, field=error.field)
    except UnreadableError as error:
        return _refused("validation_failed", str(error), field="")
    except Exception as error:  # noqa: BLE001  (foreign code: its exception refuses this creation and nothing else)
        return _refused("validation_failed", _told("validate", error), field="")
    return {"ok": True}


def call_assignment(
    definition: Definition,
    params: bytes,
    version: int,
    candidates: Sequence[Mapping[str, Any]],
    cluster: Mapping[str, Any],
) -> Answer:
    """Which node?

    `{"ok": True, "kind": "node", "node", "explanation"}`, `{"ok": True, "kind": "least_loaded", "among": [names]}`,
    `{"ok": True, "kind": "none", "code", "explanation"}`, or `{"ok": False, "code", "message"}` with code
    `assigner_error` (it raised) or `invalid_choice` (what it answered is no answer).
    """
    choices = tuple(Candidate(**_known(Candidate, one)) for one in candidates)
    try:
        instance = definition.make()
        model = read_params(definition, instance, params, version)
        answer = instance.get_assignment(model, choices, cluster_view(cluster))
    except Exception as error:  # noqa: BLE001  (foreign code: its exception concerns its own tasks only)
        return _refused("assigner_error", _told("get_assignment", error))
    return _checked(answer, {one.name for one in choices})


def call_describe(definition: Definition, params: bytes, version: int) -> Answer:
    """One line for lists: `{"ok": True, "text"}` (maybe empty), or `{"ok": False, "code": "describe_failed", ...}`."""
    try:
        instance = definition.make()
        text = instance.describe(read_params(definition, instance, params, version))
        line = " ".join(str(text).split())
    except Exception as error:  # noqa: BLE001  (foreign code; a list is shown without its line)
        return _refused("describe_failed", _told("describe", error))
    return {"ok": True, "text": line[:MESSAGE_CHARS_MAX]}


def cluster_view(cluster: Mapping[str, Any]) -> ClusterView:
    """The frozen view of the plain dict."""
    return ClusterView(
        at=cluster.get("at", 0),
        nodes=tuple(NodeView(**_known(NodeView, one)) for one in cluster.get("nodes", ())),
        _tasks=tuple(_task_view(one) for one in cluster.get("tasks", ())),
        tasks_left_out=cluster.get("tasks_left_out", 0),
    )


def _task_view(one: TaskView | Mapping[str, Any]) -> TaskView:
    return one if isinstance(one, TaskView) else TaskView(**_known(TaskView, one))


def _known(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Only what this release of the SDK knows, so that a newer coordinator may send more."""
    return {name: values[name] for name in kind.__dataclass_fields__ if name in values}


def _checked(answer: object, names: set[str]) -> Answer:
    if not isinstance(answer, Assignment):
        return _refused("invalid_choice", f"get_assignment answered {type(answer).__name__}")
    strangers = sorted(str(name) for name in set(answer.nodes) - names)
    if strangers:
        return _refused("invalid_choice", f"{', '.join(strangers)} is no candidate")
    explanation = str(answer.explanation)[:MESSAGE_CHARS_MAX]
    match answer.kind, answer.nodes:
        case "node", (name,):
            return {"ok": True, "kind": "node", "node": name, "explanation": explanation}
        case "least_loaded", (_, *_):
            return {"ok": True, "kind": "least_loaded", "among": sorted(answer.nodes)}
        case "none", () if answer.code in NONE_CODES:
            return {"ok": True, "kind": "none", "code": answer.code, "explanation": explanation}
        case _:
            return _refused("invalid_choice", f"{answer!r} is no answer")


def _refused(code: str, message: str, **more: str) -> Answer:
    return {"ok": False, "code": code, "message": message[:MESSAGE_CHARS_MAX], **more}


def _told(hook: str, error: Exception) -> str:
    return f"{hook} raised {type(error).__name__}: {error}"
