"""What would help a task that has no place, and which limits it stands under, with who holds them (PT-76)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from coordinator.assignment.constraints import missing, unwanted
from coordinator.assignment.load import Load
from coordinator.assignment.objections import Need, Objection
from coordinator.model.concurrency import TaskLimit
from coordinator.model.constraints import Constraints
from coordinator.model.ids import NodeName
from coordinator.model.nodes import Node
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Code, Task
from coordinator.wire.v1 import tasks_pb2 as wire

HOLDERS_SHOWN = 10


def hint_on_node(
    answer: wire.ExplainResponse, need: Need, node: Node, objection: Objection, load: Load
) -> None:
    """What would make this node do."""
    name = node.name
    match objection.code:
        case Code.NO_EXECUTOR | Code.OLDER_EXECUTOR:
            _add(answer, f"install {need.executor} v{need.version} on {name}")
        case Code.DRAINING:
            _add(answer, f"end the drain of {name}", f"taskctl node undrain {name}")
        case Code.NO_CAPACITY:
            short = need.units - (load.room(node) - load.units(name))
            _add(answer, f"{short} more unit{'' if short == 1 else 's'} on {name}")
        case Code.NO_NODES:
            _add(answer, f"start {name}")
        case Code.CONSTRAINTS if need.constraints is not None:
            _hint_on_constraints(answer, need.constraints, node, load)
        case Code.RESERVED if load.reserved is not None:
            _add(answer, f"a place for {load.reserved.task_id}, which comes first")
        case _:
            pass


def _hint_on_constraints(
    answer: wire.ExplainResponse, constraints: Constraints, node: Node, load: Load
) -> None:
    """The node can only be another one; a label that has to be apart may also go."""
    if wanted := missing(constraints, node):
        _add(answer, f"a node with {', '.join(wanted)}")
    if others := unwanted(constraints, node):
        _add(answer, f"a node without {', '.join(others)}")
    if not wanted and not others:
        for label in constraints.apart:
            if load.labelled(node.name, label):
                _add(answer, f"a node that runs no task labelled {label}")


def hint_in_all(answer: wire.ExplainResponse, task: Task) -> None:
    """What would help wherever it went."""
    match answer.code:
        case Code.TYPE_PAUSED:
            name = shlex.quote(task.executor)
            _add(answer, f"resume {task.executor}", f"taskctl executor resume {name}")
        case Code.PAUSED:
            _add(answer, "resume it", f"taskctl resume {task.id}")
        case Code.ASSIGNMENT_DISABLED:
            _add(answer, "switch assignment on", "taskctl cluster set assignment.enable=all")
        case Code.AWAITING_INPUT | Code.LAZY | Code.EXECUTOR_REFUSED:
            _add(answer, "have its executor asked again", f"taskctl cluster recheck {task.id}")
        case Code.ASSIGNER_MISSING:
            _add(answer, f"install {task.executor} on the coordinators")
        case _:
            pass
    for held in answer.limits:
        if held.runs >= held.max:
            scope = " --per-node" if held.scope == "node" else ""
            command = f"taskctl limit set {shlex.quote(held.key)} --max {held.runs + 1}{scope}"
            _add(answer, f"a higher limit {held.key}", command)
            if held.holders:
                _add(answer, f"an end of {', '.join(held.holders)}")


def _add(answer: wire.ExplainResponse, text: str, command: str = "") -> None:
    """Once, also where several nodes lack the same."""
    if all(hint.text != text for hint in answer.hints):
        answer.hints.add(text=text, command=command)


def limits_of(state: ClusterState, task: Task) -> Iterator[wire.LimitHeld]:
    """Those of the whole cluster, and those of a node where it is full."""
    for limit in task.limits:
        most = state.max_of(limit)
        nodes = list(state.on_node) if limit.scope == "node" else [NodeName("")]
        for node in nodes:
            runs = state.runs_under(limit, node)
            if limit.scope == "cluster" or runs >= most:
                holders = _holders(state, limit, node)
                yield wire.LimitHeld(
                    scope=limit.scope, key=limit.key, max=most, runs=runs, holders=holders
                )


def _holders(state: ClusterState, limit: TaskLimit, node: NodeName) -> list[str]:
    """Tasks that count for it, the first by name. A walk over the runs in progress, for explain only."""
    nodes = [node] if node else list(state.on_node)
    held = sorted(
        task_id
        for name in nodes
        for task_id in state.on_node.get(name, ())
        if any(
            (one.scope, one.key) == (limit.scope, limit.key) for one in state.tasks[task_id].limits
        )
    )
    return list(held[:HOLDERS_SHOWN])
