"""A node that a test plays itself, word by word: it can fall silent, say things late, and say them twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable

import msgspec

from coordinator.client.node_session import NodeStream, SessionBroken
from coordinator.client.node_values import (
    FromLeader,
    Heartbeat,
    LocalRun,
    Offer,
    Registration,
    Report,
    ReportAnswer,
    RunEnd,
    RunState,
    WantedRun,
    runs_digest,
)
from coordinator.client.node_wire import NO_LOG, Outgoing, register_frame
from tests.end_to_end.processes import WAIT_S

EXECUTOR = "raw.exec"
BEAT_S = 0.25


class RawNode:
    """One node with one incarnation, over as many sessions as a test likes. An async context manager."""

    def __init__(self, addresses: list[str], name: str, *, exclusive: bool = True) -> None:
        self.addresses, self.name, self.uid = addresses, name, f"uid-{name}"
        policy = {"exclusive": exclusive, "declared": ["exclusive"]}
        body = json.dumps({"policy": policy, "own_validate": False}).encode()
        self.offer = Offer(EXECUTOR, 1, f"digest-{exclusive}", body)
        self.is_beating = True
        self.wanted: dict[str, WantedRun] = {}
        self.answers: dict[int, ReportAnswer] = {}
        self.closes: list[str] = []
        self._stream: NodeStream | None = None
        self._term = 0
        self._sequence = self._accepted = self._number = 0
        self._cluster_id = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._sending = asyncio.Lock()  # a stream takes one write at a time

    async def __aenter__(self) -> RawNode:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def connect(self, patience_s: float = WAIT_S) -> None:
        """To whoever lets us in; with the same incarnation as ever."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while asyncio.get_running_loop().time() < deadline:
            for address in self.addresses:
                if await self._connected_to(address):
                    return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"nobody takes {self.name}: {self.closes[-3:]}")

    async def leave(self) -> None:
        """Without a word."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._stream is not None:
            await self._stream.close()
            self._stream = None

    async def _connected_to(self, address: str) -> bool:
        who = Registration(
            self.name, self.uid, 1, f"1-{self.uid}", "boot", "namespace", 1,
            False, {}, 10, 50, "0", "3",
        )  # fmt: skip
        register = register_frame(
            who, [self.offer], [], self._cluster_id, rejoin=bool(self._cluster_id)
        )
        try:
            stream = await NodeStream.open(address, register)
            frames = stream.frames()
            first = await asyncio.wait_for(anext(frames, None), 2)
        except (SessionBroken, TimeoutError):
            return False
        if first is None or first.welcome is None:
            self.closes.append(first.close if first is not None else "")
            await stream.close()
            return False
        self._stream, self._term, self._cluster_id = stream, first.term, first.welcome.cluster_id

        async def read() -> None:
            with contextlib.suppress(SessionBroken):
                async for frame in frames:
                    self._take(frame)

        self._tasks = [asyncio.create_task(read()), asyncio.create_task(self._beat())]
        return True

    def _take(self, frame: FromLeader) -> None:
        self._term = frame.term
        if frame.heartbeat is not None:
            self._accepted = max(self._accepted, frame.heartbeat.sequence)
        if frame.wanted is not None:
            if frame.wanted.full:
                self.wanted.clear()
            self.wanted.update({run.task_id: run for run in frame.wanted.runs})
            for gone in frame.wanted.gone:
                self.wanted.pop(gone, None)
        self.answers.update({answer.number: answer for answer in frame.answers})
        if frame.close:
            self.closes.append(frame.close)

    async def _beat(self) -> None:
        while True:
            if self.is_beating:
                self._sequence += 1
                runs = [(r.task_id, r.allocation_id) for r in self.wanted.values() if not r.stop]
                local = tuple(LocalRun(*run, "running") for run in runs)
                beat = Heartbeat(self._sequence, self._accepted, 0, runs_digest(runs), local)
                await self._send(Outgoing(heartbeat=beat))
            await asyncio.sleep(BEAT_S)

    async def _send(self, outgoing: Outgoing) -> None:
        async with self._sending:
            if self._stream is not None:
                with contextlib.suppress(SessionBroken):
                    await self._stream.send(outgoing, lambda _: NO_LOG)

    # -- what a test says -----------------------------------------------------------------------

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():  # noqa: ASYNC110 - there are many reasons why it may come to hold
                await asyncio.sleep(0.02)

    async def until_wanted(self, task_id: str) -> int:
        """The allocation id under which this node is to run it."""
        await self.until(lambda: task_id in self.wanted, f"{task_id} wanted of {self.name}")
        return self.wanted[task_id].allocation_id

    async def say(
        self, task_id: str, allocation_id: int, ended: RunEnd | None = None
    ) -> ReportAnswer:
        """A start, or an end; gives the leader's answer."""
        return await self._told(Report(0, task_id, allocation_id, ended=ended))

    async def write(self, task_id: str, allocation_id: int, seq: int, data: bytes) -> ReportAnswer:
        """The run's state, for the `seq`-th time."""
        state = RunState(seq, data, 1)
        return await self._told(Report(0, task_id, allocation_id, state=state))

    async def _told(self, report: Report) -> ReportAnswer:
        self._number += 1
        number = self._number
        report = msgspec.structs.replace(report, number=number)
        await self._send(Outgoing(reports=[report]))
        await self.until(lambda: number in self.answers, f"an answer to report {number}")
        return self.answers[number]
