"""What the handlers need from the shell: a port, so that tests can stand in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import msgspec

from coordinator.model.audit import AuditEvent
from coordinator.replica.effects import (
    Applied,
    CallAnswered,
    CloseNode,
    FateWrite,
    LeadershipChanged,
    Live,
    Reply,
    StateReplaced,
)
from coordinator.replica.inputs import Asked, CallRun, Input
from coordinator.replica.replica import Replica
from coordinator.replica.sayings import LeaderSaying, Registration

Told = Applied | StateReplaced | Live | LeadershipChanged
Listener = Callable[[Told], None]


class RoadFailed(Exception):
    """The wish met no answer. kind as in `effects.Fail`, also `timed_out` (its fate is unknown) or `not_begun`."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.detail = detail


class MemberFacts(msgspec.Struct, frozen=True):
    """What the shell knows of its own process and disk."""

    name: str
    member_id: int
    address: str
    http: str
    condition: str  # ok disk_full damaged removed
    fsync_p99_ms: float
    disk_free_bytes: int
    snapshot_index: int
    log_entries: int
    uptime_ms: int
    elections: int
    version: str
    executors_here: tuple[str, ...]  # whose code this coordinator has
    reachable: int = 0  # other members that a stream is open to


class StoredRun(Protocol):
    """One row of the runs table; field meanings as in `effects.RunWrite`."""

    @property
    def task_id(self) -> str: ...
    @property
    def allocation_id(self) -> int: ...
    @property
    def executor(self) -> str | None: ...
    @property
    def attempt(self) -> int | None: ...
    @property
    def cause(self) -> str | None: ...
    @property
    def node(self) -> str | None: ...
    @property
    def incarnation(self) -> str | None: ...
    @property
    def due_at(self) -> int | None: ...
    @property
    def assigned_at(self) -> int | None: ...
    @property
    def started_at(self) -> int | None: ...
    @property
    def ended_at(self) -> int | None: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def reported(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def occurrence_at(self) -> int | None: ...
    @property
    def state_digest_before(self) -> str | None: ...
    @property
    def state_digest_after(self) -> str | None: ...
    @property
    def state_bytes(self) -> int | None: ...
    @property
    def log_counts(self) -> tuple[int, ...] | None: ...
    @property
    def progress(self) -> bytes | None: ...
    @property
    def error(self) -> bytes | None: ...
    @property
    def result(self) -> bytes | None: ...
    @property
    def logs(self) -> bytes | None: ...


class Door(Protocol):
    """The shell as the handlers see it. All methods belong to the event loop's thread."""

    @property
    def replica(self) -> Replica:
        """Read only: its state, who leads, what is live."""
        ...

    @property
    def name(self) -> str:
        """Of this member."""
        ...

    def facts(self) -> MemberFacts:
        """Not for the hot path."""
        ...

    def address_of(self, member_id: int) -> str:
        """host:port of a member, empty when unknown."""
        ...

    def reaches(self, member_id: int) -> bool:
        """Whether a stream to that member is open."""
        ...

    async def submit(self, asked: Sequence[Asked], timeout_s: float) -> Reply:
        """Outcomes once committed and applied here. Raises RoadFailed."""
        ...

    async def barrier(self, timeout_s: float) -> None:
        """Returns when a linearizable read may be made from the state. Raises RoadFailed."""
        ...

    async def call_run(self, call: CallRun, timeout_s: float) -> CallAnswered:
        """What the run of a task answered, or why it did not; the ticket is the shell's. Raises RoadFailed."""
        ...

    def open_session(
        self,
        registration: Registration,
        on_saying: Callable[[LeaderSaying], None],
        on_close: Callable[[CloseNode], None],
    ) -> int:
        """A node's session; its number goes into NodeSaid and NodeClosed."""
        ...

    def feed(self, item: Input) -> None:
        """Hand an input to the replica's next turn."""
        ...

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call the listener for every event of `Told`; returns how to stop."""
        ...

    async def runs_of(self, task_id: str, limit: int, before: int) -> Sequence[StoredRun]:
        """Newest first; `before` is an allocation id, 0 for none."""
        ...

    async def runs_before(self, before: int, limit: int, *, fresh: bool) -> Sequence[StoredRun]:
        """Of all tasks, newest first, without errors, results and logs; `before` is an allocation id, 0 for none.

        `fresh`: with all that has been applied by now, which may cost a write.
        """
        ...

    async def error_of(self, task_id: str, allocation_id: int) -> bytes | None:
        """Type and message of a run's error, as JSON; None where it left none."""
        ...

    async def run_of(self, task_id: str, allocation_id: int) -> StoredRun | None: ...

    async def fates_of(self, task_id: str, limit: int, before: int) -> Sequence[FateWrite]:
        """Ranges of fates of a series, the one begun last first; `before` is a number of one, 0 for none."""
        ...

    def fate_pages(self, upto: int) -> AsyncIterator[Sequence[FateWrite]]:
        """All ranges of all series, some at a time, without those that changed after revision `upto`."""
        ...

    async def audit_of(self, limit: int, before: int) -> Sequence[AuditEvent]:
        """What operators changed, newest first; `before` is the number of one, 0 for none."""
        ...

    def audit_pages(self, upto: int) -> AsyncIterator[Sequence[AuditEvent]]:
        """All of it, some at a time, without what changed after revision `upto`."""
        ...

    def history(self, upto: int) -> AsyncIterator[Sequence[StoredRun]]:
        """All runs by allocation id, some at a time, with all they left behind.

        Without those that began or changed after revision `upto`.
        """
        ...
