"""`Cluster.Capacity`: the estimate of this moment, or what it would be if (TM-81)."""

from __future__ import annotations

from coordinator.api.door import Door, RoadFailed
from coordinator.api.errors import invalid
from coordinator.api.health_views import capacity_view
from coordinator.api.road import Road
from coordinator.duties.capacity import Demand, Figures, Measured, estimate, what_if
from coordinator.model.instants import SECOND, Instant
from coordinator.model.limits import ACTIVE_TASKS_MAX, NODES_MAX, PAGE_MAX
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Policy
from coordinator.replica.reporting import Reporting
from coordinator.timetable import fires_per_minute, problem
from coordinator.wire.v1 import cluster_pb2, health_pb2

COST_MAX = 1_000


def capacity(
    door: Door, road: Road, request: cluster_pb2.CapacityRequest
) -> cluster_pb2.CapacityResponse:
    """After a read barrier, on the leader. Raises Rejected for a case that cannot be."""
    reply = cluster_pb2.CapacityResponse(answer=road.answer())
    reporting = door.replica.reporting
    if reporting is None:
        raise RoadFailed("no_leader")  # it led when the barrier was asked for
    figures, series = _case(request, reporting)
    pending = reporting.statistics.series.pending()
    reply.capacity.CopyFrom(capacity_view(estimate(figures), series, pending))
    return reply


def _case(request: cluster_pb2.CapacityRequest, reporting: Reporting) -> tuple[Figures, int]:
    """The figures, and how many series they stand for."""
    figures, series = reporting.figures(), reporting.statistics.series.series
    nodes = request.nodes if request.HasField("nodes") else None
    if nodes is not None and not 1 <= nodes <= NODES_MAX:
        raise invalid("nodes", f"must be between 1 and {NODES_MAX} (got {nodes})")
    if len(request.add) > PAGE_MAX:
        raise invalid("add", f"at most {PAGE_MAX} kinds of series (got {len(request.add)})")
    at = reporting.at
    added = [_added(one, figures, at) for one in request.add]
    return what_if(figures, nodes, added), series + sum(one.count for one in request.add)


def _added(
    one: health_pb2.SeriesToAdd, figures: Figures, at: Instant
) -> tuple[Demand, Measured | None]:
    if not 1 <= one.count <= ACTIVE_TASKS_MAX:
        raise invalid("add", f"a count is between 1 and {ACTIVE_TASKS_MAX} (got {one.count})")
    cost = one.cost if one.HasField("cost") else Policy().cost
    if not 0 <= cost <= COST_MAX:
        raise invalid("add", f"a cost is between 0 and {COST_MAX} units (got {cost})")
    known = figures.measured.get(one.executor)
    own: Measured | None = None
    if one.HasField("duration_ms"):
        hand_over = known.hand_over_s if known is not None else 0.0
        own = Measured(max(0, one.duration_ms) / SECOND, hand_over)
    elif known is None:
        raise invalid(
            "add", "say how long a run takes, or name an executor that has run: duration="
        )
    rate = one.count * fires_per_minute(_schedule(one, at), at)
    return Demand(one.executor, rate, rate * cost), own


def _schedule(one: health_pb2.SeriesToAdd, at: Instant) -> Schedule:
    zone = one.time_zone or "UTC"
    schedule = Schedule(every_ms=one.every_ms, cron=one.cron, rrule=one.rrule, time_zone=zone)
    wrong = problem(schedule, at)
    if wrong is not None:
        raise invalid("add", f"{wrong.field}: {wrong.text}")
    return schedule
