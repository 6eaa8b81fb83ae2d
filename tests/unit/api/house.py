"""One coordinator behind a real gRPC server: the replica and the pump as they are, a disk that is a dict."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import msgspec
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from coordinator.api.door import MemberFacts
from coordinator.api.errors import DETAILS_KEY
from coordinator.api.server import add_services
from coordinator.consensus.messages import ConfState, HardState, Snapshot
from coordinator.machine.features import THIS_BUILD
from coordinator.model.audit import AuditEvent
from coordinator.model.instants import Now
from coordinator.model.members import MemberRecord
from coordinator.model.state import ClusterState
from coordinator.model.tasks import RunOutcome
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.config import Recovered, ReplicaConfig
from coordinator.replica.replica import Replica
from coordinator.replica.sayings import (
    EndedReport,
    LeaderSaying,
    LiveLog,
    LiveProgress,
    NodeSaying,
    Registration,
    Report,
    WantedRun,
)
from coordinator.shell.pump import Hands, Pump
from coordinator.wire.v1 import cluster_pb2 as cluster
from coordinator.wire.v1 import tasks_pb2 as tasks
from coordinator.wire.v1.cluster_pb2_grpc import ClusterStub
from coordinator.wire.v1.internal_pb2_grpc import NodeSessionStub
from coordinator.wire.v1.tasks_pb2_grpc import TasksStub

NOOP = "demo.noop"


def clock() -> Now:
    steady = time.monotonic_ns() // 1_000_000
    return Now(steady, 1_700_000_000_000 + steady)


class House:
    """The shell's part (`api.door.Door`), and what tests look at."""

    build = THIS_BUILD  # another where releases stand side by side

    def __init__(self, members: int = 1) -> None:
        state = ClusterState()
        state.cluster_id = "test"
        for number in range(1, members + 1):
            address = f"127.0.0.1:{number}"
            state.put_member(MemberRecord(number, f"c{number}", address, "s"))
        voters = ConfState(tuple(range(1, members + 1)))
        recovered = Recovered(state, HardState(1, 0, 1), Snapshot(1, 1, voters), (1, 1), ())
        self.replica = Replica(
            ReplicaConfig(member_id=1, build=self.build), recovered, lambda n: n // 2
        )
        self.rows: dict[tuple[str, int], dict[str, Any]] = {}
        self.fates: dict[tuple[str, int], e.FateWrite] = {}
        self.audit: dict[int, AuditEvent] = {}
        self.rows_read = 0  # of lists of all runs
        self._newest: list[tuple[int, str]] = []  # minus allocation id, task id
        self.questions: list[e.AskPlugin] = []
        self.addresses: dict[int, str] = {}
        self.condition = "ok"
        self.disk_is_stuck = False
        nothing: Callable[..., None] = lambda *_: None  # noqa: E731 - six hands that do nothing
        hands = Hands(
            self._persist, nothing, nothing, nothing, self.questions.append, nothing, nothing
        )
        self.pump = Pump(self.replica, hands, clock, asyncio.get_running_loop())
        self.name = "c1"

    def _persist(self, write: e.Persist) -> None:
        for run in write.runs:
            row = self.rows.setdefault((run.task_id, run.allocation_id), {})
            fields = msgspec.structs.asdict(run)
            row.update({key: value for key, value in fields.items() if value is not None})
        for task_id, upto in write.forget_runs:
            for key in [k for k in self.rows if k[0] == task_id and k[1] <= upto]:
                del self.rows[key]
        for gone in write.forget_fates:
            self.fates = {k: fate for k, fate in self.fates.items() if k[0] != gone}
        self.fates.update({(fate.task_id, fate.number): fate for fate in write.fates})
        self.audit.update({row.event.number: row.event for row in write.audit})
        if not self.disk_is_stuck:
            self.pump.on_written([write.write])

    # -- the port -----------------------------------------------------------------------------------

    def facts(self) -> MemberFacts:
        return MemberFacts(
            "c1", 1, "127.0.0.1:1", "", self.condition, 0.5, 10**9, 1, 5, 1_000, 1, "0.1", (NOOP,)
        )

    def address_of(self, member_id: int) -> str:
        return self.addresses.get(member_id, "")

    def reaches(self, member_id: int) -> bool:
        return member_id in self.addresses

    async def submit(self, asked: Sequence[i.Asked], timeout_s: float) -> e.Reply:
        wishes = tuple(asked)
        return await self.pump.callers.ask(lambda t: i.Submit(t, wishes), timeout_s)

    async def barrier(self, timeout_s: float) -> None:
        await self.pump.callers.ask(i.ReadBarrier, timeout_s)

    async def call_run(self, call: i.CallRun, timeout_s: float) -> e.CallAnswered:
        return await self.pump.callers.ask(
            lambda ticket: msgspec.structs.replace(call, ticket=ticket), timeout_s
        )

    def open_session(
        self,
        registration: Registration,
        on_saying: Callable[[LeaderSaying], None],
        on_close: Callable[[e.CloseNode], None],
    ) -> int:
        session = self.pump.open_session(on_saying, on_close)
        self.pump.feed(i.NodeOpened(session, registration))
        return session

    def feed(self, item: i.Input) -> None:
        self.pump.end_session(item) if type(item) is i.NodeClosed else self.pump.feed(item)

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        return self.pump.subscribe(listener)

    async def runs_of(self, task_id: str, limit: int, before: int) -> list[e.RunWrite]:
        await self.pump.fed(i.FlushRuns())
        keys = sorted(k for k in self.rows if k[0] == task_id and (not before or k[1] < before))
        return [e.RunWrite(**self.rows[key]) for key in reversed(keys[-limit:])]

    async def run_of(self, task_id: str, allocation_id: int) -> e.RunWrite | None:
        await self.pump.fed(i.FlushRuns())
        row = self.rows.get((task_id, allocation_id))
        return e.RunWrite(**row) if row is not None else None

    async def runs_before(self, before: int, limit: int, *, fresh: bool) -> list[e.RunWrite]:
        if fresh:
            await self.pump.fed(i.FlushRuns())
        if len(self._newest) != len(self.rows):
            self._newest = sorted((-allocation, task) for task, allocation in self.rows)
        begin = bisect_left(self._newest, (1 - before, "")) if before else 0
        older = [self.rows[task, -n] for n, task in self._newest[begin : begin + limit]]
        self.rows_read += len(older)
        bare = ("error", "result", "logs")
        return [e.RunWrite(**{k: v for k, v in row.items() if k not in bare}) for row in older]

    async def error_of(self, task_id: str, allocation_id: int) -> bytes | None:
        return self.rows.get((task_id, allocation_id), {}).get("error")

    async def fates_of(self, task_id: str, limit: int, before: int) -> list[e.FateWrite]:
        await self.pump.fed(i.FlushRuns())
        newest = sorted(self.fates.items(), reverse=True)
        fit = [f for k, f in newest if k[0] == task_id and (not before or k[1] < before)]
        return fit[:limit]

    async def fate_pages(self, upto: int) -> AsyncIterator[list[e.FateWrite]]:
        await self.pump.fed(i.FlushRuns())
        yield [fate for _, fate in sorted(self.fates.items()) if fate.index <= upto]

    async def audit_of(self, limit: int, before: int) -> list[AuditEvent]:
        await self.pump.fed(i.FlushRuns())
        newest = [
            self.audit[n] for n in sorted(self.audit, reverse=True) if not before or n < before
        ]
        return newest[:limit]

    async def audit_pages(self, upto: int) -> AsyncIterator[list[AuditEvent]]:
        await self.pump.fed(i.FlushRuns())
        yield [event for _, event in sorted(self.audit.items()) if event.index <= upto]

    async def history(self, upto: int) -> AsyncIterator[list[e.RunWrite]]:
        await self.pump.fed(i.FlushRuns())
        rows = [e.RunWrite(**row) for _, row in sorted(self.rows.items(), key=lambda kv: kv[0][1])]
        for row in rows:
            yield [row] if row.index <= upto else []


