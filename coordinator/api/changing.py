"""From a change that an operator asked for to its outcome: the checks that all such calls share."""

from __future__ import annotations

from typing import Any

from coordinator.api.askers import asker_of
from coordinator.api.checks import check_request_id, content_hash
from coordinator.api.errors import too_large
from coordinator.api.road import Road, accepted
from coordinator.machine.commands import Command
from coordinator.machine.outcome import Accepted
from coordinator.model.limits import REASON_BYTES_MAX
from coordinator.replica.inputs import Asked
from coordinator.wire.v1 import tasks_pb2


async def submit_change(road: Road, command: Command, request: Any, left: float) -> Accepted:
    """`request` has a `change`. Raises Rejected, RoadFailed."""
    change: tasks_pb2.Change = request.change
    check_request_id(change.request_id)
    if len(change.reason.encode()) > REASON_BYTES_MAX:
        raise too_large("reason", REASON_BYTES_MAX, len(change.reason.encode()))
    hashed = content_hash(request.SerializeToString(deterministic=True))
    content = hashed if change.request_id else 0
    asked = Asked(command, change.request_id, content, change.dry_run, asker_of(change))
    reply = await road.submit((asked,), left)
    outcome: Accepted = accepted(reply.outcomes[0])
    return outcome
