"""`State`: the replicated state, whole or in part, as JSON (EX section 3)."""

from __future__ import annotations

from typing_extensions import override

from coordinator.api import state_tree
from coordinator.api.checks import content_hash
from coordinator.api.door import Door
from coordinator.api.errors import Rejected, abort
from coordinator.api.road import Context, Road
from coordinator.api.selection import SortedIds, Token, read_token, size_of, write_token
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1.cluster_pb2_grpc import ClusterServicer

METHOD = "/ptasks.v1.Cluster/State"


class StateReads(ClusterServicer):
    """The reading of the state itself, a part of `ClusterService`."""

    def __init__(self, door: Door, road: Road) -> None:
        self._door = door
        self._road = road
        self._task_ids = SortedIds()

    @override
    async def State(self, request: wire.StateRequest, context: Context) -> wire.StateResponse:
        """Linearizable; a stale one is of this member alone and works without a quorum."""
        if request.read.stale:
            try:
                return self._look(request)
            except Rejected as rejected:
                await abort(context, rejected)

        async def work(left: float) -> wire.StateResponse:
            await self._road.barrier(left)
            return self._look(request)

        return await self._road.lead(context, METHOD, request, wire.StateResponse, work)

    def _look(self, request: wire.StateRequest) -> wire.StateResponse:
        state = self._door.replica.state
        kind = content_hash(request.path.encode())
        cursor = state_tree.Cursor()
        if request.page_token:
            after = read_token(request.page_token, kind).after
            section, _, key = after.partition(state_tree.SEPARATOR)
            cursor = state_tree.Cursor(section, key)
        limit = size_of(request.page_size)
        part = state_tree.read(state, request.path, cursor, limit, self._task_ids.of(state))
        token = ""
        if part.rest is not None:
            after = f"{part.rest.section}{state_tree.SEPARATOR}{part.rest.key}"
            token = write_token(Token(kind, state.revision, after))
        return wire.StateResponse(
            answer=self._road.answer(stale=request.read.stale),
            entries=[wire.StateEntry(path=one.path, value=one.value) for one in part.entries],
            next_page=token,
        )
