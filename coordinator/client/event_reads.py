"""The call of a client that reads what was changed (TM-75)."""

from __future__ import annotations

from coordinator.client.calls import Plan
from coordinator.client.channels import Method
from coordinator.client.event_views import Event, EventPage
from coordinator.client.from_wire import answer_of
from coordinator.client.requests import ReadOptions
from coordinator.client.state_client import StateClient
from coordinator.client.to_wire import read_to_wire
from coordinator.wire.v1 import cluster_pb2 as wire

_READ = ReadOptions()
_EVENTS: Method[wire.EventsRequest, wire.EventsResponse] = Method(
    "/ptasks.v1.Cluster/Events",
    wire.EventsRequest.SerializeToString,
    wire.EventsResponse.FromString,
)


class EventReads(StateClient):
    """The part of `ClusterClient` that knows the audit."""

    async def events(
        self, *, limit: int = 100, page_token: str = "", read: ReadOptions = _READ
    ) -> EventPage:
        """Who paused, resumed, edited, cancelled, drained or set what, when, why, and the answer: one page, newest first.

        A refusal that never reached the log is not among them. Raises InvalidRequest.
        """
        request = wire.EventsRequest(limit=limit, page_token=page_token, read=read_to_wire(read))
        reply = await self._caller.call(_EVENTS, request, Plan(self._timeout_s, local=read.stale))
        return EventPage(answer_of(reply.answer), list(map(_event, reply.events)), reply.next_page)


def _event(one: wire.Event) -> Event:
    return Event(
        one.number,
        one.revision,
        one.at,
        one.by,
        one.action,
        one.kind,
        one.target or None,
        one.change or None,
        one.reason or None,
        one.answer,
        one.detail or None,
        one.request_id or None,
        one.caller or None,
    )
