"""Health and capacity as the wire shows them: the judgement, and the figures behind it (TM-76, TM-77, TM-79)."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.api import member_views
from coordinator.api.door import Door
from coordinator.duties.capacity import Capacity
from coordinator.duties.health import ExecutorFigures, Hot, judge, level_of
from coordinator.duties.health import Finding as Judged
from coordinator.duties.overdue import Backlog
from coordinator.duties.spread import Spread
from coordinator.model.instants import Instant
from coordinator.model.nodes import NodeStatus
from coordinator.model.pauses import since, worded
from coordinator.model.state import ClusterState
from coordinator.replica.reporting import Reporting
from coordinator.wire.v1 import cluster_pb2
from coordinator.wire.v1 import health_pb2 as wire

NAMES_SHOWN = 10


def health(door: Door) -> cluster_pb2.HealthResponse:
    """Without `answer`: the word, what was found, the figures."""
    replica = door.replica
    reporting, findings = replica.reporting, list(_of_machines(door))
    starting = reporting is None or reporting.hot is None
    report = wire.HealthReport(hot_age_ms=-1, cold_age_ms=-1)
    if reporting is not None:
        settings, steady = replica.state.settings, replica.now.steady
        findings += [*_pauses(replica.state)]
        findings += judge(settings, steady, reporting.hot, reporting.cold)
        report = _report(replica.state, reporting, steady)
    return cluster_pb2.HealthResponse(
        health=level_of(findings, starting=starting),
        findings=[
            cluster_pb2.Finding(rule=one.rule, level=one.shown or one.level, text=one.text)
            for one in findings
        ],
        report=report,
    )


def _of_machines(door: Door) -> Iterator[Judged]:
    """Coordinators that do not answer, nodes that are lost, a disk that is full."""
    for member in member_views.members(door):
        if not member.reachable:
            text = f"{member.name} was not heard of within an election time-out"
            yield Judged("member_unreachable", "warning", text)
    nodes = door.replica.state.nodes_by_name()
    lost = [node.name for node in nodes if node.status is NodeStatus.LOST]
    if lost:
        yield Judged("nodes_lost", "warning", f"lost: {', '.join(lost[:NAMES_SHOWN])}")
    if door.facts().condition != "ok":
        yield Judged("disk", "error", f"{door.facts().name}: {door.facts().condition}")


def _pauses(state: ClusterState) -> Iterator[Judged]:
    """What somebody has stopped from starting is no trouble, but has to be seen (TM-28)."""
    if not state.settings.assignment_enabled:
        found = state.settings.values["assignment.enable"]
        text = f"nothing is placed: assignment.enable = none, set{worded(found.by, found.reason)}"
        yield Judged("paused", "info", f"{text} since {since(found.at)}")
    for name in sorted(state.paused_executors):
        yield Judged("paused", "info", state.paused_executors[name].told(name))


def _pause_views(state: ClusterState) -> Iterator[wire.ExecutorPause]:
    if not state.settings.assignment_enabled:
        found = state.settings.values["assignment.enable"]
        yield wire.ExecutorPause(reason=found.reason, by=found.by, at=found.at)
    for name in sorted(state.paused_executors):
        yield pause_view(state, name)


def _report(state: ClusterState, reporting: Reporting, steady: int) -> wire.HealthReport:
    report = wire.HealthReport(
        hot_age_ms=-1,
        cold_age_ms=-1,
        tasks={status.value: count for status, count in state.status_counts.items() if count},
        nodes=node_counts(state),
        versions=_versions(state),
        settings={key: one.value for key, one in state.settings.values.items()},
        pauses=_pause_views(state),
    )
    if reporting.hot is not None:
        report.hot_age_ms = steady - reporting.hot.made_at
        _put_hot(report, reporting.hot)
    cold = reporting.cold
    if cold is not None:
        report.cold_age_ms = steady - cold.made_at
        report.forecast.extend(cold.forecast)
        report.capacity.CopyFrom(capacity_view(cold.capacity, cold.series, cold.series_pending))
    return report


def _put_hot(report: wire.HealthReport, hot: Hot) -> None:
    report.overdue.CopyFrom(_overdue(hot.overdue, hot.at))
    report.overdue_paused.CopyFrom(_overdue(hot.overdue_paused, hot.at))
    report.start_delay.CopyFrom(spread_view(hot.start_delay))
    report.load.CopyFrom(spread_view(hot.load))
    if hot.load_now is not None:
        report.load_now = hot.load_now
    report.arrivals_per_minute = hot.arrivals_per_minute
    report.runs_per_minute = hot.completed_per_minute
    report.dead_letters = hot.dead_letters
    report.overloaded.extend(
        wire.OverloadedNode(
            name=one.node,
            reason=one.reason,
            effective_units=one.effective_units,
            units=one.units,
        )
        for one in hot.overloaded
    )
    report.executors.extend(_executor(one, hot.at) for one in hot.executors)


def _executor(one: ExecutorFigures, at: Instant) -> wire.ExecutorHealth:
    return wire.ExecutorHealth(
        executor=one.executor,
        runs=one.runs.runs,
        start_delay=spread_view(one.runs.start_delay),
        hand_over=spread_view(one.runs.hand_over),
        duration=spread_view(one.runs.duration),
        outcomes=dict(one.runs.outcomes),
        overdue=_overdue(one.overdue, at),
        tasks=dict(one.tasks),
        paused=one.paused,
    )


def pause_view(state: ClusterState, name: str) -> wire.ExecutorPause:
    """Of an executor that is paused."""
    pause = state.paused_executors[name]
    return wire.ExecutorPause(executor=name, reason=pause.reason, by=pause.by, at=pause.at)


def capacity_view(capacity: Capacity, series: int, pending: int) -> wire.CapacityView:
    """What is unknown stays unset."""
    return wire.CapacityView(
        nodes=capacity.nodes,
        units=capacity.units,
        units_per_node=capacity.units_per_node,
        series_per_minute=capacity.series_per_minute,
        series_units=capacity.series_units,
        one_off_units=capacity.one_off_units,
        long_units=capacity.long_units,
        demand_units=capacity.demand_units,
        load=spread_view(capacity.load),
        runs_per_minute_per_node=capacity.runs_per_minute_per_node,
        min_nodes=capacity.min_nodes,
        proposed_nodes=capacity.proposed_nodes,
        overdue=capacity.overdue,
        drain_minutes=capacity.drain_minutes,
        drain_net_minutes=capacity.drain_net_minutes,
        drain_net_never=capacity.drain_net_never,
        verdict=capacity.verdict,
        series_alone_too_much=capacity.series_alone_too_much,
        unmeasured=capacity.unmeasured,
        series=series,
        series_pending=pending,
    )


def spread_view(spread: Spread) -> wire.Spread:
    if not spread.count:
        return wire.Spread()
    return wire.Spread(
        count=spread.count,
        mean=spread.mean,
        p50=spread.p50,
        p90=spread.p90,
        p95=spread.p95,
        p99=spread.p99,
    )


def node_counts(state: ClusterState) -> dict[str, int]:
    """By status: ready, draining, lost."""
    counts: dict[str, int] = {}
    for node in state.nodes_by_name():
        word = "lost"
        if node.status is NodeStatus.READY:
            word = "draining" if node.drain is not None else "ready"
        counts[word] = counts.get(word, 0) + 1
    return counts


def _versions(state: ClusterState) -> dict[str, int]:
    """Of live nodes: how many run each release. A node that was lost is not among them."""
    counts: dict[str, int] = {}
    for node in state.nodes_by_name():
        if node.status is NodeStatus.READY:
            counts[node.version or "unknown"] = counts.get(node.version or "unknown", 0) + 1
    return counts


def _overdue(backlog: Backlog, at: Instant) -> wire.OverdueView:
    age = 0 if backlog.since is None else max(0, at - backlog.since)
    return wire.OverdueView(tasks=backlog.tasks, units=backlog.units, oldest_ms=age)
