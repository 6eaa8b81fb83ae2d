"""The `Cluster` service: what operators ask of and do to the cluster itself."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from coordinator.api import cluster_views as views
from coordinator.api import health_views, member_views, plugin_switches
from coordinator.api.askers import OPERATOR
from coordinator.api.backups import Backups
from coordinator.api.changing import submit_change
from coordinator.api.checks import check_node_name
from coordinator.api.door import Door
from coordinator.api.errors import Code, Rejected, invalid
from coordinator.api.events import look_at_events
from coordinator.api.member_wishes import MemberWishes
from coordinator.api.placement import PlacementService
from coordinator.api.road import Context, Road
from coordinator.api.upgrades import upgrade
from coordinator.machine.commands import Command, DrainNode, RemoveNode, SetSettings, UndrainNode
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.instants import HOUR
from coordinator.replica.inputs import Poke
from coordinator.wire.v1 import cluster_pb2 as wire

DRAIN_KINDS = ("restart", "remove", "terminate")
HOLD_MAX_MS = HOUR


class ClusterService(PlacementService):
    """Registered as `ptasks.v1.Cluster`."""

    def __init__(self, door: Door, road: Road) -> None:
        super().__init__(door, road)
        self._backups = Backups(door, road)
        self._members = MemberWishes(door, road)

    @override
    async def Status(self, request: wire.StatusRequest, context: Context) -> wire.StatusResponse:
        """Of this member alone, from what it has applied; works without a quorum."""
        return views.status(self._door, self._road.answer(stale=True))

    @override
    async def Health(self, request: wire.HealthRequest, context: Context) -> wire.HealthResponse:
        async def work(left: float) -> wire.HealthResponse:
            await self._road.barrier(left)
            found = health_views.health(self._door)
            found.answer.CopyFrom(self._road.answer())
            return found

        return await self._lead(context, "Health", request, wire.HealthResponse, work)

    @override
    async def ListNodes(
        self, request: wire.ListNodesRequest, context: Context
    ) -> wire.ListNodesResponse:
        async def look() -> wire.ListNodesResponse:
            nodes = [
                views.node_view(self._door.replica, node)
                for node in self._door.replica.state.nodes_by_name()
                if not request.name or node.name == request.name
            ] + views.unknown_drained(self._door.replica.state, request.name)
            if request.name and not nodes:
                raise _no_node(request.name)
            stale = request.read.stale
            return wire.ListNodesResponse(answer=self._road.answer(stale=stale), nodes=nodes)

        return await self._read(context, "ListNodes", request, wire.ListNodesResponse, look)

    @override
    async def DrainNode(
        self, request: wire.DrainNodeRequest, context: Context
    ) -> wire.NodeResponse:
        async def work(left: float) -> wire.NodeResponse:
            check_node_name(request.name)
            kind = request.kind or "restart"
            if kind not in DRAIN_KINDS:
                raise invalid("kind", f"must be one of {', '.join(DRAIN_KINDS)} (got {kind})")
            if not request.change.reason:
                raise invalid("reason", "a drain needs one, for whoever looks at the node")
            deadline = 0
            if request.deadline_ms:
                deadline = self._door.replica.state.at + request.deadline_ms
            hold = check_hold(request.hold_ms, kind)
            name = NodeName(request.name)
            command = DrainNode(name, kind, request.change.reason, OPERATOR, deadline, hold)
            return await self._node_change(command, request, left)

        return await self._lead(context, "DrainNode", request, wire.NodeResponse, work)

    @override
    async def UndrainNode(
        self, request: wire.UndrainNodeRequest, context: Context
    ) -> wire.NodeResponse:
        async def work(left: float) -> wire.NodeResponse:
            return await self._node_change(UndrainNode(NodeName(request.name)), request, left)

        return await self._lead(context, "UndrainNode", request, wire.NodeResponse, work)

    @override
    async def RemoveNode(
        self, request: wire.RemoveNodeRequest, context: Context
    ) -> wire.NodeResponse:
        async def work(left: float) -> wire.NodeResponse:
            return await self._node_change(RemoveNode(NodeName(request.name)), request, left)

        return await self._lead(context, "RemoveNode", request, wire.NodeResponse, work)

    @override
    async def ListMembers(
        self, request: wire.ListMembersRequest, context: Context
    ) -> wire.ListMembersResponse:
        async def look() -> wire.ListMembersResponse:
            stale = request.read.stale
            return wire.ListMembersResponse(
                answer=self._road.answer(stale=stale),
                members=member_views.members(self._door),
                pending=member_views.pending(self._door.replica),
            )

        return await self._read(context, "ListMembers", request, wire.ListMembersResponse, look)

    @override
    async def AddMember(
        self, request: wire.AddMemberRequest, context: Context
    ) -> wire.MemberChangeResponse:
        async def work(left: float) -> wire.MemberChangeResponse:
            return await self._members.add(request, left)

        return await self._lead(context, "AddMember", request, wire.MemberChangeResponse, work)

    @override
    async def RemoveMember(
        self, request: wire.RemoveMemberRequest, context: Context
    ) -> wire.MemberChangeResponse:
        async def work(left: float) -> wire.MemberChangeResponse:
            return await self._members.remove(request, left)

        return await self._lead(context, "RemoveMember", request, wire.MemberChangeResponse, work)

    @override
    async def TransferLeader(
        self, request: wire.TransferLeaderRequest, context: Context
    ) -> wire.TransferLeaderResponse:
        async def work(left: float) -> wire.TransferLeaderResponse:
            return await self._members.transfer(request, left)

        return await self._lead(
            context, "TransferLeader", request, wire.TransferLeaderResponse, work
        )

    @override
    async def GetSettings(
        self, request: wire.GetSettingsRequest, context: Context
    ) -> wire.GetSettingsResponse:
        async def look() -> wire.GetSettingsResponse:
            answer = self._road.answer(stale=request.read.stale)
            found = views.settings(self._door.replica.state)
            return wire.GetSettingsResponse(answer=answer, settings=found)

        return await self._read(context, "GetSettings", request, wire.GetSettingsResponse, look)

    @override
    async def SetSettings(
        self, request: wire.SetSettingsRequest, context: Context
    ) -> wire.GetSettingsResponse:
        async def work(left: float) -> wire.GetSettingsResponse:
            plugin_switches.check_known(self._door.replica.state, request.set)
            values = tuple(sorted(request.set.items()))
            reset, reason = tuple(sorted(request.reset)), request.change.reason
            command = SetSettings(values, reset, OPERATOR, reason)
            await submit_change(self._road, command, request, left)
            found = views.settings(self._door.replica.state)
            return wire.GetSettingsResponse(answer=self._road.answer(), settings=found)

        return await self._lead(context, "SetSettings", request, wire.GetSettingsResponse, work)

    @override
    async def ListExecutors(
        self, request: wire.ListExecutorsRequest, context: Context
    ) -> wire.ListExecutorsResponse:
        async def look() -> wire.ListExecutorsResponse:
            found = views.executors(self._door, request.name)
            if request.name and not found:
                raise Rejected(
                    Code.NOT_FOUND,
                    "executor_not_found",
                    f"no node ever offered {request.name}",
                )
            answer = self._road.answer(stale=request.read.stale)
            return wire.ListExecutorsResponse(answer=answer, executors=found)

        return await self._read(context, "ListExecutors", request, wire.ListExecutorsResponse, look)

    @override
    async def Events(self, request: wire.EventsRequest, context: Context) -> wire.EventsResponse:
        async def look() -> wire.EventsResponse:
            found = await look_at_events(self._door, request)
            found.answer.CopyFrom(self._road.answer(stale=request.read.stale))
            return found

        return await self._read(context, "Events", request, wire.EventsResponse, look)

    @override
    async def Recheck(self, request: wire.RecheckRequest, context: Context) -> wire.RecheckResponse:
        async def work(left: float) -> wire.RecheckResponse:
            await self._road.barrier(left)
            ids = tuple(TaskId(one) for one in request.ids)
            self._door.feed(Poke(ids, request.executor))
            return wire.RecheckResponse(
                answer=self._road.answer(), unassigned=len(self._door.replica.state.unassigned)
            )

        return await self._lead(context, "Recheck", request, wire.RecheckResponse, work)

    @override
    async def Upgrade(self, request: wire.UpgradeRequest, context: Context) -> wire.UpgradeResponse:
        async def work(left: float) -> wire.UpgradeResponse:
            return await upgrade(self._door, self._road, request, left)

        return await self._lead(context, "Upgrade", request, wire.UpgradeResponse, work)

    @override
    async def Backup(self, request: wire.BackupRequest, context: Context) -> None:
        await self._backups.send(request, context)

    # -- the work -----------------------------------------------------------------------------------

    async def _node_change(self, command: Command, request: Any, left: float) -> wire.NodeResponse:
        state = self._door.replica.state
        repeated = state.requests.get(request.change.request_id) is not None
        name = NodeName(request.name)
        known = name in state.nodes or name in state.drains or isinstance(command, DrainNode)
        if not known and not repeated:
            raise _no_node(name)
        outcome = await submit_change(self._road, command, request, left)
        answer = wire.NodeResponse(answer=self._road.answer(), unchanged=outcome.unchanged)
        state = self._door.replica.state
        node = state.nodes.get(name)
        if node is not None:
            answer.node.CopyFrom(views.node_view(self._door.replica, node))
        for view in views.unknown_drained(state, name):
            answer.node.CopyFrom(view)
        return answer


def check_hold(hold_ms: int, kind: str) -> int:
    """Raises Rejected for what is no hold of a restart."""
    if not 0 <= hold_ms <= HOLD_MAX_MS:
        raise invalid("hold", f"must be between 0 and 1h (got {hold_ms} ms)")
    if hold_ms and kind != "restart":
        raise invalid(
            "hold", f"a node that is drained to {kind} does not come back; use kind restart"
        )
    return hold_ms


def _no_node(name: str) -> Rejected:
    return Rejected(Code.NOT_FOUND, "node_not_found", f"there is no node {name}")
