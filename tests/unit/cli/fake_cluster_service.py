# ruff: noqa: N802  (names of gRPC methods are those of the proto file)
"""The Cluster service of the fake coordinator, and the thread that both services live in."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import grpc
import grpc.aio

from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import cluster_pb2_grpc, health_pb2, tasks_pb2_grpc
from tests.unit.cli.fake_server import TICKER_SCHEMA, Door, FakeCluster, FakeTasks, Refusal


def missing(kind: str, name: str) -> Refusal:
    return Refusal(grpc.StatusCode.NOT_FOUND, f"{kind}_not_found", f"no {kind} {name}")


def unknown(request: wire.DrainNodeRequest) -> wire.NodeView:
    """What is shown of a name that is drained although no node has it."""
    drain = wire.Drain(kind=request.kind, reason=request.change.reason, state="not_started")
    return wire.NodeView(name=request.name, status="draining", drain=drain)


class FakeClusterService(cluster_pb2_grpc.ClusterServicer, Door):
    def _member(self, name: str) -> wire.Member:
        return wire.Member(
            name=name, grpc=self.state.address, http="127.0.0.1:7201", role="leader", condition="ok",
            voter=True, reachable=True, term=6, applied=self.state.revision, snapshot=1500,
            fsync_p99_ms=0.3, version="0.1.0", uptime_ms=7_200_000,
        )  # fmt: skip

    async def Status(self, request: wire.StatusRequest, context: Any) -> Any:
        await self.enter("Status", request, context)
        state = self.state
        answer = state.answer()
        if not state.has_quorum:
            answer.leader, answer.leader_address, answer.age_ms = "", "", 4_000
        members = [
            wire.Member(
                name=name, grpc=state.address if name == "c1" else f"127.0.0.1:{n}", voter=True
            )
            for n, name in enumerate(state.members, 1)
        ]
        return wire.StatusResponse(
            answer=answer, self=self._member("c1"), cluster_id="k", commit=state.revision,
            feature_level=1, members=members, elections=2, has_quorum=state.has_quorum,
            tasks={"running": 2}, nodes={"ready": 3}, wall_at=int(time.time() * 1000),
        )  # fmt: skip

    async def Health(self, request: wire.HealthRequest, context: Any) -> Any:
        await self.enter("Health", request, context)
        reply = wire.HealthResponse(answer=self.state.answer(), health=self.state.health)
        if self.state.health != "ok":
            reply.findings.add(rule="peer_lag", level="warning", text="c3 is 20,000 behind")
        if self.state.report is not None:
            reply.report.CopyFrom(self.state.report)
        return reply

    async def Capacity(self, request: wire.CapacityRequest, context: Any) -> Any:
        await self.enter("Capacity", request, context)
        report = self.state.report
        view = report.capacity if report is not None else None
        return wire.CapacityResponse(answer=self.state.answer(), capacity=view)

    async def State(self, request: wire.StateRequest, context: Any) -> Any:
        await self.enter("State", request, context)
        parts = list(self.state.parts.items())
        start = int(request.page_token or 0)
        end = start + request.page_size
        entries = [
            wire.StateEntry(path=path, value=json.dumps(value).encode())
            for path, value in parts[start:end]
        ]
        token = str(end) if end < len(parts) else ""
        return wire.StateResponse(answer=self.state.answer(), entries=entries, next_page=token)

    async def ListNodes(self, request: wire.ListNodesRequest, context: Any) -> Any:
        await self.enter("ListNodes", request, context)
        nodes = self.state.nodes
        if request.name and request.name not in nodes:
            await self.refused(missing("node", request.name), context)
        chosen = [nodes[request.name]] if request.name else [nodes[name] for name in sorted(nodes)]
        return wire.ListNodesResponse(answer=self.state.answer(), nodes=chosen)

    async def DrainNode(self, request: wire.DrainNodeRequest, context: Any) -> Any:
        await self.enter("DrainNode", request, context)
        if request.name not in self.state.nodes:
            return wire.NodeResponse(answer=self.state.answer(), node=unknown(request))
        node = self.state.nodes[request.name]
        node.status = "draining"
        node.drain.CopyFrom(
            wire.Drain(
                kind=request.kind, reason=request.change.reason, by="alice", state="complete"
            )
        )
        return wire.NodeResponse(answer=self.state.answer(), node=node)

    async def UndrainNode(self, request: wire.UndrainNodeRequest, context: Any) -> Any:
        await self.enter("UndrainNode", request, context)
        node = self.state.nodes[request.name]
        node.status = "ready"
        node.ClearField("drain")
        return wire.NodeResponse(answer=self.state.answer(), node=node)

    async def RemoveNode(self, request: wire.RemoveNodeRequest, context: Any) -> Any:
        await self.enter("RemoveNode", request, context)
        node = self.state.nodes.pop(request.name)
        return wire.NodeResponse(answer=self.state.answer(), node=node)

    async def ListMembers(self, request: wire.ListMembersRequest, context: Any) -> Any:
        await self.enter("ListMembers", request, context)
        pictures = self.state.pictures
        if not pictures:
            members = [self._member("c1")]
            return wire.ListMembersResponse(answer=self.state.answer(), members=members)
        picture = pictures.pop(0) if len(pictures) > 1 else pictures[0]
        picture.answer.CopyFrom(self.state.answer())
        return picture

    async def AddMember(self, request: wire.AddMemberRequest, context: Any) -> Any:
        await self.enter("AddMember", request, context)
        return wire.MemberChangeResponse(answer=self.state.answer(), pending=self.state.wish)

    async def RemoveMember(self, request: wire.RemoveMemberRequest, context: Any) -> Any:
        await self.enter("RemoveMember", request, context)
        return wire.MemberChangeResponse(answer=self.state.answer(), pending=self.state.wish)

    async def TransferLeader(self, request: wire.TransferLeaderRequest, context: Any) -> Any:
        await self.enter("TransferLeader", request, context)
        return wire.TransferLeaderResponse(answer=self.state.answer())

    async def ListLimits(self, request: wire.ListLimitsRequest, context: Any) -> Any:
        await self.enter("ListLimits", request, context)
        limit = wire.LimitView(
            scope="cluster", key="demo.noop", declared=2, override=5, runs=3, set_by="ann", set_at=1
        )
        idle = wire.LimitView(scope="cluster", key="nobodys", override=1, set_by="ann", set_at=1)
        return wire.ListLimitsResponse(answer=self.state.answer(), limits=[limit, idle])

    async def SetLimit(self, request: wire.SetLimitRequest, context: Any) -> Any:
        await self.enter("SetLimit", request, context)
        return wire.LimitResponse(answer=self.state.answer())

    async def RemoveLimit(self, request: wire.RemoveLimitRequest, context: Any) -> Any:
        await self.enter("RemoveLimit", request, context)
        return wire.LimitResponse(answer=self.state.answer(), unchanged=True)

    async def PauseExecutor(self, request: wire.PauseExecutorRequest, context: Any) -> Any:
        await self.enter("PauseExecutor", request, context)
        is_known = request.all or request.name in self.state.executors
        if not is_known:
            await self.refused(missing("executor", request.name), context)
        return wire.ExecutorPauseResponse(answer=self.state.answer())

    async def ResumeExecutor(self, request: wire.ResumeExecutorRequest, context: Any) -> Any:
        await self.enter("ResumeExecutor", request, context)
        cleared = ["assignment.enable", "demo.noop"] if request.all else []
        return wire.ExecutorPauseResponse(
            answer=self.state.answer(), unchanged=not cleared, cleared=cleared
        )

    async def Rebalance(self, request: wire.RebalanceRequest, context: Any) -> Any:
        await self.enter("Rebalance", request, context)
        move = wire.Move(task="t1", source="n1", target="n2")
        held = "rebalance.enable = off"
        return wire.RebalanceResponse(answer=self.state.answer(), moves=[move], held_back=held)

    async def GetSettings(self, request: wire.GetSettingsRequest, context: Any) -> Any:
        await self.enter("GetSettings", request, context)
        return self._settings()

    async def SetSettings(self, request: wire.SetSettingsRequest, context: Any) -> Any:
        await self.enter("SetSettings", request, context)
        if not request.change.dry_run:
            self.state.settings |= dict(request.set)
        return self._settings()

    def _settings(self) -> wire.GetSettingsResponse:
        reply = wire.GetSettingsResponse(answer=self.state.answer())
        for key, value in sorted(self.state.settings.items()):
            reply.settings.add(key=key, value=value, default_value="-", bounds="2 .. 60 s")
        return reply

    async def ListExecutors(self, request: wire.ListExecutorsRequest, context: Any) -> Any:
        await self.enter("ListExecutors", request, context)
        names = sorted(self.state.executors)
        if request.name:
            if request.name not in names:
                await self.refused(missing("executor", request.name), context)
            names = [request.name]
        reply = wire.ListExecutorsResponse(answer=self.state.answer())
        for name in names:
            one = reply.executors.add(name=name, doc="For trying things out.", code_on=["c1"])
            one.versions[1].nodes.extend(["n1", "n2"])
            if name == "demo.noop":
                one.pause.MergeFrom(
                    health_pb2.ExecutorPause(executor=name, reason="audit", by="ann", at=1)
                )
                one.paused = True
            if name == "demo.ticker":
                one.params_schema = json.dumps(TICKER_SCHEMA).encode()
        return reply

    async def Events(self, request: wire.EventsRequest, context: Any) -> Any:
        await self.enter("Events", request, context)
        start, events = int(request.page_token or 0), self.state.audit
        end = start + request.limit
        token = str(end) if end < len(events) else ""
        answer = self.state.answer()
        return wire.EventsResponse(answer=answer, events=events[start:end], next_page=token)

    async def Recheck(self, request: wire.RecheckRequest, context: Any) -> Any:
        await self.enter("Recheck", request, context)
        return wire.RecheckResponse(answer=self.state.answer(), unassigned=1)

    async def Upgrade(self, request: wire.UpgradeRequest, context: Any) -> Any:
        await self.enter("Upgrade", request, context)
        return self.state.upgrade

    async def Backup(self, request: wire.BackupRequest, context: Any) -> Any:
        await self.enter("Backup", request, context)
        for number, data in enumerate(self.state.backup(request)):
            await context.write(
                wire.BackupResponse(data=data, answer=self.state.answer() if not number else None)
            )


class FakeServer:
    """Both services on a free port of loopback, in a thread, for as long as the context lasts."""

    def __init__(self) -> None:
        self.state = FakeCluster()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *error: object) -> None:
        self._run(self._server.stop(None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        self._server = grpc.aio.server()
        tasks_pb2_grpc.add_TasksServicer_to_server(FakeTasks(self.state), self._server)
        cluster_pb2_grpc.add_ClusterServicer_to_server(FakeClusterService(self.state), self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self.state.address = f"127.0.0.1:{port}"
