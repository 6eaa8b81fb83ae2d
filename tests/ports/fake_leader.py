"""A leader for one node: a small server that speaks NodeSession and does what a test tells it.

It accepts every heartbeat and every report unless told otherwise, keeps all it was sent, and pushes wanted runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Self

import grpc
import grpc.aio

from coordinator.wire.v1 import internal_pb2 as wire

HANG_S = 60.0
Answer = Callable[[wire.Report], wire.ReportAnswer]


def accept(report: wire.Report) -> wire.ReportAnswer:
    return wire.ReportAnswer(number=report.number, accepted=True, revision=100 + report.number)


def run_of(
    task_id: str, allocation_id: int, executor: str = "demo.noop", **more: Any
) -> wire.WantedRun:
    """A wanted run with ordinary values."""
    values: dict[str, Any] = {
        "params": b"{}",
        "state_is_null": True,
        "executor_version": 1,
        "state_version": 1,
        "attempt": 1,
        "cancel_grace_ms": 10_000,
        "exclusive": True,
        "isolation": "shared",
        "cost": 2,
    }
    return wire.WantedRun(
        task_id=task_id, allocation_id=allocation_id, executor=executor, **(values | more)
    )


class FakeLeader:
    """One coordinator. `heard` wakes whoever waits for something to have happened."""

    def __init__(self, lease_ms: int = 6_000, heartbeat_ms: int = 100) -> None:
        self.lease_ms, self.heartbeat_ms = lease_ms, heartbeat_ms
        self.reassign_ms = 0  # 0: one and a half leases
        self.term = 5
        self.answers_heartbeats = True
        self.answer: Answer = accept
        self.answers_reports = True
        self.refuse_with: wire.LeaderFrame | None = None
        self.registered: list[wire.Register] = []
        self.heartbeats: list[wire.Heartbeat] = []
        self.heartbeats_at: list[float] = []
        self.reports: list[wire.Report] = []
        self.live: list[wire.NodeFrame] = []
        self.goodbyes = 0
        self.drains = 0
        self.wanted: dict[str, wire.WantedRun] = {}
        self.revision = 1
        self.port = 0
        self.heard = asyncio.Condition()
        self._out: asyncio.Queue[wire.LeaderFrame | None] | None = None
        self._server: grpc.aio.Server | None = None
        self._told = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        server = self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        connect = grpc.stream_stream_rpc_method_handler(
            self._connect,
            request_deserializer=wire.NodeFrame.FromString,
            response_serializer=wire.LeaderFrame.SerializeToString,
        )
        handler = grpc.method_handlers_generic_handler(
            "ptasks.v1.NodeSession", {"Connect": connect}
        )
        server.add_generic_rpc_handlers((handler,))
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        await server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)
            self._server = None

    # --- what a test does --------------------------------------------------------------------------------------------

    def want(self, *runs: wire.WantedRun) -> None:
        """These runs are wanted from now on."""
        self.wanted.update({run.task_id: run for run in runs})
        self._push(wire.Wanted(runs=runs))

    def unwant(self, *task_ids: str) -> None:
        for task_id in task_ids:
            self.wanted.pop(task_id, None)
        self._push(wire.Wanted(gone=task_ids))

    def stop_run(self, task_id: str, reason: str) -> None:
        run = self.wanted[task_id]
        run.stop, run.stop_reason = True, reason
        self.want(run)

    def _push(self, wanted: wire.Wanted) -> None:
        before, self.revision = self.revision, self.revision + 1
        wanted.previous, wanted.revision = before, self.revision
        if self._out is not None:
            self._out.put_nowait(wire.LeaderFrame(term=self.term, wanted=wanted))

    def say(self, frame: wire.LeaderFrame) -> None:
        if self._out is not None:
            self._out.put_nowait(frame)

    def hang_up(self) -> None:
        """End the present session."""
        if self._out is not None:
            self._out.put_nowait(None)

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until the condition holds; look again whenever the node has said something, and now and then."""
        deadline = time.monotonic() + HANG_S
        while not (found := condition()):
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"waited in vain for {what}; reports {self.reports}")
            async with self.heard:
                try:
                    await asyncio.wait_for(self.heard.wait(), min(left, 0.02))
                except TimeoutError:
                    pass
        return found

    async def ended(self, allocation_id: int) -> wire.Report:
        """The report of the end of a run."""
        found: wire.Report = await self.until(
            lambda: next(iter(self.ends(allocation_id)), None), f"the end of {allocation_id}"
        )
        return found

    def ends(self, allocation_id: int) -> list[wire.Report]:
        return [
            report
            for report in self.reports
            if report.kind == "ended" and report.allocation_id == allocation_id
        ]

    def kinds(self, allocation_id: int) -> list[str]:
        return [report.kind for report in self.reports if report.allocation_id == allocation_id]

    async def registrations(self, count: int) -> list[wire.Register]:
        await self.until(lambda: len(self.registered) >= count, f"registration {count}")
        return self.registered

    async def started(self, allocation_id: int) -> None:
        await self.until(
            lambda: "started" in self.kinds(allocation_id), f"the start of {allocation_id}"
        )

    # --- the session -------------------------------------------------------------------------------------------------

    async def _connect(
        self, frames: AsyncIterator[wire.NodeFrame], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[wire.LeaderFrame]:
        first = await anext(aiter(frames))
        self.registered.append(first.register)
        await self._notify()
        if self.refuse_with is not None:
            yield self.refuse_with
            return
        out: asyncio.Queue[wire.LeaderFrame | None] = asyncio.Queue()
        self._out = out
        reading = asyncio.ensure_future(self._read(frames, out))
        yield self._welcome()
        yield wire.LeaderFrame(
            term=self.term,
            wanted=wire.Wanted(full=True, revision=self.revision, runs=self.wanted.values()),
        )
        try:
            while (frame := await out.get()) is not None:
                yield frame
        finally:
            reading.cancel()

    def _welcome(self) -> wire.LeaderFrame:
        return wire.LeaderFrame(
            term=self.term,
            welcome=wire.Welcome(
                cluster_id="fake",
                leader="c1",
                heartbeat_ms=self.heartbeat_ms,
                lease_ms=self.lease_ms,
                reassign_ms=self.reassign_ms or self.lease_ms * 3 // 2,
                coordinators=[self.address],
            ),
        )

    async def _read(
        self,
        frames: AsyncIterator[wire.NodeFrame],
        out: asyncio.Queue[wire.LeaderFrame | None],
    ) -> None:
        async for frame in frames:
            answer = self._answer(frame)
            if answer is not None:
                out.put_nowait(answer)
            await self._notify()
        out.put_nowait(None)

    def _answer(self, frame: wire.NodeFrame) -> wire.LeaderFrame | None:
        self.goodbyes += frame.goodbye
        self.drains += frame.drain
        if frame.progress or frame.logs or frame.manifests:
            self.live.append(frame)
        self.reports.extend(frame.reports)
        answer = wire.LeaderFrame(term=self.term)
        if frame.HasField("heartbeat"):
            self.heartbeats.append(frame.heartbeat)
            self.heartbeats_at.append(time.monotonic())
            if self.answers_heartbeats:
                answer.heartbeat.CopyFrom(self._accepted(frame.heartbeat))
        if self.answers_reports:
            answer.answers.extend(map(self.answer, frame.reports))
        has_something = answer.HasField("heartbeat") or answer.answers
        return answer if has_something else None

    def _accepted(self, heartbeat: wire.Heartbeat) -> wire.HeartbeatAnswer:
        return wire.HeartbeatAnswer(
            sequence=heartbeat.sequence,
            term=self.term,
            heartbeat_ms=self.heartbeat_ms,
            lease_ms=self.lease_ms,
        )

    async def _notify(self) -> None:
        async with self.heard:
            self.heard.notify_all()


def outcomes(reports: Iterable[wire.Report]) -> list[str]:
    return [report.ended.outcome for report in reports if report.kind == "ended"]
