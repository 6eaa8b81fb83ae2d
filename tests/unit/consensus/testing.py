"""A small group of members in one process: messages lie in a list until somebody delivers them.

Storage works by messages, as in production: `Peer.write` finishes the oldest write, `Peer.crash` loses what was not
written. What was written (`Disk`) outlives the member.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from coordinator.consensus.changes import decode_conf_change
from coordinator.consensus.config import Config
from coordinator.consensus.errors import ConfigurationRefused, PeerNotFound, ProposalDropped
from coordinator.consensus.messages import (
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Message,
    Snapshot,
    decode_message,
    encode_message,
)
from coordinator.consensus.raft import Raft
from coordinator.consensus.ready import ReadState, StorageAppend, StorageApply
from coordinator.consensus.sizes import NO_LIMIT
from coordinator.consensus.storage import MemoryStorage

START = 1  # index and term of the snapshot that all members start with


@dataclass
class Disk:
    """What outlives a crash."""

    hard_state: HardState
    snapshot: Snapshot
    log: MemoryStorage
    conf: ConfState
    applied: list[Entry] = field(default_factory=list)

    def applied_index(self) -> int:
        return self.applied[-1].index if self.applied else self.snapshot.index


class Peer:
    """One member with its disk and its applied entries."""

    def __init__(
        self, member: int, disk: Disk, settings: dict[str, Any], dice: Callable[[int], int]
    ) -> None:
        self.id = member
        self.disk = disk
        self._settings = settings
        self._dice = dice
        self.reads: list[ReadState] = []
        self.writes: deque[StorageAppend] = deque()
        self.applies: deque[StorageApply] = deque()
        self.start()

    def start(self) -> None:
        """(Re)start from the disk. The state machine is in memory: it begins again with the snapshot."""
        self.disk.applied = []
        self.disk.conf = self.disk.snapshot.conf
        config = Config(
            id=self.id,
            applied=self.disk.snapshot.index,
            async_storage_writes=True,
            **self._settings,
        )
        self.raft = Raft(config, self.disk.log, self._dice)

    def crash(self) -> None:
        self.reads.clear()
        self.writes.clear()
        self.applies.clear()
        self.start()

    def take(self) -> list[Message]:
        """Take all Readies; what may be sent now."""
        out: list[Message] = []
        while self.raft.has_ready():
            ready = self.raft.ready()
            out += ready.send_now
            self.reads += ready.read_states
            if ready.storage_append is not None:
                self.writes.append(ready.storage_append)
            if ready.storage_apply is not None:
                self.applies.append(ready.storage_apply)
        return out

    def write(self) -> list[Message]:
        """Finish the oldest write; what may be sent after it."""
        work = self.writes.popleft()
        disk = self.disk
        if work.hard_state is not None:
            disk.hard_state = work.hard_state
            disk.log.set_hard_state(work.hard_state)
        if work.snapshot is not None:
            disk.snapshot = work.snapshot
            disk.log.apply_snapshot(work.snapshot)
            disk.applied, disk.conf = [], work.snapshot.conf
        disk.log.append(work.entries)
        return self._responses(work.responses)

    def apply(self) -> list[Message]:
        """Apply the oldest batch."""
        work = self.applies.popleft()
        for entry in work.entries:
            if entry.kind is not EntryKind.NORMAL:
                try:
                    self.disk.conf = self.raft.apply_conf_change(decode_conf_change(entry))
                except ConfigurationRefused:
                    pass  # the same on every member
            self.disk.applied.append(entry)
        return self._responses(work.responses)

    def _responses(self, responses: Iterable[Message]) -> list[Message]:
        away = []
        for message in responses:
            if message.to == self.id:
                step(self.raft, message)
            else:
                away.append(message)
        return away

    def compact(self) -> None:
        """Take a snapshot of what is applied and drop the log before it."""
        if not self.disk.applied:
            return
        last = self.disk.applied[-1]
        if last.index <= self.disk.snapshot.index or last.index > self.disk.log.last_index():
            return
        snapshot = Snapshot(last.index, last.term, self.disk.conf, b"state")
        self.disk.snapshot = snapshot
        self.disk.log.save_snapshot(snapshot)
        self.disk.log.compact(last.index)

    def log_entries(self) -> list[Entry]:
        log = self.raft.core.log
        return list(log.entries_from(log.first_index(), NO_LIMIT))


def step(raft: Raft, message: Message) -> None:
    """Step, where a failure of the road is nothing special."""
    try:
        raft.step(message)
    except (PeerNotFound, ProposalDropped):
        pass


class Group:
    """Members 1 to n, all voters unless said otherwise."""

    def __init__(
        self,
        voters: int,
        *,
        learners: int = 0,
        dice: Callable[[int], int] | None = None,
        **settings: Any,
    ) -> None:
        self.in_flight: list[Message] = []
        self.peers: dict[int, Peer] = {}
        self._dice = dice or (lambda _sides: 0)
        self._settings = {"election_tick": 5, "heartbeat_tick": 1, **settings}
        conf = ConfState(
            voters=tuple(range(1, voters + 1)),
            learners=tuple(range(voters + 1, voters + learners + 1)),
        )
        for member in (*conf.voters, *conf.learners):
            self.add(member, Snapshot(START, START, conf))

    def add(self, member: int, snapshot: Snapshot | None = None) -> Peer:
        start = snapshot or Snapshot(0, 0)
        state = HardState(start.term, 0, start.index)
        disk = Disk(state, start, MemoryStorage(state, start), start.conf)
        self.peers[member] = Peer(member, disk, self._settings, self._dice)
        return self.peers[member]

    def raft(self, member: int) -> Raft:
        return self.peers[member].raft

    def settle(self, *, without: Iterable[int] = ()) -> None:
        """Deliver, write and apply until nothing happens. Messages to and from `without` are lost."""
        while self.round(without=without):
            pass

    def round(self, *, without: Iterable[int] = (), applies: bool = True) -> bool:
        """Let everybody do what there is to do, then deliver what was in flight. Whether anything happened."""
        cut = set(without)
        is_busy = False
        for peer in self.peers.values():
            if peer.id not in cut and self._work(peer, applies=applies):
                is_busy = True
        batch, self.in_flight = self.in_flight, []
        for message in batch:
            if cut.isdisjoint((message.to, message.sender)) and message.to in self.peers:
                is_busy = True
                step(self.raft(message.to), decode_message(encode_message(message)))
        return is_busy

    def _work(self, peer: Peer, *, applies: bool) -> bool:
        self.in_flight += peer.take()
        worked = False
        while peer.writes:
            self.in_flight += peer.write()
            worked = True
        while applies and peer.applies:
            self.in_flight += peer.apply()
            worked = True
        return worked

    def refresh(self, leader: int) -> None:
        """Newcomers refuse a snapshot from before their time: take a new one, send it instead."""
        peer = self.peers[leader]
        peer.compact()
        for member, progress in peer.raft.status().progress.items():
            if progress.state == "snapshot":
                peer.raft.report_snapshot(member, ok=False)
        self.tick(3)

    def elect(self, member: int, *, without: Iterable[int] = ()) -> Raft:
        """Make a member lead."""
        for peer in self.peers.values():
            peer.raft.forget_leader()  # no lease stands in the way
        self.raft(member).campaign()
        self.settle(without=without)
        assert self.raft(member).is_leader
        return self.raft(member)

    def tick(self, times: int = 1, *, without: Iterable[int] = ()) -> None:
        for _ in range(times):
            for peer in self.peers.values():
                peer.raft.tick()
            self.settle(without=without)

    def applied(self, member: int) -> list[bytes]:
        """Data of the normal entries that a member has applied, the leaders' empty ones left out."""
        return [entry.data for entry in self.peers[member].disk.applied if entry.data]
