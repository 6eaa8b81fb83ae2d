"""The client's door to the cluster itself: nodes, members, executors, settings, health. Reached as `Client.cluster`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import grpc.aio

from coordinator.client import cluster_from_wire as translate
from coordinator.client import cluster_views as views
from coordinator.client.calls import Plan
from coordinator.client.channels import Method
from coordinator.client.event_reads import EventReads
from coordinator.client.from_wire import answer_of
from coordinator.client.health_from_wire import health_of
from coordinator.client.health_views import Health
from coordinator.client.placement_client import PlacementClient
from coordinator.client.requests import ChangeOptions, ReadOptions
from coordinator.client.status import error_from_rpc
from coordinator.client.to_wire import change_to_wire, read_to_wire
from coordinator.wire.v1 import cluster_pb2 as wire

if TYPE_CHECKING:
    from coordinator.client.backups import Saved, Target
    from coordinator.client.views import Answer

_READ = ReadOptions()
_PATH = "/ptasks.v1.Cluster/"


def _method(name: str, request: Any, response: Any) -> Method[Any, Any]:
    return Method(_PATH + name, request.SerializeToString, response.FromString)


_STATUS = _method("Status", wire.StatusRequest, wire.StatusResponse)
_HEALTH = _method("Health", wire.HealthRequest, wire.HealthResponse)
_LIST_NODES = _method("ListNodes", wire.ListNodesRequest, wire.ListNodesResponse)
_DRAIN = _method("DrainNode", wire.DrainNodeRequest, wire.NodeResponse)
_UNDRAIN = _method("UndrainNode", wire.UndrainNodeRequest, wire.NodeResponse)
_REMOVE = _method("RemoveNode", wire.RemoveNodeRequest, wire.NodeResponse)
_MEMBERS = _method("ListMembers", wire.ListMembersRequest, wire.ListMembersResponse)
_ADD_MEMBER = _method("AddMember", wire.AddMemberRequest, wire.MemberChangeResponse)
_REMOVE_MEMBER = _method("RemoveMember", wire.RemoveMemberRequest, wire.MemberChangeResponse)
_TRANSFER = _method("TransferLeader", wire.TransferLeaderRequest, wire.TransferLeaderResponse)
_GET_SETTINGS = _method("GetSettings", wire.GetSettingsRequest, wire.GetSettingsResponse)
_SET_SETTINGS = _method("SetSettings", wire.SetSettingsRequest, wire.GetSettingsResponse)
_EXECUTORS = _method("ListExecutors", wire.ListExecutorsRequest, wire.ListExecutorsResponse)
_UPGRADE = _method("Upgrade", wire.UpgradeRequest, wire.UpgradeResponse)
_RECHECK = _method("Recheck", wire.RecheckRequest, wire.RecheckResponse)


class ClusterClient(EventReads):
    """Calls about the cluster; they repeat and fail as those of `Client` do."""

    @property
    def placement(self) -> PlacementClient:
        """Limits, rebalancing, capacity."""
        return PlacementClient(self)

    async def read_call(self, method: Method[Any, Any], request: Any, read: ReadOptions) -> Any:
        """A call that reads; the request has a `read`. Raises ClientError."""
        request.read.CopyFrom(read_to_wire(read))
        return await self._caller.call(method, request, Plan(self._timeout_s, local=read.stale))

    async def change_call(
        self, method: Method[Any, Any], request: Any, change: ChangeOptions | None
    ) -> Any:
        """A call that changes; the request has a `change`. Raises ClientError."""
        change = change or ChangeOptions()
        request.change.CopyFrom(change_to_wire(change))
        request_id = "" if change.dry_run else change.request_id
        return await self._caller.call(method, request, Plan(self._timeout_s, request_id))

    async def status_of(self, address: str, *, timeout_s: float = 1.0) -> views.MemberStatus:
        """What the member at `address` says of itself: one try, to it alone. Raises ClientError."""
        try:
            reply = await self._caller.channels.of(address).call(
                _STATUS, wire.StatusRequest(), timeout_s
            )
        except grpc.aio.AioRpcError as failure:
            error = error_from_rpc(failure)
            error.member = address
            raise error from None
        return translate.status_of(reply)

    async def health(self) -> Health:
        """`starting`, `ok`, `warning` or `error`, with reasons, and the figures behind them."""
        plan = Plan(self._timeout_s)
        return health_of(await self._caller.call(_HEALTH, wire.HealthRequest(), plan))

    async def nodes(self, name: str = "", *, read: ReadOptions = _READ) -> views.Nodes:
        """All nodes, or the one of that name. Raises NotFound `node_not_found`."""
        reply = await self.read_call(_LIST_NODES, wire.ListNodesRequest(name=name), read)
        return views.Nodes(answer_of(reply.answer), [translate.node_of(n) for n in reply.nodes])

    async def drain(
        self,
        name: str,
        change: ChangeOptions,
        *,
        kind: str = "restart",
        deadline_ms: int = 0,
        hold_ms: int = 0,
    ) -> views.NodeChanged:
        """Give the node nothing new and move what can be moved. `change.reason` is mandatory.

        `hold_ms`, of kind restart: its tasks stay, and wait so long for its return once it has gone.
        """
        request = wire.DrainNodeRequest(
            name=name, kind=kind, deadline_ms=deadline_ms, hold_ms=hold_ms
        )
        return self._node(await self.change_call(_DRAIN, request, change))

    async def undrain(self, name: str, change: ChangeOptions | None = None) -> views.NodeChanged:
        """End the drain."""
        request = wire.UndrainNodeRequest(name=name)
        return self._node(await self.change_call(_UNDRAIN, request, change))

    async def remove_node(
        self, name: str, change: ChangeOptions | None = None
    ) -> views.NodeChanged:
        """Forget a node; a live one is refused from now on and forgotten after R."""
        request = wire.RemoveNodeRequest(name=name)
        return self._node(await self.change_call(_REMOVE, request, change))

    def _node(self, reply: wire.NodeResponse) -> views.NodeChanged:
        node = translate.node_of(reply.node) if reply.HasField("node") else None
        return views.NodeChanged(answer_of(reply.answer), node, reply.unchanged)

    async def members(self, *, read: ReadOptions = _READ) -> views.Members:
        """The coordinators as the leader knows them."""
        reply = await self.read_call(_MEMBERS, wire.ListMembersRequest(), read)
        members = [translate.member_of(member) for member in reply.members]
        return views.Members(answer_of(reply.answer), members, translate.pending_of(reply.pending))

    async def add_member(
        self, name: str, address: str, change: ChangeOptions | None = None, *, replaces: str = ""
    ) -> views.MemberChanged:
        """Wish for a coordinator, in place of another if one is named. It votes later: look at `members`."""
        request = wire.AddMemberRequest(name=name, address=address, replaces=replaces)
        return self._wished(await self.change_call(_ADD_MEMBER, request, change))

    async def remove_member(
        self, name: str, change: ChangeOptions | None = None
    ) -> views.MemberChanged:
        """Wish for one less; for one that is being added: call that off."""
        request = wire.RemoveMemberRequest(name=name)
        return self._wished(await self.change_call(_REMOVE_MEMBER, request, change))

    def _wished(self, reply: wire.MemberChangeResponse) -> views.MemberChanged:
        pending = translate.pending_of(reply.pending)
        return views.MemberChanged(answer_of(reply.answer), pending, reply.unchanged)

    async def transfer_leader(self, to: str = "", change: ChangeOptions | None = None) -> Answer:
        """Have another coordinator lead, that one if one is named. The answer names who leads now."""
        request = wire.TransferLeaderRequest(to=to)
        return answer_of((await self.change_call(_TRANSFER, request, change)).answer)

    async def settings(self, *, read: ReadOptions = _READ) -> views.Settings:
        """All replicated settings."""
        return self._settings(await self.read_call(_GET_SETTINGS, wire.GetSettingsRequest(), read))

    async def set_settings(
        self,
        values: Mapping[str, str],
        change: ChangeOptions | None = None,
        *,
        reset: Sequence[str] = (),
    ) -> views.Settings:
        """Set some settings and give others their default again: all of it or nothing."""
        request = wire.SetSettingsRequest(set=values, reset=reset)
        return self._settings(await self.change_call(_SET_SETTINGS, request, change))

    def _settings(self, reply: wire.GetSettingsResponse) -> views.Settings:
        settings = [translate.setting_of(setting) for setting in reply.settings]
        return views.Settings(answer_of(reply.answer), settings)

    async def executors(self, name: str = "", *, read: ReadOptions = _READ) -> views.Executors:
        """All executors ever offered, or the one of that name. Raises NotFound `executor_not_found`."""
        reply = await self.read_call(_EXECUTORS, wire.ListExecutorsRequest(name=name), read)
        executors = [translate.executor_of(one) for one in reply.executors]
        return views.Executors(answer_of(reply.answer), executors)

    async def recheck(
        self, ids: Sequence[str] = (), change: ChangeOptions | None = None, *, executor: str = ""
    ) -> views.Rechecked:
        """Have the leader look again at these tasks, at an executor's, or at all that have no node."""
        request = wire.RecheckRequest(ids=ids, executor=executor)
        reply = await self.change_call(_RECHECK, request, change)
        return views.Rechecked(answer_of(reply.answer), reply.unassigned)

    async def upgrade(self, change: ChangeOptions | None = None) -> views.Upgraded:
        """Raise the feature level as far as everybody can follow; there is no way back. Raises Conflict `feature_level`."""
        return translate.upgraded_of(
            await self.change_call(_UPGRADE, wire.UpgradeRequest(), change)
        )

    async def backup(
        self,
        target: Target,
        *,
        key: bytes | None = None,
        history: bool = True,
        read: ReadOptions = _READ,
        on_progress: Callable[[int], None] = lambda _size: None,
    ) -> Saved:
        """Write the cluster's state at one revision to `target`, as the bytes of a file that can be restored.

        `key` adds a seal; without `history` the runs stay out; a stale `read` takes what any member has, without a
        quorum. It may take as long as it takes, but for silences. Raises ClientError; BackupError for bytes that
        are not what a member wrote.
        """
        from coordinator.client.backups import BackupTaker

        if not read.stale:
            await self.health()  # is there a quorum, and who leads?
        request = wire.BackupRequest(
            read=read_to_wire(read), without_history=not history, sealed=key is not None
        )
        taker = BackupTaker(self._caller, self._timeout_s, key, on_progress)
        return await taker.take(request, target)
