"""Log lines of a run: what is kept of it, and with `follow` what it goes on to say, over the loss of any member."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

import grpc.aio

from coordinator.client.calls import Caller
from coordinator.client.errors import Unavailable
from coordinator.client.from_wire import log_line_of
from coordinator.client.methods import LOGS
from coordinator.client.routing import Tries, Verdict, judge
from coordinator.client.status import error_from_rpc
from coordinator.client.views import LogLine
from coordinator.wire.v1 import tasks_pb2 as wire


class LogReader:
    """Reads one log. A second connection asks from the last instant seen and leaves out what was shown."""

    def __init__(self, caller: Caller, timeout_s: float) -> None:
        self._caller = caller
        self._timeout_s = timeout_s
        self._last_at = 0
        self._at_last: list[LogLine] = []
        self._told: list[
            LogLine
        ] = []  # lines of the last instant before a loss, that come again after it

    async def batches(self, request: wire.LogsRequest) -> AsyncIterator[tuple[list[LogLine], int]]:
        """(lines, dropped so far) until the run has ended or, without `follow`, all that is kept was told."""
        tries = Tries(len(self._caller.directory.members))
        started = time.monotonic()
        while True:
            address = self._caller.directory.pick()
            try:
                async for message in self._caller.channels.of(address).stream(LOGS, request):
                    tries, started = Tries(len(self._caller.directory.members)), time.monotonic()
                    yield self._fresh(message), message.dropped
                    if message.ended:
                        return
                return
            except grpc.aio.AioRpcError as failure:
                self._failed(failure, address, tries, started)
            request.since_at = max(request.since_at, self._last_at)
            await asyncio.sleep(max(0.05, tries.pause_s(random.random())))

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

    def _failed(
        self, failure: grpc.aio.AioRpcError, address: str, tries: Tries, started: float
    ) -> None:
        error = error_from_rpc(failure)
        error.member = address
        verdict = judge(failure.code().name, error.reason_given, error.message)
        if verdict is Verdict.FINAL:
            raise error
        tries.failed(verdict, silent=False)
        self._told = list(self._at_last)
        self._caller.directory.failed(address, error.metadata.get("leader_address", ""))
        if time.monotonic() - started > self._timeout_s:
            raise Unavailable(error.message, metadata=error.metadata)
