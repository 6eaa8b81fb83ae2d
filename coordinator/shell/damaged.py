"""A member whose disk is rotten (D5): it touches nothing, votes for nothing, and says so until it is replaced."""

from __future__ import annotations

import asyncio

import grpc.aio

from coordinator.client.release import RELEASE
from coordinator.shell.grpc_server import Server
from coordinator.shell.logs import Log
from coordinator.shell.metrics import Metrics, open_http
from coordinator.shell.options import ServerSettings
from coordinator.shell.store_port import Damaged
from coordinator.wire.v1.cluster_pb2 import Member, StatusRequest, StatusResponse
from coordinator.wire.v1.tasks_pb2 import Answer

REMEDY = "taskctl cluster replace"
HOME = f"This coordinator's disk has lost data: {REMEDY}\nHere: /livez, /readyz, /startupz, /metrics.\n"


async def wait_damaged(
    settings: ServerSettings, damage: Damaged, log: Log, stop: asyncio.Event
) -> None:
    """Until `stop`. Other calls than Status are unavailable, so callers go to another member."""
    log.error("damaged", reason=damage.reason, remedy=REMEDY)
    server = Server(settings.listen)
    server.waiting.reason = f"damaged: {damage.reason}"
    server.grpc.add_generic_rpc_handlers((_status_handler(settings, damage),))
    metrics = Metrics()
    metrics.damaged = True
    http = open_http(settings.http, lambda: f"damaged: {damage.reason}", HOME, metrics)
    await server.start()
    if http is not None:
        await http.start()
        metrics.start()
    await stop.wait()
    if http is not None:
        http.stop()
        metrics.stop()
    await server.stop(0)


def _status_handler(settings: ServerSettings, damage: Damaged) -> grpc.GenericRpcHandler:
    said = StatusResponse(
        answer=Answer(member=settings.name, stale=True),
        self=Member(
            name=settings.name,
            grpc=settings.listen,
            http=settings.http,
            role="follower",
            condition="damaged",
            reachable=True,
            error=f"{damage.reason}; replace this member: {REMEDY}",
            version=RELEASE,
        ),
    )

    async def status(_request: StatusRequest, _context: object) -> StatusResponse:
        return said

    handler = grpc.unary_unary_rpc_method_handler(
        status,
        request_deserializer=StatusRequest.FromString,
        response_serializer=StatusResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler("ptasks.v1.Cluster", {"Status": handler})
