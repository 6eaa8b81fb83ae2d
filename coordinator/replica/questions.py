"""What the helper process is told with a question, as MessagePack; the shapes are those of `executors.leader_calls`."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.assignment.choose import eligible
from coordinator.assignment.objections import Need, need_of, objection_to
from coordinator.duties.view import LeaderView
from coordinator.model.instants import Now
from coordinator.model.nodes import Node
from coordinator.model.tasks import Code, Task
from coordinator.replica.shown import Words


def assign_payload(
    view: LeaderView, task: Task, candidates: list[Node], words: Words, now: Now
) -> bytes:
    """For `get_assignment`."""
    return msgspec.msgpack.encode(
        {
            "params": task.params,
            "version": task.executor_version,
            "candidates": [_candidate(view, node, task.executor) for node in candidates],
            "cluster": _cluster(view, task, words, now),
        }
    )


def validate_payload(view: LeaderView, task: Task, words: Words, now: Now) -> bytes:
    """For `validate`."""
    cluster = _cluster(view, task, words, now)
    return msgspec.msgpack.encode(
        {"params": task.params, "version": task.executor_version, "cluster": cluster}
    )


def _cluster(view: LeaderView, task: Task, words: Words, now: Now) -> dict[str, Any]:
    """Nodes, and news of this executor's tasks; the counters include what is under way.

    Nodes that are no candidates are there too, each with its code (PT-40).
    """
    need, nodes = need_of(task), list(view.state.nodes_by_name())
    exclusions = view.exclusions.of(task.id, now.steady)
    fit = {n.name for n in eligible(need, nodes, view.load, view.connected, exclusions)}
    return {
        "at": view.time(now),
        "nodes": [
            {
                **_candidate(view, node, task.executor),
                "code": "" if node.name in fit else _objection(view, node, need),
            }
            for node in nodes
        ],
        "tasks": words,
    }


def _candidate(view: LeaderView, node: Node, executor: str) -> dict[str, Any]:
    used = view.load.units(node.name)
    return {
        "name": node.name,
        "incarnation": node.incarnation,
        "attributes": dict(node.attributes),
        "capacity": node.units,
        "used": used,
        "free": view.load.room(node) - used,
        "runs": dict(view.state.use_of(node.name).by_executor),
        "executor_version": node.version_of(executor) or 0,
    }


def _objection(view: LeaderView, node: Node, need: Need) -> str:
    """The code of a node that is no candidate."""
    found = objection_to(need, node, view.load, view.connected)
    return (found.code if found is not None else Code.EXCLUDED).value
