"""Who asks for a change, as far as a call says so: identities come with the secure mode (TM-75)."""

from __future__ import annotations

from contextvars import ContextVar

from coordinator.model.audit import Asker
from coordinator.model.tasks import Pairs
from coordinator.wire.v1 import tasks_pb2

OPERATOR = "operator"  # in dev mode every caller is one
CODE = "code"
CALLER_CHARS_MAX = 256
_OPAQUE_ID = "x-opaque-id"

_caller: ContextVar[str] = ContextVar("caller", default="")  # each call has a context of its own


def heard(headers: Pairs) -> None:
    """These are the headers of the call under way."""
    _caller.set(dict(headers).get(_OPAQUE_ID, "")[:CALLER_CHARS_MAX] if headers else "")


def asker_of(change: tasks_pb2.Change, by: str = OPERATOR) -> Asker:
    """For the event that this change leaves behind."""
    return Asker(by, change.reason, _caller.get())
