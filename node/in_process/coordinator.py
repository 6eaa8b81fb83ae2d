"""The one coordinator: the replica and the pump as they are, a disk that never fails, executors' hooks called in place."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any

import msgspec

from coordinator.api.door import Listener, MemberFacts
from coordinator.consensus.messages import ConfState, HardState, Snapshot
from coordinator.machine.features import THIS_BUILD
from coordinator.model.audit import AuditEvent
from coordinator.model.ids import NodeName
from coordinator.model.instants import Now
from coordinator.model.members import MemberRecord
from coordinator.model.settings import Settings, SettingValue
from coordinator.model.state import ClusterState
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.config import Recovered, ReplicaConfig
from coordinator.replica.replica import Replica
from coordinator.replica.sayings import LeaderSaying, Registration
from coordinator.shell.plugin_frames import Question
from coordinator.shell.plugin_process import Answering, hello_of
from coordinator.shell.pump import Hands, Pump
from executors.registry import Registry

ADDRESS = "in-process:1"
BEGAN_AT = 1_767_225_600_000  # the first of January 2026: where the clock of every such cluster stands at its start
NEVER = 2**62
_BARE = ("error", "result", "logs")


class Clock:
    """The loop's time, since the cluster began: what leases and timers count by, and the time of day."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.began = loop.time()

    def steady_ms(self) -> int:
        """Since the start; never 0, which means `unknown` in places."""
        return 1 + int((self._loop.time() - self.began) * 1_000 + 0.5)

    def read(self) -> Now:
        steady = self.steady_ms()
        return Now(steady, BEGAN_AT + steady)

    def when(self, steady_ms: int) -> float:
        """The loop's time at that instant."""
        return self.began + (steady_ms - 1) / 1_000


