"""What operators and code changed, as the client tells it (TM-75)."""

from __future__ import annotations

from msgspec import Struct

from coordinator.client.views import Answer


class Event(Struct, frozen=True):
    """One change as it was applied, or refused. The same on every coordinator."""

    number: int
    """In the cluster, from 1."""
    revision: int
    at: int
    by: str
    """operator, code; cluster: the leader by itself."""
    action: str
    """pause, resume, run_now, edit, cancel, retry, purge, move, drain, undrain, remove, add, set, unset, upgrade."""
    target_kind: str
    """task, run, executor, node, member, limit, settings, cluster."""
    target: str | None
    """None: all of that kind, or several."""
    change: str | None
    reason: str | None
    answer: str
    """ok, unchanged, or the reason of a refusal."""
    detail: str | None
    request_id: str | None
    caller: str | None
    """The `x-opaque-id` of the call."""


class EventPage(Struct, frozen=True):
    """Of `events`: the newest first."""

    answer: Answer
    events: list[Event]
    next_page: str
