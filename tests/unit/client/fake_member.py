# ruff: noqa: N802  (names of gRPC methods are those of the proto file)
"""A member whose answers a test writes: one handler per method, real gRPC on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from coordinator.wire.v1 import tasks_pb2 as wire
from coordinator.wire.v1 import tasks_pb2_grpc

Handler = Callable[[Any, Any], Any]


class FakeMember(tasks_pb2_grpc.TasksServicer):
    """`create`, `get` and `watch` are replaced by the test; `asked` counts, `requests` remembers."""

    def __init__(self) -> None:
        self.address = ""
        self.revision, self.leader_revision = (
            1_000,
            0,
        )  # that lists tell; 0: the leader's is the same
        self.requests: list[Any] = []
        self.create: Handler | None = None
        self.create_many: Handler | None = None
        self.get: Handler | None = None
        self.watch: Callable[[Any, Any], AsyncIterator[Any]] | None = None

    def answer(self, leader: str = "") -> wire.Answer:
        return wire.Answer(revision=1, member="m", leader_address=leader)

    async def Create(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        if self.create is not None:
            return await self.create(request, context)
        return wire.CreateResponse(
            answer=self.answer(), task=wire.Task(id=request.task.id), created=True
        )

    async def CreateMany(self, request: Any, context: Any) -> Any:
        if self.create_many is None:
            raise NotImplementedError
        return await self.create_many(request, context)

    async def Get(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        if self.get is not None:
            return await self.get(request, context)
        return wire.GetResponse(answer=self.answer(), task=wire.Task(id=request.id))

    async def List(self, request: Any, context: Any) -> Any:
        revision = self.revision if request.read.stale else self.leader_revision or self.revision
        return wire.ListResponse(answer=wire.Answer(revision=revision, member="m"))

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.requests.append(request)
        if self.watch is not None:
            async for message in self.watch(request, context):
                yield message


@asynccontextmanager
async def member() -> AsyncIterator[FakeMember]:
    """A running member."""
    fake = FakeMember()
    server = grpc.aio.server()
    tasks_pb2_grpc.add_TasksServicer_to_server(fake, server)
    port = server.add_insecure_port("127.0.0.1:0")
    fake.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(None)
