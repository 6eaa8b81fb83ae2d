"""Refusals and failures as gRPC status codes with a machine-readable reason (EX-51)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from coordinator.machine.outcome import Refusal, Refused, Unlogged
from coordinator.machine.requests import PASSING

DOMAIN = "ptasks"
DETAILS_KEY = "grpc-status-details-bin"
RETRY_AFTER_MS = 100

Code = grpc.StatusCode

REFUSAL_CODES: Mapping[Refusal, grpc.StatusCode] = {
    Refusal.TASK_NOT_FOUND: Code.NOT_FOUND,
    Refusal.RUN_NOT_FOUND: Code.NOT_FOUND,
    Refusal.NODE_NOT_FOUND: Code.NOT_FOUND,
    Refusal.MEMBER_NOT_FOUND: Code.NOT_FOUND,
    Refusal.EXECUTOR_NOT_FOUND: Code.NOT_FOUND,
    Refusal.SETTING_NOT_FOUND: Code.NOT_FOUND,
    Refusal.ALREADY_EXISTS: Code.ALREADY_EXISTS,
    Refusal.REQUEST_ID_REUSED: Code.ALREADY_EXISTS,
    Refusal.NODE_NAME_IN_USE: Code.ALREADY_EXISTS,
    Refusal.STALE_ALLOCATION: Code.FAILED_PRECONDITION,
    Refusal.STALE_INCARNATION: Code.FAILED_PRECONDITION,
    Refusal.REVISION_MISMATCH: Code.ABORTED,
    Refusal.UNKNOWN_EXECUTOR: Code.INVALID_ARGUMENT,
    Refusal.INVALID_PARAMS: Code.INVALID_ARGUMENT,
    Refusal.VALIDATION_FAILED: Code.INVALID_ARGUMENT,
    Refusal.INVALID_FIELD: Code.INVALID_ARGUMENT,
    Refusal.TOO_LARGE: Code.INVALID_ARGUMENT,
    Refusal.UNPLACEABLE: Code.FAILED_PRECONDITION,
    Refusal.INVALID_SCHEDULE: Code.INVALID_ARGUMENT,
    Refusal.UNKNOWN_DEPENDENCY: Code.INVALID_ARGUMENT,
    Refusal.ALREADY_FINISHED: Code.FAILED_PRECONDITION,
    Refusal.ALREADY_RUNNING: Code.FAILED_PRECONDITION,
    Refusal.PAUSED: Code.FAILED_PRECONDITION,
    Refusal.NOT_RECURRING: Code.FAILED_PRECONDITION,
    Refusal.NOT_FINISHED: Code.FAILED_PRECONDITION,
    Refusal.STATE_IN_USE: Code.FAILED_PRECONDITION,
    Refusal.PARENT_ENDED: Code.FAILED_PRECONDITION,
    Refusal.CHANGE_PENDING: Code.FAILED_PRECONDITION,
    Refusal.WOULD_LOSE_QUORUM: Code.FAILED_PRECONDITION,
    Refusal.LIMIT_REACHED: Code.RESOURCE_EXHAUSTED,
    Refusal.FEATURE_LEVEL: Code.FAILED_PRECONDITION,
    Refusal.DECLARED: Code.FAILED_PRECONDITION,
    Refusal.CHOICE_STALE: Code.ABORTED,
}

FAILURE_CODES: Mapping[str, tuple[grpc.StatusCode, str]] = {
    "not_leader": (Code.UNAVAILABLE, "unavailable"),
    "no_leader": (Code.UNAVAILABLE, "unavailable"),
    "no_quorum": (Code.UNAVAILABLE, "unavailable"),
    "shutting_down": (Code.UNAVAILABLE, "unavailable"),
    "starting": (Code.UNAVAILABLE, "unavailable"),
    "not_begun": (Code.UNAVAILABLE, "unavailable"),
    "overloaded": (Code.RESOURCE_EXHAUSTED, "overloaded"),
    "disk_full": (Code.RESOURCE_EXHAUSTED, "disk_full"),
    "outcome_unknown": (Code.UNKNOWN, "outcome_unknown"),
    "timed_out": (Code.DEADLINE_EXCEEDED, "timed_out"),
}

WHY: Mapping[str, str] = {
    "disk_full": "no coordinator that could lead has space on its disk",
    "not_begun": "the time for it was over before anything of it was begun",
    "overloaded": "more changes are waiting than the leader's log may hold",
}


class Rejected(Exception):
    """A request that the door itself turns away, with all that the caller should know.

    `settled`: no try under this request id was done, nor will be, since the law said no and remembers it, or the
    content alone is at fault. Goes into the metadata of the wire.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[tuple[str, str]] = (),
        *,
        settled: bool = False,
    ) -> None:
        super().__init__(message)
        self.settled = settled
        self.record: Any = None  # a message that goes with the error, such as the task as it is
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = violations

    @property
    def wire_metadata(self) -> dict[str, str]:
        """What the caller's library reads beside the reason."""
        return {**self.metadata, "settled": "yes"} if self.settled else self.metadata


