"""The product's client, with the handlers at its other end instead of a channel; its time is the cluster's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
import grpc.aio
from typing_extensions import override

from coordinator.api.cluster import ClusterService
from coordinator.api.hub import Hub
from coordinator.api.road import Road
from coordinator.api.tasks import TasksService
from coordinator.client import Client
from coordinator.client.calls import Caller, Plan
from coordinator.client.channels import Channels, MemberChannels, Method
from coordinator.client.errors import TimedOut
from coordinator.client.routing import Directory
from coordinator.client.status import error_from_rpc
from node.in_process.coordinator import ADDRESS, Coordinator


class LocalClient(Client):
    """`coordinator.client.Client`, without `watch` and `logs`, which are streams: there, ask the cluster itself."""

    def __init__(self, coordinator: Coordinator, timeout_s: float = 60.0) -> None:
        super().__init__([ADDRESS], timeout_s=timeout_s)
        self._caller = LocalCaller(coordinator)


class LocalCaller(Caller):
    """Every call is one try: nothing gets lost on the way to the coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        super().__init__(Directory([ADDRESS]))
        self.channels = _NoChannels()
        road = Road(coordinator)
        self._services: Mapping[str, Any] = {
            "ptasks.v1.Tasks": TasksService(coordinator, road, Hub(coordinator)),
            "ptasks.v1.Cluster": ClusterService(coordinator, road),
        }

    @override
    async def call(self, method: Method[Any, Any], request: Any, plan: Plan) -> Any:
        _, service, name = method.path.split("/")
        handler = getattr(self._services[service], name)
        try:
            async with asyncio.timeout(plan.timeout_s):
                return await handler(request, _Context(plan.timeout_s))
        except grpc.aio.AioRpcError as failure:
            error = error_from_rpc(failure)
            error.member, error.request_id = ADDRESS, plan.request_id
            raise error from None
        except TimeoutError:
            raise TimedOut(f"{name}: not within {plan.timeout_s:g} s") from None


class _Context:
    """What handlers of unary calls ask of grpc."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + seconds

    def time_remaining(self) -> float:
        return self._ends_at - self._loop.time()

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()

    async def send_initial_metadata(self, _: Any) -> None: ...

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing: Any = ()) -> NoReturn:
        none = grpc.aio.Metadata()
        raise grpc.aio.AioRpcError(code, none, grpc.aio.Metadata(*trailing), details)


class _NoChannels(Channels):
    """Streams are connections, and there are none."""

    @override
    def of(self, address: str) -> MemberChannels:
        raise NotImplementedError("no streams here: use cluster.until, cluster.events, cluster.log")
