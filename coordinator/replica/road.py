"""The road of an entry: the consensus core, its log in memory, and what waits for the disk.

A Ready may be taken while earlier writes are under way; what depends on a write travels as its
answer. Answers leave in the order the writes were asked for, whatever order they return in, so an
acknowledgement never overtakes the transaction that it speaks of (C1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from coordinator.consensus.config import Config
from coordinator.consensus.errors import PeerNotFound, ProposalDropped, StepLocalMessage
from coordinator.consensus.messages import (
    Append,
    AppendAccepted,
    ConfState,
    Entry,
    HardState,
    InstallSnapshot,
    Message,
    RequestVote,
    Snapshot,
)
from coordinator.consensus.raft import Raft
from coordinator.consensus.ready import ReadState, StorageAppend
from coordinator.model.instants import Millis
from coordinator.replica.config import Dice, Recovered, ReplicaConfig
from coordinator.replica.effects import Effect, Persist, SendPeer, StreamSnapshot
from coordinator.replica.run_rows import Rows
from coordinator.replica.stable_log import StableLog

REPEAT_AFTER_MS: Millis = 50


class _Waiting(msgspec.Struct, gc=False):
    """A write under way, or (write 0) answers that only wait for the writes before them."""

    write: int
    append: StorageAppend
    done: bool
    asks: tuple[Message, ...] = ()  # for votes


class Road:
    """Raft plus bookkeeping. Effects go to `emit`; committed entries come out of `take`."""

    def __init__(
        self,
        config: ReplicaConfig,
        recovered: Recovered,
        dice: Dice,
        emit: Callable[[Effect], None],
    ) -> None:
        self._emit = emit
        self._me = config.member_id
        self.log = StableLog.restored(
            recovered.hard_state, recovered.snapshot, recovered.base, recovered.entries
        )
        self.raft = Raft(
            Config(
                id=config.member_id,
                election_tick=config.election_tick,
                heartbeat_tick=config.heartbeat_tick,
                max_size_per_message=config.max_message_bytes,
                max_inflight=config.max_inflight,
                max_uncommitted_bytes=config.max_uncommitted_bytes,
                max_committed_bytes_per_ready=config.max_committed_bytes,
                async_storage_writes=True,
                step_down_on_removal=True,
                applied=recovered.snapshot.index,
            ),
            self.log,
            dice,
        )
        self._outgoing: dict[int, list[Message]] = {}
        self._acknowledged: dict[int, tuple[AppendAccepted | None, Millis]] = {}
        self._last_write = 0
        self._waiting: deque[_Waiting] = deque()
        self._lazy_hard_state: HardState | None = None
        self._rows = Rows()
        self.read_states: list[ReadState] = []
        self.installed: Snapshot | None = None  # a leader's snapshot that reached our disk

    # -- inwards --------------------------------------------------------------------------------

    def step(self, messages: Iterable[Message]) -> None:
        """Messages of peers. One that makes no sense costs itself, not the process."""
        for message in messages:
            try:
                self.raft.step(message)
            except (PeerNotFound, StepLocalMessage, ProposalDropped):
                continue

    def stored(self, writes: Iterable[int]) -> None:
        """These transactions have returned."""
        done = set(writes)
        for waiting in self._waiting:
            if waiting.write in done:
                waiting.done = True
        self._release()

    # -- outwards -------------------------------------------------------------------------------

    def take(self) -> tuple[Entry, ...]:
        """One Ready: its messages and writes are asked for, its committed entries returned.

        Call `applied` with them done, then again until `raft.has_ready()` is false.
        """
        ready = self.raft.ready()
        asks = tuple(message for message in ready.send_now if is_candidacy(message))
        self._send(message for message in ready.send_now if not is_candidacy(message))
        self.read_states.extend(ready.read_states)
        if ready.storage_append is not None:
            self._store(ready.storage_append)
        self._ask(asks)
        if ready.storage_apply is None:
            return ()
        self._apply_responses = ready.storage_apply.responses
        return ready.storage_apply.entries

    def applied(self) -> None:
        """The entries of the last `take` are applied."""
        for message in self._apply_responses:
            self.raft.step(message)
        self._apply_responses = ()

    def write_rows(self, rows: Rows) -> None:
        """Rows of the history go along with the next write, or with the next tick."""
        self._rows.follow(rows)

    def flush(self) -> None:
        """Write what only waited for company."""
        if self._rows or self._lazy_hard_state is not None:
            self._persist(None, (), None)

    def snapshot_taken(self, index: int, term: int, conf: ConfState, keep: int) -> None:
        """A snapshot of our own is on disk: the log before it goes, but for `keep` entries."""
        self.log.save_snapshot(Snapshot(index, term, conf))
        upto = index - keep
        if upto >= self.log.first_index():
            self.log.compact(upto)

    def _store(self, append: StorageAppend) -> None:
        if append.entries or append.snapshot is not None or append.must_sync:
            write = self._persist(append.hard_state, append.entries, append.snapshot)
            self._waiting.append(_Waiting(write, append, False))
            return
        # Only the commit index moved: nothing another member could rely on. It goes along later,
        # but what it answers still waits for the writes before it.
        if append.hard_state is not None:
            self._lazy_hard_state = append.hard_state
        self._waiting.append(_Waiting(0, append, True))
        self._release()

    def _ask(self, asks: tuple[Message, ...]) -> None:
        """For votes, once the candidacy and the log it speaks of are on disk (C1).

        A candidate that forgot both could stand again in the same term with a shorter log, and win by votes that the
        longer one was given.
        """
        if self._waiting:
            self._waiting[-1].asks += asks
        else:
            self._send(asks)

    def _persist(
        self, hard_state: HardState | None, entries: tuple[Entry, ...], snapshot: Snapshot | None
    ) -> int:
        self._last_write += 1
        hard_state = hard_state or self._lazy_hard_state
        self._lazy_hard_state = None
        rows, self._rows = self._rows, Rows()
        history = rows.columns()
        self._emit(Persist(self._last_write, hard_state, entries, snapshot, *history))
        return self._last_write

    def _release(self) -> None:
        while self._waiting and self._waiting[0].done:
            waiting = self._waiting.popleft()
            append = waiting.append
            if append.hard_state is not None:
                self.log.set_hard_state(append.hard_state)
            if append.snapshot is not None:
                self.log.apply_snapshot(msgspec.structs.replace(append.snapshot, data=b""))
                self.installed = append.snapshot
            self.log.append(append.entries)
            away: list[Message] = []
            for message in append.responses:
                if message.to == self._me:
                    self._step_own(message)
                else:
                    away.append(message)
            self._send((*away, *waiting.asks))

    def _step_own(self, message: Message) -> None:
        """What we have on disk counts for nothing once we are out of the configuration: the write was older."""
        with suppress(PeerNotFound):
            self.raft.step(message)

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, InstallSnapshot):
                self._emit(StreamSnapshot(message.to, message))
            else:
                self._outgoing.setdefault(message.to, []).append(message)

    def send(self, steady: Millis) -> None:
        """The turn is over: one batch to each member, without what a later message in it repeats."""
        outgoing, self._outgoing = self._outgoing, {}
        for member, messages in outgoing.items():
            batch = tuple(m for m in without_repeats(messages) if not self._said(m, steady))
            if batch:
                self._emit(SendPeer(member, batch))

    def _said(self, message: Message, steady: Millis) -> bool:
        """Whether this acknowledgement was sent just now: then it is no news. Not for long, since
        the one before may have been lost, and the leader may ask because of that.
        """
        if not isinstance(message, AppendAccepted):
            return False
        said, at = self._acknowledged.get(message.to, (None, 0))
        if said == message and steady - at < REPEAT_AFTER_MS:
            return True
        self._acknowledged[message.to] = (message, steady)
        return False

    _apply_responses: tuple[Message, ...] = ()


def is_candidacy(message: Message) -> bool:
    """Asks for a vote that binds."""
    return isinstance(message, RequestVote) and not message.pre_vote


def without_repeats(messages: list[Message]) -> tuple[Message, ...]:
    """Leaves out what a later message of the batch says as well: an empty append before another
    append of the term (it only carries the commit index), an acknowledgement before a further one.
    The network may lose either, so leaving them out changes nothing but the number of messages.
    """
    if len(messages) < 2:
        return tuple(messages)
    kept: list[Message] = []
    committed = accepted = (-1, -1)  # (term, index) of those kept already, from the end
    for message in reversed(messages):
        if isinstance(message, Append):
            if not message.entries and committed >= (message.term, message.commit):
                continue
            committed = max(committed, (message.term, message.commit))
        elif isinstance(message, AppendAccepted):
            if accepted >= (message.term, message.match_index):
                continue
            accepted = (message.term, message.match_index)
        kept.append(message)
    return tuple(reversed(kept))