def invalid(field: str, why: str) -> Rejected:
    """A field that does not fit: named, with what was expected."""
    return Rejected(
        Code.INVALID_ARGUMENT,
        "invalid_field",
        f"{field}: {why}",
        {"field": field},
        ((field, why),),
        settled=True,
    )


def too_large(field: str, limit: int, size: int) -> Rejected:
    why = f"{size} bytes, at most {limit} are allowed"
    return Rejected(
        Code.INVALID_ARGUMENT,
        "too_large",
        f"{field}: {why}",
        {"field": field, "limit": str(limit), "size": str(size)},
        ((field, why),),
        settled=True,
    )


def from_refusal(refused: Refused) -> Rejected:
    """The law's "no" as an error of the call, or the leader's (`Unlogged`), which settles nothing."""
    metadata = {"current_allocation_id": str(refused.current)} if refused.current else {}
    settled = not isinstance(refused, Unlogged) and refused.code not in PASSING
    if refused.code is Refusal.UNKNOWN_EXECUTOR:
        _, _, known = refused.detail.partition("; known: ")
        metadata["known"] = known
    if refused.code is Refusal.ALREADY_EXISTS:
        metadata["fields"] = refused.detail
    message = f"{refused.code.value}: {refused.detail}" if refused.detail else refused.code.value
    code = REFUSAL_CODES[refused.code]
    return Rejected(code, refused.code.value, message, metadata, settled=settled)


def refusal_of(rejected: Rejected) -> Refused:
    """What the door rejects in a node's report, as the law would say it."""
    try:
        code = Refusal(rejected.reason)
    except ValueError:
        code = Refusal.INVALID_FIELD
    return Refused(code, rejected.message)


def from_failure(kind: str, detail: str = "") -> Rejected:
    """The road's failure. Only `outcome_unknown` may have been done."""
    code, reason = FAILURE_CODES.get(kind, (Code.INTERNAL, "unexpected"))
    metadata = {"cause": kind} if reason == "unavailable" else {}
    what = reason if kind == reason else f"{reason} ({kind})"
    return Rejected(
        code, reason, ": ".join(filter(None, (what, detail or WHY.get(kind)))), metadata
    )


async def abort(context: grpc.aio.ServicerContext[Any, Any], rejected: Rejected) -> NoReturn:
    """End the call with this error and its details."""
    await context.abort(rejected.code, rejected.message, ((DETAILS_KEY, status_bytes(rejected)),))
    raise AssertionError("abort always raises")


def status_bytes(rejected: Rejected) -> bytes:
    """`google.rpc.Status` with ErrorInfo, and field violations where there are any."""
    status = Status(code=rejected.code.value[0], message=rejected.message)
    info = ErrorInfo(reason=rejected.reason, domain=DOMAIN, metadata=rejected.wire_metadata)
    _pack(status, info)
    if rejected.violations:
        bad = BadRequest()
        for field, why in rejected.violations:
            bad.field_violations.add(field=field, description=why)
        _pack(status, bad)
    if rejected.record is not None:
        _pack(status, rejected.record)
    if rejected.reason == "overloaded":
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(RETRY_AFTER_MS)
        _pack(status, retry)
    return bytes(status.SerializeToString())


def _pack(status: Status, detail: Any) -> None:
    packed = Packed()
    packed.Pack(detail)
    status.details.append(packed)
