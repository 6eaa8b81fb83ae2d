"""From protobuf to views: health and capacity."""

from __future__ import annotations

from typing import Any

from coordinator.client import health_views as views
from coordinator.client.cluster_from_wire import pause_of
from coordinator.client.cluster_views import Finding
from coordinator.client.from_wire import answer_of
from coordinator.wire.v1 import cluster_pb2
from coordinator.wire.v1 import health_pb2 as wire


def health_of(reply: cluster_pb2.HealthResponse) -> views.Health:
    """The health of the cluster. A member of an earlier release sends no figures."""
    findings = [Finding(one.rule, one.level, one.text) for one in reply.findings]
    report = report_of(reply.report) if reply.HasField("report") else None
    return views.Health(answer_of(reply.answer), reply.health, findings, report)


def report_of(report: wire.HealthReport) -> views.HealthReport:
    """The figures."""
    return views.HealthReport(
        hot_age_ms=_known(report.hot_age_ms),
        cold_age_ms=_known(report.cold_age_ms),
        overdue=_overdue(report.overdue),
        overdue_paused=_overdue(report.overdue_paused),
        start_delay=_spread(report.start_delay),
        executors=[_executor(one) for one in report.executors],
        load=_spread(report.load),
        load_now=_optional(report, "load_now"),
        arrivals_per_minute=report.arrivals_per_minute,
        runs_per_minute=report.runs_per_minute,
        dead_letters=report.dead_letters,
        overloaded=[
            views.OverloadedNode(one.name, one.reason, one.effective_units, one.units)
            for one in report.overloaded
        ],
        capacity=capacity_of(report.capacity) if report.HasField("capacity") else None,
        tasks=dict(sorted(report.tasks.items())),
        nodes=dict(sorted(report.nodes.items())),
        versions=dict(sorted(report.versions.items())),
        settings=dict(sorted(report.settings.items())),
        forecast=list(report.forecast),
        pauses=[pause_of(one) for one in report.pauses],
    )


def capacity_of(capacity: wire.CapacityView) -> views.Capacity:
    """An estimate."""
    return views.Capacity(
        nodes=capacity.nodes,
        units=_optional(capacity, "units"),
        units_per_node=_optional(capacity, "units_per_node"),
        series=capacity.series,
        series_pending=capacity.series_pending,
        series_per_minute=capacity.series_per_minute,
        series_units=_optional(capacity, "series_units"),
        one_off_units=_optional(capacity, "one_off_units"),
        long_units=capacity.long_units,
        demand_units=_optional(capacity, "demand_units"),
        load=_spread(capacity.load),
        runs_per_minute_per_node=_optional(capacity, "runs_per_minute_per_node"),
        min_nodes=_optional(capacity, "min_nodes"),
        proposed_nodes=_optional(capacity, "proposed_nodes"),
        overdue=capacity.overdue,
        drain_minutes=_optional(capacity, "drain_minutes"),
        drain_net_minutes=_optional(capacity, "drain_net_minutes"),
        drain_net_never=capacity.drain_net_never,
        verdict=capacity.verdict,
        series_alone_too_much=capacity.series_alone_too_much,
        unmeasured=list(capacity.unmeasured),
    )


def _executor(one: wire.ExecutorHealth) -> views.ExecutorHealth:
    return views.ExecutorHealth(
        executor=one.executor,
        runs=one.runs,
        start_delay=_spread(one.start_delay),
        hand_over=_spread(one.hand_over),
        duration=_spread(one.duration),
        outcomes=dict(sorted(one.outcomes.items())),
        overdue=_overdue(one.overdue),
        tasks=dict(sorted(one.tasks.items())),
        paused=one.paused,
    )


def _spread(one: wire.Spread) -> views.Spread:
    if not one.count:
        return views.Spread()
    return views.Spread(one.count, one.mean, one.p50, one.p90, one.p95, one.p99)


def _overdue(one: wire.OverdueView) -> views.Overdue:
    return views.Overdue(one.tasks, one.units, one.oldest_ms)


def _known(age_ms: int) -> int | None:
    return None if age_ms < 0 else age_ms


def _optional(message: Any, name: str) -> Any:
    """None for a figure that is unknown."""
    return getattr(message, name) if message.HasField(name) else None
