"""The shell's side of the port that the gRPC handlers use (`api.door.Door`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec

from coordinator.api.door import Listener, MemberFacts, RoadFailed, StoredRun
from coordinator.model.audit import AuditEvent
from coordinator.model.limits import CALLS_IN_PROGRESS_MAX
from coordinator.replica.effects import CallAnswered, CloseNode, ReadReady, Reply
from coordinator.replica.inputs import (
    Asked,
    CallRun,
    Input,
    NodeClosed,
    NodeOpened,
    ReadBarrier,
    Submit,
)
from coordinator.replica.replica import Replica
from coordinator.replica.sayings import LeaderSaying, Registration
from coordinator.shell.fates_table import FateRow
from coordinator.shell.history import History
from coordinator.shell.pump import Pump


class ShellDoor:
    """What the handlers may ask of this process. All methods belong to the event loop's thread."""

    def __init__(
        self,
        replica: Replica,
        pump: Pump,
        history: History,
        peers: Mapping[str, str],
        facts: Callable[[], MemberFacts],
        connected: Callable[[], Sequence[int]],
    ) -> None:
        self._replica = replica
        self._pump = pump
        self._history = history
        self._peers = peers
        self._facts = facts
        self._name = facts().name
        self._connected = connected

    @property
    def replica(self) -> Replica:
        return self._replica

    @property
    def name(self) -> str:
        return self._name

    def facts(self) -> MemberFacts:
        return self._facts()

    def address_of(self, member_id: int) -> str:
        """Of a founder what the operator says now (`--peers`), else what the cluster was told.

        Lists of members that stay are not written anew when others come, so of those that were added the cluster
        knows best.
        """
        member = self._replica.state.members.get(member_id)
        if member is None:
            return ""
        return member.address if member.joined else self._peers.get(member.name, member.address)

    def reaches(self, member_id: int) -> bool:
        return member_id in self._connected()

    async def submit(self, asked: Sequence[Asked], timeout_s: float) -> Reply:
        wishes = tuple(asked)
        self._check_room()
        reply: Reply = await self._pump.callers.ask(lambda t: Submit(t, wishes), timeout_s)
        return reply

    async def barrier(self, timeout_s: float) -> None:
        self._check_room()
        _: ReadReady = await self._pump.callers.ask(ReadBarrier, timeout_s)

    async def call_run(self, call: CallRun, timeout_s: float) -> CallAnswered:
        self._check_room()
        answered: CallAnswered = await self._pump.callers.ask(
            lambda ticket: msgspec.structs.replace(call, ticket=ticket), timeout_s
        )
        return answered

    def open_session(
        self,
        registration: Registration,
        on_saying: Callable[[LeaderSaying], None],
        on_close: Callable[[CloseNode], None],
    ) -> int:
        session = self._pump.open_session(on_saying, on_close)
        self._pump.feed(NodeOpened(session, registration))
        return session

    def feed(self, item: Input) -> None:
        if type(item) is NodeClosed:
            self._pump.end_session(item)
        else:
            self._pump.feed(item)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self._pump.subscribe(listener)

    async def runs_of(self, task_id: str, limit: int, before: int) -> Sequence[StoredRun]:
        return await self._history.runs_of(task_id, limit, before)

    async def runs_before(self, before: int, limit: int, *, fresh: bool) -> Sequence[StoredRun]:
        return await self._history.runs_before(before, limit, fresh=fresh)

    async def error_of(self, task_id: str, allocation_id: int) -> bytes | None:
        return await self._history.error_of(task_id, allocation_id)

    async def run_of(self, task_id: str, allocation_id: int) -> StoredRun | None:
        return await self._history.run_of(task_id, allocation_id)

    async def fates_of(self, task_id: str, limit: int, before: int) -> Sequence[FateRow]:
        return await self._history.fates_of(task_id, limit, before)

    def fate_pages(self, upto: int) -> AsyncIterator[Sequence[FateRow]]:
        return self._history.fate_pages(upto)

    async def audit_of(self, limit: int, before: int) -> Sequence[AuditEvent]:
        return await self._history.audit_of(limit, before)

    def audit_pages(self, upto: int) -> AsyncIterator[Sequence[AuditEvent]]:
        return self._history.audit_pages(upto)

    def history(self, upto: int) -> AsyncIterator[Sequence[StoredRun]]:
        return self._history.pages(upto)

    def _check_room(self) -> None:
        if self._pump.callers.waiting >= CALLS_IN_PROGRESS_MAX:
            raise RoadFailed("overloaded", f"{CALLS_IN_PROGRESS_MAX} calls are in progress here")
