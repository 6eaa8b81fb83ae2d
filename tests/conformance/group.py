"""The members of a story, their storage, and the messages between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from coordinator.consensus.changes import decode_conf_change
from coordinator.consensus.config import Config
from coordinator.consensus.errors import (
    Compacted,
    PeerNotFound,
    ProposalDropped,
    SnapshotOutOfDate,
    StepLocalMessage,
)
from coordinator.consensus.messages import (
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Message,
    Snapshot,
)
from coordinator.consensus.raft import Raft
from coordinator.consensus.ready import StorageAppend, StorageApply
from coordinator.consensus.storage import MemoryStorage
from tests.conformance import printer
from tests.conformance.output import Output
from tests.conformance.values import Refused

ERRORS: dict[type[Exception], str] = {
    ProposalDropped: "raft proposal dropped",
    StepLocalMessage: "raft: cannot step raft local message",
    PeerNotFound: "raft: cannot step as peer not found",
    SnapshotOutOfDate: "requested index is older than the existing snapshot",
    Compacted: "requested index is unavailable due to compaction",
}


class StoryStorage(MemoryStorage):
    """The latest snapshot is the last one of the member's history."""

    def __init__(self, start: Snapshot) -> None:
        super().__init__(HardState(), start)
        self.history = [start]

    @override
    def snapshot(self) -> Snapshot:
        return self.history[-1]


@dataclass
class Member:
    config: Config
    storage: StoryStorage
    raft: Raft
    append_work: deque[StorageAppend] = field(default_factory=deque)
    apply_work: deque[StorageApply] = field(default_factory=deque)

    @property
    def id(self) -> int:
        return self.config.id

    def store(
        self, state: HardState | None, snapshot: Snapshot | None, entries: Sequence[Entry]
    ) -> None:
        if state is not None:
            self.storage.set_hard_state(state)
        if snapshot is None:
            self.storage.append(entries)
        elif entries:
            raise Refused("can't apply snapshot and entries at the same time")
        else:
            self.storage.apply_snapshot(snapshot)

    def apply(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            last = self.storage.history[-1]
            conf: ConfState = last.conf
            data = last.data
            if entry.kind is EntryKind.NORMAL:
                data += entry.data
            else:
                conf = self.raft.apply_conf_change(decode_conf_change(entry))
            self.storage.history.append(Snapshot(entry.index, entry.term, conf, data))


@dataclass(frozen=True)
class Recipient:
    id: int
    drop: bool = False


class Group:
    """All members, numbered from 1, and one list of messages in flight."""

    def __init__(self, output: Output) -> None:
        self.members: list[Member] = []
        self.in_flight: list[Message] = []
        self._output = output

    def member(self, number: int) -> Member:
        if not 1 <= number <= len(self.members):
            raise ValueError(f"there is no member {number}")
        return self.members[number - 1]

    def add(self, config: Config, start: Snapshot | None) -> None:
        if start is not None and start.index <= 1:
            raise Refused("index must be specified as > 1 due to bootstrap")
        storage = StoryStorage(start or Snapshot(0, 0))
        self.members.append(Member(config, storage, Raft(config, storage, lambda _sides: 0)))

    def process_ready(self, member: Member) -> None:
        ready = member.raft.ready()
        self._output.write(printer.ready(member.id, ready))
        if member.config.async_storage_writes:
            self.in_flight += ready.send_now
            if ready.storage_append is not None:
                member.append_work.append(ready.storage_append)
            if ready.storage_apply is not None:
                member.apply_work.append(ready.storage_apply)
            return
        member.store(ready.hard_state, ready.snapshot, ready.entries)
        member.apply(ready.committed)
        self.in_flight += (*ready.send_now, *ready.send_after)
        member.raft.advance()

    def process_append(self, member: Member) -> None:
        if not member.append_work:
            self._output.write("no append work to perform")
            return
        work = member.append_work.popleft()
        self._output.line("Processing:")
        self._output.line(printer.storage_append(member.id, work, responses=False))
        member.store(work.hard_state, work.snapshot, work.entries)
        self._respond(work.responses)

    def process_apply(self, member: Member) -> None:
        if not member.apply_work:
            self._output.write("no apply work to perform")
            return
        work = member.apply_work.popleft()
        self._output.line("Processing:")
        self._output.line(printer.storage_apply(member.id, work, responses=False))
        member.apply(work.entries)
        self._respond(work.responses)

    def _respond(self, responses: Sequence[Message]) -> None:
        self._output.line("Responses:")
        for response in responses:
            self._output.line(printer.message_line(response))
        self.in_flight += responses

    def has_messages(self, member: Member) -> bool:
        return any(message.to == member.id for message in self.in_flight)

    def deliver(self, recipient: Recipient, only_type: str | None = None) -> int:
        """Deliver or drop what is in flight to a recipient now; how many messages that were."""
        taken: list[Message] = []
        rest: list[Message] = []
        for message in self.in_flight:
            (taken if _concerns(message, recipient, only_type) else rest).append(message)
        self.in_flight = rest
        for message in taken:
            prefix = "dropped: " if recipient.drop else ""
            self._output.line(prefix + printer.message_line(message))
            if not recipient.drop:
                self._step(self.member(recipient.id), message)
        return len(taken)

    def _step(self, member: Member, message: Message) -> None:
        try:
            member.raft.step(message)
        except tuple(ERRORS) as error:
            self._output.line(ERRORS[type(error)])


def _concerns(message: Message, recipient: Recipient, only_type: str | None) -> bool:
    if message.to != recipient.id:
        return False
    if only_type is not None and printer.printed_type(message) != only_type:
        return False
    sender = printer.printed_sender(message)
    is_local = sender < 0 or sender == message.to
    return not (recipient.drop and is_local)
