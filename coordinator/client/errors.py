"""The error tree: what can go wrong between a caller and the cluster, as seen by the caller.

```
ClientError
├── Refused            the cluster answered no; nothing was changed
│   ├── InvalidRequest     executor, params, size: the content is at fault
│   ├── NotFound           no such task, run, node, member, executor, setting
│   ├── Conflict           exists with another spec, revision moved on, the status does not allow it
│   ├── LimitReached       a limit, overload, a full disk
│   ├── Forbidden          not allowed, or not known
│   └── NotSupported       this server does not know the call
├── Unavailable        no leader, no quorum, nobody there: certainly not done
├── OutcomeUnknown     sent, perhaps done: repeat under the same request id to find out
├── TimedOut           the time of a read or a wait ran out
├── WatchReset         the watch cannot go on from where it was
└── Unexpected         a bug on either side
```

Decisions are made by `reason` (stable, EX-51), never by text. Pure: grpc is met in `status.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from coordinator.client.views import Task


class ClientError(Exception):
    """Base of all that a call can raise.

    `reason` is the stable lower-case word of EX-51 (`reason_given` is empty where the server gave none, as when the
    transport failed), `code` the gRPC status name, `metadata` what ErrorInfo carried,
    `violations` pairs of (field, what is wrong with it), `member` the address asked last, `request_id` of a change.
    `is_settled`: no earlier try of the change was done either, since the cluster remembers this refusal under its
    request id, or the content is at fault.
    """

    default_reason: ClassVar[str] = "unexpected"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        code: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason_given = reason
        self.reason = reason or self.default_reason
        self.code = code
        self.metadata: dict[str, str] = dict(metadata or {})
        self.is_settled = self.metadata.pop("settled", "") == "yes"
        self.violations = violations
        self.member = ""
        self.request_id = ""

    @property
    def cause(self) -> str:
        """Of an Unavailable: `no_leader`, `no_quorum`, `starting`, `shutting_down`, `unreachable`, or `queued`: it
        never left this client, whose other calls took all places to the end of its time.
        """
        return self.metadata.get("cause", "")


class Refused(ClientError):
    """The cluster said no, with a reason; nothing was changed."""

    default_reason = "refused"


class InvalidRequest(Refused):
    """INVALID_ARGUMENT: the content is at fault, repeating it will not help."""

    default_reason = "invalid_field"


class NotFound(Refused):
    """NOT_FOUND: `task_not_found`, `run_not_found`, `node_not_found`, ..."""

    default_reason = "task_not_found"


class Conflict(Refused):
    """ALREADY_EXISTS, ABORTED, FAILED_PRECONDITION: what is there does not go together with the wish."""

    default_reason = "conflict"


class LimitReached(Refused):
    """RESOURCE_EXHAUSTED: `limit_reached`, `overloaded`, `disk_full`, ..."""

    default_reason = "limit_reached"


class Forbidden(Refused):
    """PERMISSION_DENIED, UNAUTHENTICATED."""

    default_reason = "forbidden"


class NotSupported(Refused):
    """UNIMPLEMENTED: the server is older than this client."""

    default_reason = "not_supported"


class Unavailable(ClientError):
    """No leader, no quorum or nobody there, to the end of the deadline. Certainly not done."""

    default_reason = "unavailable"


class OutcomeUnknown(ClientError):
    """A change was sent and perhaps done. Repeat it with `request_id`: it is done once at most."""

    default_reason = "outcome_unknown"


class TimedOut(ClientError):
    """The time allowed for a read or a wait ran out. `task`: of a wait, the record as it was then, if the server told;
    where it is large, without what makes it so.
    """

    default_reason = "timed_out"
    task: Task | None = None


class WatchReset(ClientError):
    """The revision to go on from is no longer kept (`oldest_revision` is the first that is), or not reached (`ahead`)."""

    default_reason = "compacted"

    @property
    def oldest_revision(self) -> int:
        """The oldest revision that can still be resumed from; 0 when the server did not say."""
        return int(self.metadata.get("oldest_revision", "0"))


class Unexpected(ClientError):
    """INTERNAL, DATA_LOSS, UNKNOWN without a reason of ours: a bug, please report it."""

    default_reason = "internal"


def transport_words(message: str) -> str:
    """gRPC's account of a failed connection in a word or two: `refused`, `no answer`, or its last part."""
    text = message.lower()
    if "refused" in text:
        return "refused"
    if "deadline" in text or "timed out" in text or "timeout" in text:
        return "no answer"
    return message.rpartition(": ")[2] or "no answer"


BY_CODE: Mapping[str, type[ClientError]] = {
    "INVALID_ARGUMENT": InvalidRequest,
    "OUT_OF_RANGE": InvalidRequest,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": Conflict,
    "ABORTED": Conflict,
    "FAILED_PRECONDITION": Conflict,
    "RESOURCE_EXHAUSTED": LimitReached,
    "PERMISSION_DENIED": Forbidden,
    "UNAUTHENTICATED": Forbidden,
    "UNIMPLEMENTED": NotSupported,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": TimedOut,
}


def error_of(
    code: str,
    message: str,
    reason: str = "",
    metadata: Mapping[str, str] | None = None,
    violations: tuple[tuple[str, str], ...] = (),
) -> ClientError:
    """The error that stands for a gRPC status; the reason goes before the code (EX-51)."""
    kind = OutcomeUnknown if reason == "outcome_unknown" else BY_CODE.get(code, Unexpected)
    return kind(message, reason=reason, code=code, metadata=metadata, violations=violations)
