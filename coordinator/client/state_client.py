"""The call of a client that reads the replicated state itself, as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator

from coordinator.client.calls import Caller, Plan
from coordinator.client.channels import Method
from coordinator.client.from_wire import answer_of, json_or_none
from coordinator.client.replies import StatePage, StatePart
from coordinator.client.requests import ReadOptions
from coordinator.client.to_wire import read_to_wire
from coordinator.wire.v1 import cluster_pb2 as wire

_READ = ReadOptions()
_STATE: Method[wire.StateRequest, wire.StateResponse] = Method(
    "/ptasks.v1.Cluster/State", wire.StateRequest.SerializeToString, wire.StateResponse.FromString
)


class StateClient:
    """The part of `ClusterClient` that knows the state."""

    def __init__(self, caller: Caller, timeout_s: float) -> None:
        self._caller = caller
        self._timeout_s = timeout_s

    async def state(
        self, path: str = "", *, page_size: int = 0, page_token: str = "", read: ReadOptions = _READ
    ) -> StatePage:
        """One page of what is at `path`: `` for all, `tasks`, `tasks/ID`, `tasks/ID/spec`, `settings`, ...

        A section comes in parts, one for each record of it; anything below in one. Raises NotFound, InvalidRequest.
        """
        request = wire.StateRequest(
            path=path, page_size=page_size, page_token=page_token, read=read_to_wire(read)
        )
        reply = await self._caller.call(_STATE, request, Plan(self._timeout_s, local=read.stale))
        parts = [StatePart(one.path, json_or_none(one.value)) for one in reply.entries]
        return StatePage(answer_of(reply.answer), parts, reply.next_page)

    async def state_pages(
        self, path: str = "", *, page_size: int = 1000, read: ReadOptions = _READ
    ) -> AsyncIterator[StatePage]:
        """All pages, one after the other, each of its own revision."""
        token = ""
        while True:
            page = await self.state(path, page_size=page_size, page_token=token, read=read)
            yield page
            token = page.next_page
            if not token:
                return
