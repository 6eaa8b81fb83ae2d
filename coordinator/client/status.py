"""From a gRPC error to ours: the status code plus `google.rpc.Status` details (EX-51).

The server puts an ErrorInfo of domain `ptasks` with the reason into `grpc-status-details-bin`, and BadRequest field
violations for params. Both message types are imported here, on the first error, because a call that succeeds should
not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from coordinator.client.errors import ClientError, TimedOut, error_of

if TYPE_CHECKING:
    from coordinator.client.views import Task

DOMAIN = "ptasks"
_DETAILS_KEY = "grpc-status-details-bin"


def error_from_rpc(error: grpc.RpcError) -> ClientError:
    """Our error for a failed call, with reason, metadata and field violations where the server gave any."""
    code = error.code().name if isinstance(error, grpc.aio.AioRpcError) else "UNKNOWN"
    details = _details(error)
    message = (error.details() or "") if isinstance(error, grpc.aio.AioRpcError) else str(error)
    if details is None:
        return error_of(code, message)
    reason, metadata, violations = _read_details(details)
    found = error_of(code, message, reason, metadata, violations)
    if isinstance(found, TimedOut):
        found.task = _task_in(details)
    return found


def _details(error: grpc.RpcError) -> bytes | None:
    if not isinstance(error, grpc.aio.AioRpcError):
        return None
    trailing: Any = error.trailing_metadata() or ()
    for key, value in trailing:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            return value
    return None


def _read_details(raw: bytes) -> tuple[str, dict[str, str], tuple[tuple[str, str], ...]]:
    from google.rpc import error_details_pb2, status_pb2

    reason, metadata = "", {}
    violations: list[tuple[str, str]] = []
    for packed in status_pb2.Status.FromString(raw).details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if packed.Unpack(info) and info.domain == DOMAIN:
            reason, metadata = info.reason, dict(info.metadata)
        elif packed.Unpack(bad):
            violations += [(item.field, item.description) for item in bad.field_violations]
    return reason, metadata, tuple(violations)


def _task_in(raw: bytes) -> Task | None:
    """The record that goes with a wait that took too long."""
    from google.rpc import status_pb2

    from coordinator.client.from_wire import task_of
    from coordinator.wire.v1 import tasks_pb2

    for packed in status_pb2.Status.FromString(raw).details:
        task = tasks_pb2.Task()
        if packed.Unpack(task):
            return task_of(task)
    return None