class Node:
    """A node beyond the wire: told what is wanted, says what the test says."""

    counters = itertools.count(1)

    def __init__(self, house: House, name: str = "n1", **says: Any) -> None:
        from coordinator.model.nodes import LoadError, Manifest

        self.house, self.name = house, name
        self.wanted: dict[str, WantedRun] = {}
        self.closed: list[str] = []
        self.answers: list[Any] = []
        self._number = 0
        counter = next(self.counters)
        manifests = tuple(
            Manifest(
                executor, body.get("version", 1), f"{executor}-{body!s}", json.dumps(body).encode()
            )
            for executor, body in says.get("offers", {NOOP: {}}).items()
        )
        registration = Registration(
            name, f"uid-{name}", counter, f"{counter}-x", says.get("capacity", 10), manifests,
            attributes=says.get("attributes", ()),
            load_errors=tuple(LoadError(*one) for one in says.get("load_errors", ())),
            version=says.get("version", ""),
        )  # fmt: skip
        self.session = house.open_session(registration, self._hear, self._end)

    def _hear(self, saying: LeaderSaying) -> None:
        if saying.wanted is not None:
            self.wanted = {} if saying.wanted.full else self.wanted
            self.wanted.update({run.task_id: run for run in saying.wanted.runs})
            for gone in saying.wanted.gone:
                self.wanted.pop(gone, None)
        self.answers.extend(saying.answers)

    def _end(self, closing: e.CloseNode) -> None:
        self.closed.append(closing.reason)

    def say(self, **said: Any) -> None:
        self.house.feed(i.NodeSaid(self.session, NodeSaying(**said)))

    async def runs(self, task_id: str) -> WantedRun:
        await until(lambda: task_id in self.wanted)
        return self.wanted[task_id]

    async def report(self, task_id: str, kind: str, **ended: Any) -> None:
        run = await self.runs(task_id)
        self._number += 1
        end = EndedReport(**ended) if kind == "ended" else None
        number = self._number
        self.say(reports=(Report(number, task_id, run.allocation_id, kind, 0, ended=end),))
        await until(lambda: any(one.number == number for one in self.answers))

    async def end(
        self, task_id: str, outcome: RunOutcome = RunOutcome.SUCCEEDED, **more: Any
    ) -> None:
        await self.report(task_id, "ended", outcome=outcome, **more)

    async def progress(self, task_id: str, done: float) -> None:
        run = await self.runs(task_id)
        self.say(progress=(LiveProgress(task_id, run.allocation_id, done, 100.0, ""),))

    async def log(self, task_id: str, *events: str, level: str = "info") -> None:
        run = await self.runs(task_id)
        lines = [LiveLog(task_id, run.allocation_id, 5, level, one, b"{}") for one in events]
        self.say(logs=tuple(lines))


