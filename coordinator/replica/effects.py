"""All that a replica can ask for. The shell does them in the order given."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from coordinator.consensus.messages import ConfState, Entry, HardState, Message, Snapshot
from coordinator.machine.outcome import Outcome
from coordinator.model.audit import AuditEvent
from coordinator.model.events import Event
from coordinator.model.ids import NO_ALLOCATION, AllocationId, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.schedules import Fate
from coordinator.model.tasks import Task
from coordinator.replica.sayings import LeaderSaying


class RunWrite(msgspec.Struct, frozen=True, gc=False):
    """A partial upsert of one row of the runs table; None leaves what is there."""

    task_id: TaskId
    allocation_id: AllocationId
    index: int
    executor: str | None = None
    attempt: int | None = None
    cause: str | None = None
    node: str | None = None
    incarnation: str | None = None
    due_at: Instant | None = None
    assigned_at: Instant | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    outcome: str | None = None
    reported: str | None = None
    reason: str | None = None
    error: bytes | None = None
    result: bytes | None = None
    logs: bytes | None = None
    occurrence_at: Instant | None = None  # the fire time that it stands for
    state_digest_before: str | None = (
        None  # of the saved state that it was given; none: there was no state
    )
    state_digest_after: str | None = None  # where it wrote one; empty: it took it away
    state_bytes: int | None = None  # of the state that it left, where it wrote one
    log_counts: tuple[int, ...] | None = None  # lines written: debug, info, warning, error
    progress: bytes | None = None  # of a lost run the last one, JSON
    trim: tuple[int, Instant] | None = (
        None  # of a series: rows to keep, and since which end; not kept
    )


class FateWrite(msgspec.Struct, frozen=True, gc=False):
    """An upsert of one range of fates. Those of its series up to `gone_upto`, and older than `gone_before`, go with it."""

    task_id: TaskId
    number: int  # within its series, from 1
    index: int
    at: Instant  # of the entry that gave it this form; never falls from one number to the next
    fate: Fate
    gone_upto: int = 0
    gone_before: Instant = 0


class AuditWrite(msgspec.Struct, frozen=True, gc=False):
    """One event of the audit. Those up to number `gone_upto`, and older than `gone_before`, go with it."""

    event: AuditEvent
    gone_upto: int = 0
    gone_before: Instant = 0


class Persist(msgspec.Struct, frozen=True, gc=False):
    """One write, never split; `Stored` with this id when its transaction has returned."""

    write: int
    hard_state: HardState | None
    entries: tuple[Entry, ...]
    snapshot: Snapshot | None
    runs: tuple[RunWrite, ...] = ()
    forget_runs: tuple[tuple[TaskId, AllocationId], ...] = ()
    fates: tuple[FateWrite, ...] = ()
    forget_fates: tuple[TaskId, ...] = ()  # all ranges of these, before `fates`
    audit: tuple[AuditWrite, ...] = ()


class SendPeer(msgspec.Struct, frozen=True, gc=False):
    member: int
    messages: tuple[Message, ...]


class StreamSnapshot(msgspec.Struct, frozen=True, gc=False):
    """Send this MsgSnap with the stored snapshot's chunks; answer with `SnapshotSent`."""

    member: int
    message: Message


class TakeSnapshot(msgspec.Struct, frozen=True, gc=False):
    """Encode the frozen state in another thread and store it; answer with `SnapshotTaken`."""

    index: int
    term: int
    conf: ConfState
    frozen: Any


class TakeDigest(msgspec.Struct, frozen=True, gc=False):
    """Take the digest of the frozen state in another thread; answer with `DigestTaken`."""

    index: int
    frozen: Any


class SayDigest(msgspec.Struct, frozen=True, gc=False):
    """Tell the leader our digest at an entry; nothing is lost if it does not hear of it."""

    member: int
    index: int
    digest: str


class Reply(msgspec.Struct, frozen=True, gc=False):
    """Outcomes of one ticket, in its order, with the records as they are after them."""

    ticket: int
    outcomes: tuple[Outcome, ...]
    records: tuple[Task | None, ...]
    revision: int


class Fail(msgspec.Struct, frozen=True, gc=False):
    """The road failed. kind: not_leader, no_leader, outcome_unknown, overloaded, disk_full,
    shutting_down. Only outcome_unknown may have been appended.
    """

    ticket: int
    kind: str
    detail: str = ""


class ReadReady(msgspec.Struct, frozen=True, gc=False):
    ticket: int


class CallAnswered(msgspec.Struct, frozen=True, gc=False):
    """What came of a call to a run; `reason` not empty: why its code gave no answer."""

    ticket: int
    reason: str = ""
    detail: str = ""
    payload: bytes = b""
    allocation_id: AllocationId = NO_ALLOCATION
    node: str = ""


class ToNode(msgspec.Struct, frozen=True, gc=False):
    session: int
    saying: LeaderSaying


class CloseNode(msgspec.Struct, frozen=True, gc=False):
    """End the session. reason: not_leader, stale_incarnation, node_name_in_use, wrong_cluster,
    restored (from a backup of the node's cluster: it begins anew), removed, shutting_down, superseded.
    """

    session: int
    reason: str
    detail: str = ""


class AskPlugin(msgspec.Struct, frozen=True, gc=False):
    """Ask foreign code in its helper process. kind: validate, assign. `payload` is msgpack."""

    call: int
    kind: str
    executor: str
    payload: bytes
    timeout_ms: Millis


class Applied(msgspec.Struct, frozen=True, gc=False):
    """An entry was applied here: for watches and waiters."""

    revision: int
    at: Instant
    events: tuple[Event, ...]


class StateReplaced(msgspec.Struct, frozen=True, gc=False):
    """A leader's snapshot took the place of the state: watches start anew, waiters look again."""

    revision: int


class Live(msgspec.Struct, frozen=True, gc=False):
    """Progress or log lines of runs came in (leader only): for watches and `logs -f`."""

    task_ids: tuple[TaskId, ...]


class LeadershipChanged(msgspec.Struct, frozen=True, gc=False):
    leader: int  # member id, 0 when unknown
    term: int
    is_leader: bool


class Alarm(msgspec.Struct, frozen=True, gc=False):
    """Hand in a `Wake` after so many ms, whatever else goes on: something is due then, before the next tick."""

    millis: Millis


class WakeAfter(msgspec.Struct, frozen=True, gc=False):
    """Hand in a `Wake` after so many ms, or as soon as so many wishes wait: others wait for company."""

    millis: Millis
    wishes: int = 1


class Note(msgspec.Struct, frozen=True, gc=False):
    """A log line as a value."""

    level: str
    event: str
    fields: dict[str, Any]


class Halt(msgspec.Struct, frozen=True, gc=False):
    """Stop the process with this exit code, at once, acknowledging nothing more."""

    exit_code: int
    reason: str


Effect: TypeAlias = (
    Persist
    | SendPeer
    | StreamSnapshot
    | TakeSnapshot
    | TakeDigest
    | SayDigest
    | Reply
    | Fail
    | ReadReady
    | CallAnswered
    | ToNode
    | CloseNode
    | AskPlugin
    | Applied
    | StateReplaced
    | Live
    | LeadershipChanged
    | WakeAfter
    | Alarm
    | Note
    | Halt
)
