"""From protobuf to views: nodes, members, executors, settings."""

from __future__ import annotations

from coordinator.client import cluster_views as views
from coordinator.client.durations import format_duration
from coordinator.client.from_wire import answer_of, json_or_none
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import health_pb2


def drain_of(drain: wire.Drain) -> views.Drain:
    """A drain and how far it is."""
    return views.Drain(
        drain.kind,
        drain.reason,
        drain.by,
        drain.since_at or None,
        drain.deadline_at or None,
        drain.state,
        drain.remaining,
        drain.movable,
        drain.not_movable,
        drain.stalled,
        format_duration(drain.hold_ms) if drain.hold_ms else None,
        drain.held,
    )


def node_of(node: wire.NodeView) -> views.Node:
    """A node."""
    return views.Node(
        name=node.name,
        incarnation=node.incarnation,
        status=node.status,
        attributes=dict(node.attributes),
        capacity=node.capacity,
        units=node.units,
        effective_units=node.effective_units,
        used_units=node.used_units,
        runs=node.runs,
        heartbeat_age_ms=None if node.heartbeat_age_ms < 0 else node.heartbeat_age_ms,
        executors=[
            views.NodeExecutor(offer.name, offer.version, offer.error or None)
            for offer in node.executors
        ],
        drain=drain_of(node.drain) if node.HasField("drain") else None,
        member=node.member or None,
        loop_lag_ms=node.loop_lag_ms,
        rss_bytes=node.rss_bytes,
        version=node.version,
        python=node.python,
        tzdata=None,
        joined_at=node.joined_at or None,
        connected=node.connected,
        running=list(node.running),
        overload=node.overload or None,
    )


def member_of(member: wire.Member) -> views.Member:
    """A coordinator, in the words of the member that was asked."""
    is_leader = member.role == "leader"
    return views.Member(
        name=member.name,
        grpc=member.grpc,
        http=member.http or None,
        role=member.role.removeprefix("pre-"),
        condition=member.condition,
        voter=member.voter,
        reachable=member.reachable,
        error=member.error or None,
        term=member.term,
        applied=member.applied,
        lag=None if is_leader else member.lag,
        snapshot=member.snapshot,
        fsync_p99_ms=member.fsync_p99_ms,
        disk_free_bytes=member.disk_free_bytes or None,
        version=member.version,
        uptime_ms=member.uptime_ms or None,
        log_entries=member.log_entries,
        digest=member.digest or None,
        id=member.id,
        supports=member.supports,
    )


def pending_of(change: wire.MemberChange) -> views.MemberChange | None:
    """A change among the members; None for none."""
    if not change.revision:
        return None
    return views.MemberChange(
        revision=change.revision,
        since_at=change.since_at or None,
        joining=change.joining or None,
        leaving=change.leaving or None,
        stage=change.stage or None,
        joining_id=change.joining_id,
        leaving_id=change.leaving_id,
    )


def unreachable(
    name: str, address: str, error: str, *, voter: bool = True, number: int = 0
) -> views.Member:
    """A member that gave no answer: what others know of it is its name, its id and whether it votes."""
    return views.Member(
        name=name,
        grpc=address,
        http=None,
        role="unreachable",
        condition="ok",
        voter=voter,
        reachable=False,
        error=error,
        term=0,
        applied=0,
        lag=None,
        snapshot=0,
        fsync_p99_ms=None,
        disk_free_bytes=None,
        version="",
        uptime_ms=None,
        log_entries=0,
        digest=None,
        id=number,
    )


def status_of(reply: wire.StatusResponse) -> views.MemberStatus:
    """What one member says."""
    return views.MemberStatus(
        answer=answer_of(reply.answer),
        member=member_of(reply.self),
        cluster_id=reply.cluster_id,
        commit=reply.commit,
        feature_level=reply.feature_level,
        members=[member_of(member) for member in reply.members],
        elections=reply.elections,
        has_quorum=reply.has_quorum,
        tasks=dict(sorted(reply.tasks.items())),
        nodes=dict(sorted(reply.nodes.items())),
        wall_at=reply.wall_at or None,
        nodes_support=reply.nodes_support,
    )


def upgraded_of(reply: wire.UpgradeResponse) -> views.Upgraded:
    """How far the feature level is and could be."""
    return views.Upgraded(
        answer_of(reply.answer),
        reply.level,
        reply.possible,
        reply.highest,
        [views.UpgradeBlocker(b.kind, b.name, b.version, b.supports) for b in reply.blockers],
        reply.unchanged,
    )


def executor_of(executor: wire.ExecutorView) -> views.Executor:
    """An executor with its manifest."""
    return views.Executor(
        name=executor.name,
        versions={
            str(number): list(executor.versions[number].nodes)
            for number in sorted(executor.versions)
        },
        doc=executor.doc,
        policy=json_or_none(executor.policy) or {},
        params_schema=json_or_none(executor.params_schema),
        state_schema=json_or_none(executor.state_schema),
        own_validate=executor.own_validate,
        own_assignment=executor.own_assignment,
        code_on=list(executor.code_on),
        paused=executor.paused,
        load_errors=[views.ExecutorError(e.node, e.error) for e in executor.load_errors],
        tasks=dict(sorted(executor.tasks.items())),
        pause=pause_of(executor.pause) if executor.HasField("pause") else None,
    )


def pause_of(pause: health_pb2.ExecutorPause) -> views.ExecutorPause:
    """Of an executor, or of everything."""
    return views.ExecutorPause(pause.executor or None, pause.reason, pause.by, pause.at)


def setting_of(setting: wire.Setting) -> views.Setting:
    """A setting."""
    return views.Setting(
        setting.key,
        setting.value,
        setting.default_value,
        setting.set_by or None,
        setting.set_at or None,
        setting.bounds,
    )
