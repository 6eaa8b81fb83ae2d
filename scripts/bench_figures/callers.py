"""Load from one process that shares the machine with what it measures, so it does as little as it can.

Requests are made into bytes before the clock starts and answers stay bytes, so a call costs what `grpc.aio` costs and
nothing more. At most 64 calls are in flight on a channel.
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from coordinator.client import new_request_id
from coordinator.wire.v1 import tasks_pb2 as wire

CREATE = "/ptasks.v1.Tasks/Create"
CREATE_MANY = "/ptasks.v1.Tasks/CreateMany"
PER_CHANNEL = 64
CALL_S = 30.0
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))


@dataclass(frozen=True, slots=True)
class Served:
    """When each call was sent and answered, by the steady clock in seconds, and what we ourselves used."""

    sent: Sequence[float]
    answered: Sequence[float]
    own_cpu_s: float

    def latencies_ms(self) -> list[float]:
        return [(b - a) * 1000 for a, b in zip(self.sent, self.answered, strict=True)]

    def seconds(self) -> float:
        return max(self.answered) - min(self.sent)


def create_bytes(task_id: str, *, paused: bool, executor: str = "demo.noop") -> bytes:
    """A `Create` as an application would send it, with a request id."""
    return wire.CreateRequest(
        change=wire.Change(request_id=new_request_id()),
        task=wire.NewTask(id=task_id, executor=executor, paused=paused),
    ).SerializeToString()


def create_many_bytes(
    task_ids: Sequence[str], *, paused: bool, executor: str = "demo.noop"
) -> bytes:
    """A `CreateMany` of these; the answer leaves the records out."""
    return wire.CreateManyRequest(
        change=wire.Change(request_id=new_request_id()),
        tasks=[wire.NewTask(id=i, executor=executor, paused=paused) for i in task_ids],
        brief=True,
    ).SerializeToString()


def check_many(answer: bytes) -> None:
    """Raise ValueError unless every item of a `CreateMany` was created."""
    for item in wire.CreateManyResponse.FromString(answer).items:
        if not item.created:
            raise ValueError(f"{item.id} was not created: {item.error.reason}")


class Ids:
    """Task ids that nobody has used: `<prefix>-<number>`."""

    def __init__(self, prefix: str) -> None:
        self._numbers = itertools.count()
        self._prefix = prefix

    def take(self, count: int) -> list[str]:
        return [f"{self._prefix}-{n}" for n in itertools.islice(self._numbers, count)]


def send_all(address: str, method: str, requests: Sequence[bytes], callers: int) -> Served:
    """Send every request once, `callers` in flight. Raises what a call raises."""
    return asyncio.run(_send_all(address, method, requests, callers))


async def _send_all(address: str, method: str, requests: Sequence[bytes], callers: int) -> Served:
    channels = [
        grpc.aio.insecure_channel(address, options=OPTIONS)
        for _ in range(-(-callers // PER_CHANNEL))
    ]
    try:
        await asyncio.gather(*(channel.channel_ready() for channel in channels))
        calls: list[Any] = [channel.unary_unary(method) for channel in channels]
        sent: list[float] = []
        answered: list[float] = []
        queue = iter(requests)
        before = own_cpu_s()
        await asyncio.gather(
            *(_caller(calls[n % len(calls)], queue, sent, answered) for n in range(callers))
        )
        return Served(sent, answered, own_cpu_s() - before)
    finally:
        for channel in channels:
            await channel.close()


async def _caller(
    call: Any, queue: Iterator[bytes], sent: list[float], answered: list[float]
) -> None:
    clock = time.monotonic
    for request in queue:
        began = clock()
        await call(request, timeout=CALL_S)
        sent.append(began)
        answered.append(clock())


def own_cpu_s() -> float:
    """Processor time of this very process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