class Doors:
    """A house with its server, and stubs that speak to it."""

    def __init__(self, house: House, channel: grpc.aio.Channel, address: str) -> None:
        self.house = house
        self.address = address
        self.tasks = TasksStub(channel)
        self.cluster = ClusterStub(channel)
        self.sessions = NodeSessionStub(channel)

    async def node(self, name: str = "n1", **says: Any) -> Node:
        node = Node(self.house, name, **says)
        await until(lambda: name in self.house.replica.leading.bench.view.connected)
        return node

    async def create(self, task_id: str, executor: str = NOOP, **more: Any) -> tasks.CreateResponse:
        change = more.pop("change", None)
        new = tasks.NewTask(id=task_id, executor=executor, **more)
        return await self.tasks.Create(tasks.CreateRequest(task=new, change=change), timeout=20)

    async def get(self, task_id: str) -> tasks.Task:
        return (await self.tasks.Get(tasks.GetRequest(id=task_id), timeout=20)).task

    async def settings(self, **values: str) -> None:
        wanted = {key.replace("__", "."): value for key, value in values.items()}
        await self.cluster.SetSettings(cluster.SetSettingsRequest(set=wanted), timeout=20)


@asynccontextmanager
async def doors(members: int = 1, *, lead: bool = True) -> AsyncIterator[Doors]:
    """A running server on a free port of the loopback; leads unless it is told not to."""
    house = House(members)
    sizes = [(f"grpc.max_{way}_message_length", 16 * 1024 * 1024) for way in ("send", "receive")]
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0), *sizes))
    port = server.add_insecure_port("127.0.0.1:0")
    house.pump.start()
    add_services(server, house)
    await server.start()
    address = f"127.0.0.1:{port}"
    house.addresses[1] = address
    if lead:
        house.feed(i.Campaign())
        await until(lambda: house.replica.is_leader)
    async with grpc.aio.insecure_channel(address) as channel:
        yield Doors(house, channel, address)
    await server.stop(0)
    house.pump.stop()


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells us when
            await asyncio.sleep(0.005)


class Said:
    """What an error of a call says."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code = error.code()
        self.message = error.details()
        self.reason, self.metadata, self.violations, self.retry_ms = "", {}, {}, 0
        self.record: tasks.Task | None = None
        for key, value in error.trailing_metadata() or ():
            if key == DETAILS_KEY:
                self._read(Status.FromString(value))

    def _read(self, status: Status) -> None:
        info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
        for detail in status.details:
            if detail.Unpack(info):
                self.reason, self.metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(bad):
                self.violations = {one.field: one.description for one in bad.field_violations}
            elif detail.Unpack(retry):
                self.retry_ms = retry.retry_delay.ToMilliseconds()
            elif detail.Is(tasks.Task.DESCRIPTOR):
                self.record = tasks.Task()
                detail.Unpack(self.record)


async def refused(call: Any) -> Said:
    """The error that the call ends with."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return Said(error)
    raise AssertionError(f"it was accepted: {answer}")