class Coordinator:
    """`api.door.Door` for the handlers; `failed` tells what ended it, if anything did."""

    name = "c1"

    def __init__(
        self, registry: Registry, clock: Clock, dice: Random, settings: dict[str, str]
    ) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._answering = Answering(registry)
        self._rows: dict[tuple[str, int], dict[str, Any]] = {}
        self._fates: dict[str, dict[int, e.FateWrite]] = {}
        self._audit: dict[int, AuditEvent] = {}
        self.failed: BaseException | None = None
        self.replica = Replica(
            ReplicaConfig(
                member_id=1,
                snapshot_every_entries=NEVER,
                snapshot_every_bytes=NEVER,
                digest_every_entries=NEVER,
            ),
            _first_record(clock.read(), settings),
            dice.randrange,
        )
        nothing: Callable[..., None] = lambda *_: None  # noqa: E731 - nobody else is there, and no disk
        hands = Hands(self._persist, nothing, nothing, nothing, self._ask, self._note, self._halt)
        self.pump = Pump(self.replica, hands, clock.read, self._loop)
        known = hello_of(registry).executors
        self._offered = tuple(one.name for one in known)
        offers = tuple((k.name, k.version, k.own_validate, k.own_assignment) for k in known)
        self.pump.start()
        self.pump.feed(i.PluginsKnown(offers))
        self.pump.feed(i.Campaign())

    def stop(self) -> None:
        """No turn happens any more."""
        self.pump.stop()

    # -- effects --------------------------------------------------------------------------------

    def _persist(self, write: e.Persist) -> None:
        for run in write.runs:
            row = self._rows.setdefault((run.task_id, run.allocation_id), {})
            fields = msgspec.structs.asdict(run)
            row.update({key: value for key, value in fields.items() if value is not None})
        for task_id, upto in write.forget_runs:
            for key in [k for k in self._rows if k[0] == task_id and k[1] <= upto]:
                del self._rows[key]
        for gone in write.forget_fates:
            self._fates.pop(gone, None)
        for fate in write.fates:
            self._fates.setdefault(fate.task_id, {})[fate.number] = fate
        self._audit.update({row.event.number: row.event for row in write.audit})
        self._loop.call_soon(self.pump.on_written, [write.write])

    def _ask(self, asked: e.AskPlugin) -> None:
        question = Question(asked.call, asked.kind, asked.executor, asked.payload)
        reply = self._answering.answer(question)
        node = None if reply.node is None else NodeName(reply.node)
        answered = i.PluginAnswered(reply.call, reply.kind, node, reply.code, reply.text)
        self._loop.call_soon(self.pump.feed, answered)

    def _note(self, note: e.Note) -> None:
        if note.event == "bug":
            self.failed = note.fields["exc_info"]

    def _halt(self, code: int, reason: str) -> None:
        self.failed = self.failed or RuntimeError(f"the coordinator halts ({code}): {reason}")

    # -- the port of the handlers ------------------------------------------------------------------

    def facts(self) -> MemberFacts:
        steady = self._clock.steady_ms()
        return MemberFacts(
            self.name,
            1,
            ADDRESS,
            "",
            "ok",
            0.0,
            2**40,
            1,
            0,
            steady,
            1,
            "in process",
            self._offered,
        )

    def address_of(self, member_id: int) -> str:
        return ADDRESS if member_id == 1 else ""

    def reaches(self, member_id: int) -> bool:
        del member_id
        return False

    async def submit(self, asked: Sequence[i.Asked], timeout_s: float) -> e.Reply:
        wishes = tuple(asked)
        reply: e.Reply = await self.pump.callers.ask(lambda t: i.Submit(t, wishes), timeout_s)
        return reply

    async def barrier(self, timeout_s: float) -> None:
        await self.pump.callers.ask(i.ReadBarrier, timeout_s)

    async def call_run(self, call: i.CallRun, timeout_s: float) -> e.CallAnswered:
        answered: e.CallAnswered = await self.pump.callers.ask(
            lambda ticket: msgspec.structs.replace(call, ticket=ticket), timeout_s
        )
        return answered

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
        if isinstance(item, i.NodeClosed):
            self.pump.end_session(item)
        else:
            self.pump.feed(item)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self.pump.subscribe(listener)

    # -- the history of runs ------------------------------------------------------------------------

    async def runs_of(self, task_id: str, limit: int, before: int) -> Sequence[e.RunWrite]:
        await self.pump.fed(i.FlushRuns())
        keys = sorted(k for k in self._rows if k[0] == task_id and (not before or k[1] < before))
        return [e.RunWrite(**self._rows[key]) for key in reversed(keys[-limit:])]

    async def run_of(self, task_id: str, allocation_id: int) -> e.RunWrite | None:
        await self.pump.fed(i.FlushRuns())
        row = self._rows.get((task_id, allocation_id))
        return None if row is None else e.RunWrite(**row)

    async def runs_before(self, before: int, limit: int, *, fresh: bool) -> Sequence[e.RunWrite]:
        if fresh:
            await self.pump.fed(i.FlushRuns())
        newest = sorted((-allocation, task) for task, allocation in self._rows)
        begin = bisect_left(newest, (1 - before, "")) if before else 0
        rows = [self._rows[task, -number] for number, task in newest[begin : begin + limit]]
        return [e.RunWrite(**{k: v for k, v in row.items() if k not in _BARE}) for row in rows]

    async def error_of(self, task_id: str, allocation_id: int) -> bytes | None:
        found: bytes | None = self._rows.get((task_id, allocation_id), {}).get("error")
        return found

    async def fates_of(self, task_id: str, limit: int, before: int) -> Sequence[e.FateWrite]:
        await self.pump.fed(i.FlushRuns())
        ranges = self._fates.get(task_id, {})
        newest = [
            number for number in sorted(ranges, reverse=True) if not before or number < before
        ]
        return [ranges[number] for number in newest[:limit]]

    async def fate_pages(self, upto: int) -> AsyncIterator[Sequence[e.FateWrite]]:
        await self.pump.fed(i.FlushRuns())
        for _, ranges in sorted(self._fates.items()):
            yield [fate for _, fate in sorted(ranges.items()) if fate.index <= upto]

    async def audit_of(self, limit: int, before: int) -> Sequence[AuditEvent]:
        await self.pump.fed(i.FlushRuns())
        newest = [n for n in sorted(self._audit, reverse=True) if not before or n < before]
        return [self._audit[number] for number in newest[:limit]]

    async def audit_pages(self, upto: int) -> AsyncIterator[Sequence[AuditEvent]]:
        await self.pump.fed(i.FlushRuns())
        yield [event for _, event in sorted(self._audit.items()) if event.index <= upto]

    async def history(self, upto: int) -> AsyncIterator[Sequence[e.RunWrite]]:
        await self.pump.fed(i.FlushRuns())
        for _, row in sorted(self._rows.items(), key=lambda pair: pair[0][1]):
            run = e.RunWrite(**row)
            yield [run] if run.index <= upto else []


def _first_record(now: Now, settings: dict[str, str]) -> Recovered:
    """As a founding writes it."""
    state = ClusterState()
    state.cluster_id = "in-process"
    state.begin_entry(1, now.wall)
    state.feature_level = THIS_BUILD.supports
    state.settings = Settings(
        {key: SettingValue(value, "founding", now.wall) for key, value in sorted(settings.items())}
    )
    state.put_member(MemberRecord(1, Coordinator.name, ADDRESS, "in-process"))
    state.take_events()
    snapshot = Snapshot(1, 1, ConfState((1,)))
    return Recovered(state, HardState(1, 0, 1), snapshot, (1, 1), ())
