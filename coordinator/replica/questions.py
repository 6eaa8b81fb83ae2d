"""What the helper process is told with a question, as MessagePack; the shapes are those of `executors.leader_calls`."""

from __future__ import annotations

from typing import Any

import msgspec

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
            "cluster": _cluster(view, task.executor, words, now),
        }
    )


def validate_payload(view: LeaderView, task: Task, words: Words, now: Now) -> bytes:
    """For `validate`."""
    cluster = _cluster(view, task.executor, words, now)
    return msgspec.msgpack.encode(
        {"params": task.params, "version": task.executor_version, "cluster": cluster}
    )


def _cluster(view: LeaderView, executor: str, words: Words, now: Now) -> dict[str, Any]:
    """Nodes, and news of this executor's tasks; the counters include what is under way."""
    return {
        "at": view.time(now),
        "nodes": [
            {**_candidate(view, node, executor), "code": _node_code(view, node)}
            for node in view.state.nodes_by_name()
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
        "free": node.units - used,
        "runs": dict(view.state.use_of(node.name).by_executor),
        "executor_version": node.version_of(executor) or 0,
    }


def _node_code(view: LeaderView, node: Node) -> str:
    if node.drain is not None:
        return Code.DRAINING.value
    return "" if node.name in view.connected else Code.NO_NODES.value
