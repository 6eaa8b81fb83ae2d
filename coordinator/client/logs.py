"""Log lines of a run: what is kept of it, and with `follow` what it goes on to say, over the loss of any member."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import grpc.aio

from coordinator.client.calls import Caller
from coordinator.client.errors import Unavailable
from coordinator.client.from_wire import log_line_of
from coordinator.client.methods import LOGS
from coordinator.client.routing import Tries, Verdict, judge
from coordinator.client.status import error_from_rpc
from coordinator.client.views import LogLine
from coordinator.wire.v1 import tasks_pb2 as wire

SHORTEST_PAUSE_S = 0.05


class LogReader:
    """Reads one log. A second connection asks from the last instant seen and leaves out what was shown."""

    def __init__(self, caller: Caller, timeout_s: float) -> None:
        self._caller = caller
        self._timeout_s = timeout_s
        self._last_at = 0
        self._at_last: list[LogLine] = []
        self._ended = False
        self._heard_at = 0.0
        self._tries = Tries(len(caller.directory.members))
        self._told: list[LogLine] = []  # of the last instant before a loss: they come again

    async def batches(self, request: wire.LogsRequest) -> AsyncIterator[tuple[list[LogLine], int]]:
        """(lines, dropped so far) until the run has ended or, without `follow`, all that is kept was told."""
        self._heard()
        while True:
            async with aclosing(self._connection(request)) as told:
                async for batch in told:
                    yield batch
            if self._ended:
                break
            request.since_at = max(request.since_at, self._last_at)
            await asyncio.sleep(max(SHORTEST_PAUSE_S, self._tries.pause_s(random.random())))

    async def _connection(
        self, request: wire.LogsRequest
    ) -> AsyncGenerator[tuple[list[LogLine], int], None]:
        """What one connection tells. Raises when no other would do better."""
        address = self._caller.directory.pick()
        try:
            async for message in self._caller.channels.of(address).stream(LOGS, request):
                self._heard()
                yield self._fresh(message), message.dropped
            self._ended = True
        except grpc.aio.AioRpcError as failure:
            self._failed(failure, address)

    def _heard(self) -> None:
        self._tries = Tries(len(self._caller.directory.members))
        self._heard_at = time.monotonic()

    def _fresh(self, message: wire.LogsResponse) -> list[LogLine]:
        fresh = []
        for line in map(log_line_of, message.lines):
            if line in self._told:
                self._told.remove(line)
                continue
            fresh.append(line)
            if (line.at or 0) > self._last_at:
                self._last_at, self._at_last = line.at or 0, []
            self._at_last.append(line)
        return fresh

    def _failed(self, failure: grpc.aio.AioRpcError, address: str) -> None:
        error = error_from_rpc(failure)
        error.member = address
        verdict = judge(failure.code().name, error.reason_given, error.message)
        if verdict is Verdict.FINAL:
            raise error
        self._tries.failed(verdict, silent=False)
        self._told = list(self._at_last)
        self._caller.directory.failed(address, error.metadata.get("leader_address", ""))
        if time.monotonic() - self._heard_at > self._timeout_s:
            raise Unavailable(error.message, metadata=error.metadata)
