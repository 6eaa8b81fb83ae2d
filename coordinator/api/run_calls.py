"""A call to the run of a task: checked, brought to it by the leader, answered or refused for good (PT-85)."""

from __future__ import annotations

import msgspec

from coordinator.api import checks
from coordinator.api.door import Door
from coordinator.api.errors import Code, Rejected, invalid, too_large
from coordinator.api.road import Road
from coordinator.model.ids import TaskId
from coordinator.model.limits import CALL_BYTES_MAX
from coordinator.model.tasks import Pairs
from coordinator.replica.inputs import CallRun
from coordinator.wire.v1 import tasks_pb2 as wire

METHOD_CHARS_MAX = 100
CODES = {
    "task_not_found": Code.NOT_FOUND,
    "already_finished": Code.FAILED_PRECONDITION,
    "not_assigned": Code.FAILED_PRECONDITION,
    "not_here": Code.FAILED_PRECONDITION,
    "call_failed": Code.FAILED_PRECONDITION,
    "not_supported": Code.UNIMPLEMENTED,
    "validation_failed": Code.INVALID_ARGUMENT,
    "too_large": Code.INVALID_ARGUMENT,
    "overloaded": Code.RESOURCE_EXHAUSTED,
    "timed_out": Code.DEADLINE_EXCEEDED,
}


async def call_run(
    door: Door, road: Road, request: wire.CallRequest, headers: Pairs, left: float
) -> wire.CallResponse:
    """On the leader. Raises Rejected, RoadFailed."""
    _check(request)
    call = CallRun(
        0, TaskId(request.id), request.method, request.payload or b"null", int(left * 1000), headers
    )
    answered = await door.call_run(call, left)
    if answered.reason:
        code = CODES.get(answered.reason, Code.FAILED_PRECONDITION)
        reason = answered.reason if answered.reason in CODES else "call_failed"
        message = f"{reason}: {answered.detail}" if answered.detail else reason
        raise Rejected(code, reason, message)
    return wire.CallResponse(
        answer=road.answer(),
        payload=answered.payload,
        allocation_id=answered.allocation_id,
        node=answered.node,
    )


def _check(request: wire.CallRequest) -> None:
    checks.check_task_id(request.id)
    method = request.method
    if not 0 < len(method) <= METHOD_CHARS_MAX or not method.isprintable():
        raise invalid("method", f"1 to {METHOD_CHARS_MAX} printable characters are allowed")
    if len(request.payload) > CALL_BYTES_MAX:
        raise too_large("payload", CALL_BYTES_MAX, len(request.payload))
    try:
        msgspec.json.decode(request.payload or b"null")
    except msgspec.DecodeError as error:
        raise invalid("payload", f"is no JSON: {error}") from None
