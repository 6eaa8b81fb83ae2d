"""Tasks that runs start under their own come with a node's reports; the door looks at them as at any other task (PT-20)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.api import checks
from coordinator.api.errors import Rejected, refusal_of
from coordinator.api.schedules import check_schedule
from coordinator.api.translate import spec_to_wire
from coordinator.model.state import ClusterState
from coordinator.replica.sayings import NodeSaying, Report
from coordinator.wire.v1 import tasks_pb2 as wire


def checked(said: NodeSaying, schemas: checks.Schemas, state: ClusterState) -> NodeSaying:
    """What does not fit goes on with its refusal, so that the run's code hears it."""
    if not any(report.child is not None for report in said.reports):
        return said
    return replace(said, reports=tuple(_checked(one, schemas, state) for one in said.reports))


def _checked(report: Report, schemas: checks.Schemas, state: ClusterState) -> Report:
    child = report.child
    if child is None or child.refusal is not None:
        return report
    new = wire.NewTask(
        id=f"{report.task_id}/{child.key}",
        executor=child.executor,
        params=child.params,
        spec=spec_to_wire(child.spec),
    )
    try:
        checks.check_new_task(new)
        check_schedule(child.spec, state.at)
        schemas.check(state, child.executor, child.params)
    except Rejected as rejected:
        return replace(report, child=replace(child, refusal=refusal_of(rejected)))
    return report
