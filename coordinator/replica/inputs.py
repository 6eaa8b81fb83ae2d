"""All that a replica can be told."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from coordinator.consensus.messages import Message
from coordinator.machine.commands import Command
from coordinator.model.audit import Asker, AuditEvent
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.tasks import Pairs, TaskSpec
from coordinator.replica.effects import FateWrite, RunWrite
from coordinator.replica.sayings import NodeSaying, Registration


class Create(msgspec.Struct, frozen=True, gc=False):
    """A wish for a task; sizes and the params' schema were checked at the door."""

    task_id: TaskId
    executor: str
    params: bytes
    spec: TaskSpec
    paused: bool = False
    require_assignment: bool = False
    replace_finished: bool = False
    by_run: tuple[AllocationId, Incarnation] | None = None  # of the parent (PT-77)
    declared: str = ""  # digest of the params, where its executor declares it (PT-84)
    first_at: int = (
        0  # due time of a series' first occurrence, of one of many that are spread (TM-21)
    )


class Move(msgspec.Struct, frozen=True, gc=False):
    """Take the task off its node; `avoid` lists nodes not to use next."""

    task_id: TaskId
    avoid: tuple[NodeName, ...] = ()
    if_revision: int = 0
    reason: str = ""


Wish: TypeAlias = Create | Move | Command


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One wish with the caller's request id and a hash of what was asked."""

    wish: Wish
    request_id: str = ""
    content: int = 0
    dry_run: bool = False
    asker: Asker | None = None  # where the change is to be found again (TM-75)


class Submit(msgspec.Struct, frozen=True, gc=False):
    """Wishes of one call; answered together by `Reply` or `Fail` under this ticket."""

    ticket: int
    asked: tuple[Asked, ...]


class Abandon(msgspec.Struct, frozen=True, gc=False):
    """Nobody waits for this ticket any more (its deadline passed); what was appended stays."""

    ticket: int


class Expire(msgspec.Struct, frozen=True, gc=False):
    """The time of this call is over. Answered by `Fail`, unless its answer comes first.

    `not_begun`: its wishes were still being looked at, and are withdrawn for good; else `timed_out`.
    """

    ticket: int


class ReadBarrier(msgspec.Struct, frozen=True, gc=False):
    """Answered by `ReadReady` once a linearizable read may be made from the state."""

    ticket: int


class Tick(msgspec.Struct, frozen=True, gc=False):
    """50 ms have gone by, roughly; `stalled_ms`: how much longer than that the loop stood still."""

    stalled_ms: Millis = 0


class FromPeer(msgspec.Struct, frozen=True, gc=False):
    messages: tuple[Message, ...]
    sent_at: Instant = 0  # by the sender's wall clock; 0: it did not say


class Stored(msgspec.Struct, frozen=True, gc=False):
    """These writes are on disk; ids in order."""

    writes: tuple[int, ...]


class StoreFailed(msgspec.Struct, frozen=True, gc=False):
    """kind: io (halts), disk_full, recovered, damaged."""

    kind: str
    detail: str


class DiskLow(msgspec.Struct, frozen=True, gc=False):
    low: bool


class SnapshotTaken(msgspec.Struct, frozen=True, gc=False):
    """The snapshot at `index` is complete on disk and the log before it compacted."""

    index: int
    ok: bool


class DigestTaken(msgspec.Struct, frozen=True, gc=False):
    """The answer to `TakeDigest`."""

    index: int
    digest: str


class DigestSaid(msgspec.Struct, frozen=True, gc=False):
    """Another member's digest at an entry."""

    member: int
    index: int
    digest: str


class MemberSaid(msgspec.Struct, frozen=True, gc=False):
    """First words of another member: the highest feature level it can follow, and its release."""

    member: int
    supports: int
    release: str = ""


class PeerUnreachable(msgspec.Struct, frozen=True, gc=False):
    member: int


class SnapshotSent(msgspec.Struct, frozen=True, gc=False):
    member: int
    ok: bool


class NodeOpened(msgspec.Struct, frozen=True, gc=False):
    session: int
    registration: Registration


class NodeSaid(msgspec.Struct, frozen=True, gc=False):
    session: int
    saying: NodeSaying


class NodeClosed(msgspec.Struct, frozen=True, gc=False):
    session: int


class PluginAnswered(msgspec.Struct, frozen=True, gc=False):
    """Answer to an `AskPlugin`. kind: ok, refused (code + text), error, timeout, missing; stale: words on tasks that
    went before were missed, so that nobody was asked.
    """

    call: int
    kind: str
    node: NodeName | None = None
    code: str = ""
    text: str = ""


class PluginsKnown(msgspec.Struct, frozen=True, gc=False):
    """Executors whose code this coordinator has: name -> (version, own_validate, own_assignment).

    `more`: others are still being imported. One without it comes within seconds of the start, whatever plugins do.
    """

    executors: tuple[tuple[str, int, bool, bool], ...]
    more: bool = False


class Poke(msgspec.Struct, frozen=True, gc=False):
    """Look again at these tasks, or all of this executor, or all."""

    task_ids: tuple[TaskId, ...] = ()
    executor: str = ""


class CallRun(msgspec.Struct, frozen=True, gc=False):
    """Ask the current run of a task (PT-85); answered by `CallAnswered` or `Fail` under this ticket."""

    ticket: int
    task_id: TaskId
    method: str
    payload: bytes
    timeout_ms: Millis
    headers: Pairs = ()


class TransferLeadership(msgspec.Struct, frozen=True, gc=False):
    to: int = 0  # 0: whoever is most caught up


class StopLeading(msgspec.Struct, frozen=True, gc=False):
    """Shutting down: hand leadership over and take no more wishes."""


class Campaign(msgspec.Struct, frozen=True, gc=False):
    """Start an election now (a cluster of one at start)."""


class Wake(msgspec.Struct, frozen=True, gc=False):
    """The time asked for by `WakeAfter` has gone by."""


class FlushRuns(msgspec.Struct, frozen=True, gc=False):
    """Somebody is about to read the runs table: write the rows that wait for company."""


class KeepHistory(msgspec.Struct, frozen=True, gc=False):
    """Rows that another member told, of entries that we have only as a snapshot."""

    runs: tuple[RunWrite, ...] = ()
    fates: tuple[FateWrite, ...] = ()
    audit: tuple[AuditEvent, ...] = ()


Input: TypeAlias = (
    Submit
    | Abandon
    | Expire
    | ReadBarrier
    | Tick
    | FromPeer
    | Stored
    | StoreFailed
    | DiskLow
    | SnapshotTaken
    | DigestTaken
    | DigestSaid
    | MemberSaid
    | PeerUnreachable
    | SnapshotSent
    | NodeOpened
    | NodeSaid
    | NodeClosed
    | PluginAnswered
    | PluginsKnown
    | Poke
    | CallRun
    | TransferLeadership
    | StopLeading
    | Campaign
    | FlushRuns
    | KeepHistory
    | Wake
)
