"""Nodes, settings, executors and the cluster as a whole, as the wire shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.api import member_views, plugin_switches
from coordinator.api.door import Door
from coordinator.api.health_views import node_counts, pause_view
from coordinator.machine.features import nodes_support
from coordinator.model.ids import NodeName
from coordinator.model.nodes import Drain, Node, NodeStatus
from coordinator.model.settings import RULES, rule_of
from coordinator.model.state import ClusterState
from coordinator.model.tasks import TERMINAL, Code, Status
from coordinator.replica.replica import Replica
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import tasks_pb2

RUNS_SHOWN = 100


def status(door: Door, answer: tasks_pb2.Answer) -> wire.StatusResponse:
    """What this member knows of itself and, from the state, of the others."""
    replica = door.replica
    state = replica.state
    return wire.StatusResponse(
        answer=answer,
        self=member_views.own_member(door),
        cluster_id=state.cluster_id,
        commit=replica.raft.commit_index,
        feature_level=state.feature_level,
        members=[member_views.known_member(door, one.id) for one in state.members_by_id()],
        elections=door.facts().elections,
        has_quorum=bool(replica.leader_id),
        tasks={s.value: n for s, n in state.status_counts.items() if n},
        nodes=node_counts(state),
        wall_at=replica.now.wall,
        nodes_support=nodes_support(state) or 0,
    )


def node_view(replica: Replica, node: Node) -> wire.NodeView:
    use = replica.state.use_of(node.name)
    draining = node.drain is not None and node.status is NodeStatus.READY
    view = wire.NodeView(
        name=node.name,
        incarnation=node.incarnation,
        status="draining" if draining else _status_word(node),
        attributes=dict(node.attributes),
        capacity=node.capacity,
        units=node.units,
        effective_units=node.units,
        used_units=use.units,
        runs=use.runs,
        heartbeat_age_ms=-1,
        version=node.version,
        python=node.python,
        joined_at=node.joined_at,
        running=_runs_on(replica.state, node),
    )
    for offer in node.offers:
        view.executors.add(name=offer.executor, version=offer.version)
    for error in node.load_errors:
        view.executors.add(name=error.plugin, error=error.error)
    if node.drain is not None:
        view.drain.CopyFrom(_drain_view(replica.state, node, node.drain))
    _put_live(view, replica, node)
    return view


def unknown_drained(state: ClusterState, name: str) -> list[wire.NodeView]:
    """Names that are drained although no node has them: all, or this one (PT-71)."""
    names = sorted(state.drains) if not name else [name] if name in state.drains else []
    return [
        wire.NodeView(
            name=one,
            status="draining",
            heartbeat_age_ms=-1,
            drain=_drain_of(state.drains[NodeName(one)], state="not_started"),
        )
        for one in names
    ]


def _put_live(view: wire.NodeView, replica: Replica, node: Node) -> None:
    leading = replica.leading
    if leading is None:
        return
    age = leading.leases.age(node.name, leading.bench.now.steady)
    view.heartbeat_age_ms = -1 if age is None else age
    session = leading.sessions.get(node.name)
    view.connected = session is not None and session.accepted
    if session is not None:
        view.loop_lag_ms, view.rss_bytes = session.loop_lag_ms, session.rss_bytes
        view.overload = session.overload
    view.effective_units = leading.bench.view.load.room(node)
    leader = replica.state.members.get(replica.leader_id)
    view.member = leader.name if leader is not None and view.connected else ""


def _runs_on(state: ClusterState, node: Node) -> list[str]:
    ids = sorted(state.on_node.get(node.name, ()))[:RUNS_SHOWN]
    return [f"{i}#{state.tasks[i].allocation_id}" for i in ids]


def _drain_view(state: ClusterState, node: Node, drain: Drain) -> wire.Drain:
    """Counts of PT-71; `complete` when nothing movable remains."""
    tasks = [state.tasks[i] for i in state.on_node.get(node.name, ())]
    movable = sum(1 for task in tasks if task.policy.movable)
    not_movable = len(tasks) - movable
    if drain.hold and not drain.leaving:
        movable = 0  # they stay until it is asked to stop
    stalled = sum(1 for task in tasks if task.assignment.code is Code.MOVE_PENDING)
    return _drain_of(
        drain,
        state="in_progress" if movable else "complete",
        remaining=len(tasks),
        movable=movable,
        not_movable=not_movable,
        stalled=stalled,
        held=len(state.held.get(node.name, ())),
    )


def _drain_of(drain: Drain, **status: Any) -> wire.Drain:
    return wire.Drain(
        kind=drain.kind,
        reason=drain.reason,
        by=drain.by,
        since_at=drain.since,
        deadline_at=drain.deadline,
        hold_ms=drain.hold,
        **status,
    )


def _status_word(node: Node) -> str:
    return "ready" if node.status is NodeStatus.READY else "lost"


def settings(state: ClusterState) -> list[wire.Setting]:
    found = []
    defaults = plugin_switches.defaults(state)
    for key in sorted({*RULES, *defaults, *state.settings.values}):
        value, rule = state.settings.values.get(key), rule_of(key)
        if rule is None:
            continue
        default = defaults.get(key) or rule.default_text()
        found.append(
            wire.Setting(
                key=key,
                value=value.value if value is not None else default,
                default_value=default,
                set_by=value.by if value is not None else "",
                set_at=value.at if value is not None else 0,
                bounds=rule.bounds(),
            )
        )
    return found


def executors(door: Door, name: str) -> list[wire.ExecutorView]:
    """Every executor ever offered, and every plugin that failed to load."""
    state = door.replica.state
    names = {name} & set(state.manifests) if name else set(state.manifests)
    found = [_executor(door, one) for one in sorted(names)]
    found += [
        wire.ExecutorView(name=one, paused=True, pause=pause_view(state, one))
        for one in sorted(set(state.paused_executors) - set(state.manifests))
        if not name or one == name
    ]
    for node in state.nodes_by_name():
        for error in node.load_errors:
            if not name or error.plugin == name:
                view = wire.ExecutorView(name=error.plugin)
                view.load_errors.add(node=node.name, error=error.error)
                found.append(view)
    return found


def _executor(door: Door, name: str) -> wire.ExecutorView:
    state = door.replica.state
    newest = max(state.manifests[name].values(), key=lambda m: (m.version, m.hash))
    try:
        said: dict[str, Any] = msgspec.json.decode(newest.body)
    except msgspec.DecodeError:
        said = {}
    facts = door.facts()
    view = wire.ExecutorView(
        name=name,
        doc=str(said.get("doc") or ""),
        policy=msgspec.json.encode(said.get("policy") or {}),
        params_schema=msgspec.json.encode(said.get("params_schema") or {}),
        state_schema=msgspec.json.encode(said.get("state_schema") or {}),
        own_validate=bool(said.get("own_validate")),
        own_assignment=bool(said.get("own_assignment")),
        code_on=[facts.name] if name in facts.executors_here else [],
        tasks=_task_counts(state, name),
        paused=name in state.paused_executors or not state.settings.assignment_enabled,
    )
    if name in state.paused_executors:
        view.pause.CopyFrom(pause_view(state, name))
    for node in state.nodes_by_name():
        version = node.version_of(name)
        if version is not None and node.status is NodeStatus.READY:
            view.versions[version].nodes.append(node.name)
    return view


def _task_counts(state: ClusterState, executor: str) -> dict[str, int]:
    counts: dict[Status, int] = {}
    for task_id in state.of_executor.get(executor, ()):
        task = state.tasks[task_id]
        if task.status not in TERMINAL or task.status is Status.FAILED:
            counts[task.status] = counts.get(task.status, 0) + 1
    return {word.value: counts[word] for word in sorted(counts)}
