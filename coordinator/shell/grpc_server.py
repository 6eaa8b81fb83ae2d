"""The gRPC server of a coordinator: one port, the options all services share, health, and a patient answer at start.

A member that is not founded yet, or whose disk is damaged, keeps its port and says what it waits for: callers get
UNAVAILABLE and try another member, instead of being told that the method does not exist.
"""

from __future__ import annotations

from typing import Any

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from typing_extensions import override

from coordinator.client.start_checks import PortTaken, check_port
from coordinator.model.limits import MESSAGE_BYTES_MAX
from coordinator.shell.grpc_counts import CountedServer, RpcCounts
from coordinator.shell.peer_channel import MESSAGE_BYTES_MAX as PEER_BYTES_MAX

HEALTH_NAMES = ("ptasks.v1.Tasks", "ptasks.v1.Cluster")
LEADER_NAME = "ptasks.v1.leader"
SERVICES = ("Tasks", "Cluster", "NodeSession", "Peer")

SERVER_OPTIONS = (
    ("grpc.so_reuseport", 0),  # else a second process on the port is not noticed
    ("grpc.max_receive_message_length", max(PEER_BYTES_MAX, MESSAGE_BYTES_MAX)),
    ("grpc.max_send_message_length", max(PEER_BYTES_MAX, MESSAGE_BYTES_MAX)),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_concurrent_streams", 128),  # clients stay below it (EX-53)
)


class Waiting(grpc.GenericRpcHandler):
    """Answers for services that are not there yet."""

    def __init__(self) -> None:
        self.reason: str | None = "starting"  # None: all services are there

    @override
    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = handler_call_details.method or ""
        if self.reason is None or not method.startswith("/ptasks.v1."):
            return None
        return grpc.stream_stream_rpc_method_handler(self._refuse)

    async def _refuse(self, _requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        details = f"unavailable (starting): {self.reason}"
        await context.abort(grpc.StatusCode.UNAVAILABLE, details)


class Server:
    """A bound server. Services may be added until and after it is started; those added to `services` are counted."""

    def __init__(self, address: str, counts: RpcCounts | None = None) -> None:
        self.address = address
        self.grpc = grpc.aio.server(options=SERVER_OPTIONS)
        self.services: Any = self.grpc if counts is None else CountedServer(self.grpc, counts)
        self.waiting = Waiting()
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        names = [f"ptasks.v1.{name}" for name in SERVICES]
        names += [health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, self.grpc)

    async def start(self) -> None:
        """Bind and serve. Raises PortTaken."""
        check_port(self.address)
        self.grpc.add_generic_rpc_handlers((self.waiting,))
        try:
            self.grpc.add_insecure_port(self.address)
        except RuntimeError as error:
            raise PortTaken(f"--listen: {self.address}: {error}") from error
        await self.grpc.start()
        await self.say("", True)
        for name in (*HEALTH_NAMES, LEADER_NAME):
            await self.say(name, False)

    async def say(self, name: str, serving: bool) -> None:  # noqa: FBT001 - the one thing that is said
        """Health of one service (EX-54)."""
        status = health_pb2.HealthCheckResponse.ServingStatus
        await self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def say_leadership(self, known: bool, own: bool) -> None:  # noqa: FBT001 - two facts
        """Whether a leader is known, and whether it is this member."""
        for name in HEALTH_NAMES:
            await self.say(name, known)
        await self.say(LEADER_NAME, own)

    async def stop(self, grace_s: float) -> None:
        """No new calls; those under way have `grace_s`."""
        await self._health.enter_graceful_shutdown()
        await self.grpc.stop(grace_s)
