"""From a wish to its answer: the queue, the batch, the entry under way, who waits for what.

A caller is told success only when its own entry (index and term) has been applied; when the
leadership changes in between, the answer is "nobody knows" (C9).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice

import msgspec
from msgspec.structs import replace

from coordinator.assignment.load import Claim, Load
from coordinator.codec.envelope import encode_batch
from coordinator.consensus.errors import DropReason, ProposalDropped
from coordinator.consensus.raft import Raft
from coordinator.duties.agenda import Freshness
from coordinator.machine.commands import (
    Batch,
    Command,
    FireSchedule,
    JoinNode,
    LoseNode,
    LoseRuns,
    Request,
)
from coordinator.machine.outcome import Outcome, Refusal, Unlogged
from coordinator.machine.series_commands import TimetableWord
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.limits import ENTRY_BYTES_MAX, MIB
from coordinator.replica.company import Company
from coordinator.replica.weights import weight_of

ENTRIES_UNDER_WAY = 1  # the next fills up while one is on its way to the disks
LOSSES = frozenset({LoseNode, LoseRuns, JoinNode})
QUEUE_MAX = 20_000  # requests; beyond it callers are told at once
QUEUE_BYTES_MAX = 64 * MIB
ENTRY_BYTES = 1 * MIB


class Lost(Enum):
    """Why there is no outcome. Only UNKNOWN may have been appended."""

    UNKNOWN = "outcome_unknown"
    NOT_LEADER = "not_leader"
    OVERLOADED = "overloaded"
    DISK_FULL = "disk_full"


Answer = Outcome | Lost
OnAnswer = Callable[[Answer], None]
Gate = Callable[[Command], Unlogged | None]
Wishes = Mapping[TaskId, TimetableWord | None]  # what the queue says of them last, in its order
BeforeEntry = Callable[[Wishes, Instant], frozenset[TaskId]]
"""Adds what is due of these by then. Returns those of which it may not be all: an entry that comes later has the rest."""


class Proposal(msgspec.Struct):
    """One request on its way. Claims and task marks are given back with the answer."""

    request: Request
    on_answer: OnAnswer
    claims: tuple[Claim, ...] = ()
    tasks: tuple[TaskId, ...] = ()
    fresh: Freshness | None = None
    takes_from: tuple[TaskId, ...] = ()  # fire times
    weight: int = 0  # bytes in the log, roughly


class _Entry(msgspec.Struct):
    term: int
    batch: Batch
    proposals: tuple[Proposal, ...]


class Proposals:
    """Queue and table of entries under way of one term's leader."""

    def __init__(
        self, raft: Raft, load: Load, busy: dict[TaskId, int], gate: Gate = lambda _: None
    ) -> None:
        """`gate`: why a command may not be proposed at the feature level in force, or None."""
        self.gate = gate
        self.completed: Callable[[Command], Command] = lambda command: command  # one of a loss
        self.takes_from: Callable[[Command], tuple[TaskId, ...]] = lambda _: ()  # fire times
        self.before_entry: BeforeEntry = lambda *_: frozenset()
        self._raft = raft
        self._load = load
        self._busy = busy
        self._queue: deque[Proposal] = deque()
        self._queued_bytes = 0
        self._wishes: Counter[TaskId] = Counter()  # in the queue that take fire times away
        self._ahead: list[Proposal] | None = None  # of them, while what is due is added
        self.company = Company()
        self._under_way: dict[int, _Entry] = {}

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    @property
    def are_on_their_way(self) -> bool:
        """Whether what is added now has to wait for an entry that is under way."""
        return len(self._under_way) >= ENTRIES_UNDER_WAY

    def add(self, proposal: Proposal) -> None:
        """Queue it for the next entry that has room; what is behind the gate is refused here and now."""
        if type(proposal.request.command) in LOSSES:
            completed = self.completed(proposal.request.command)
            proposal.request = replace(proposal.request, command=completed)
        for task_id in proposal.tasks:
            self._busy[task_id] = self._busy.get(task_id, 0) + 1
        refused = self.gate(proposal.request.command)
        if refused is not None:
            self._answer((proposal,), (refused,))
            return
        proposal.weight = weight_of(proposal.request.command)
        self._queued_bytes += proposal.weight
        self._enqueue(proposal)

    def _enqueue(self, proposal: Proposal) -> None:
        """In its turn. But a fire time has come before a wish is stamped that still waits: it goes before it (G9)."""
        command = proposal.request.command
        proposal.takes_from = self.takes_from(command)
        if proposal.takes_from:
            self._wishes.update(proposal.takes_from)
        if not isinstance(command, TimetableWord) or command.task_id not in self._wishes:
            self._queue.append(proposal)
        elif self._ahead is not None:
            self._ahead.append(proposal)
        else:
            places = (n for n, one in enumerate(self._queue) if command.task_id in one.takes_from)
            self._queue.insert(next(places), proposal)

    def flush(self, at: Instant, steady: Millis, limit: int) -> Millis:
        """What waits goes into entries of at most `limit` requests; how long the rest has to wait.

        While an entry is under way, and in a crowd for a moment after, the rest waits for company:
        an entry, its fsync and its messages then carry all that came in meanwhile.
        """
        while self._queue and not self.are_on_their_way:
            wait = self.company.wait(len(self._queue), steady)
            if wait:
                return wait
            proposals = self._next_entry(limit, at, self._decide_first(limit, at))
            self.company.went(len(proposals), steady)
            if not self._propose(proposals, at) and self._wishes:
                break  # what is due before them would be decided again, and dropped again, for ever
        return 0

    @property
    def is_full(self) -> bool:
        """Whether callers have to be told to come back later; duties and reports never are."""
        return len(self._queue) >= QUEUE_MAX or self._queued_bytes >= QUEUE_BYTES_MAX

    def _decide_first(self, limit: int, at: Instant) -> frozenset[TaskId]:
        """Put what is due before the wishes that take it away, all of it in one go. Returns those that have to wait."""
        if not self._wishes:
            return frozenset()
        self._ahead = []
        try:
            undecided = self.before_entry(self._next_wishes(limit), at)
        finally:
            ahead, self._ahead = self._ahead, None
        if ahead:
            self._queue = deque(_put_ahead(self._queue, ahead))
        return undecided

    def _next_entry(
        self, limit: int, at: Instant, undecided: frozenset[TaskId]
    ) -> tuple[Proposal, ...]:
        """The oldest of the queue, as many as fit into one entry; at least one."""
        taken: list[Proposal] = []
        size = 0
        while self._queue and len(taken) < limit:
            proposal = self._queue[0]
            waits = undecided and not undecided.isdisjoint(proposal.takes_from)
            if taken and (waits or size + proposal.weight > ENTRY_BYTES):
                break
            self._queue.popleft()
            self._queued_bytes -= proposal.weight
            if proposal.fresh is not None and at > proposal.fresh.until:
                again = proposal.fresh.decide_again(at)
                proposal.request = replace(proposal.request, command=again)
                proposal.weight = weight_of(again)
            size += proposal.weight
            taken.append(proposal)
            for task_id in proposal.takes_from:
                self._wishes[task_id] -= 1
                if not self._wishes[task_id]:
                    del self._wishes[task_id]
        return tuple(taken)

    def _next_wishes(self, limit: int) -> Wishes:
        """Tasks that the next entry may take fire times from, and what the queue says of them last."""
        found: dict[TaskId, TimetableWord | None] = {}
        for one in islice(self._queue, limit):
            found.update(dict.fromkeys(one.takes_from))
        for one in self._queue:
            command = one.request.command
            if not isinstance(command, TimetableWord) or command.task_id not in found:
                continue
            if not (isinstance(command, FireSchedule) and command.extra):
                found[command.task_id] = command
        return found

    def batch_at(self, index: int, term: int) -> Batch | None:
        """The batch of our own entry, so that it is not decoded again."""
        entry = self._under_way.get(index)
        return entry.batch if entry is not None and entry.term == term else None

    def applied(self, index: int, term: int, outcomes: list[Outcome]) -> None:
        """An entry was applied here. If it is ours, each waiter gets its outcome."""
        entry = self._under_way.pop(index, None)
        if entry is None:
            return
        if entry.term != term:  # another leader's entry took the place of ours
            self._answer(entry.proposals, [Lost.UNKNOWN] * len(entry.proposals))
            return
        self._answer(entry.proposals, outcomes)

    def drop(self) -> None:
        """Leadership is over."""
        queue, self._queue = tuple(self._queue), deque()
        self._queued_bytes = 0
        self._wishes.clear()
        self._answer(queue, [Lost.NOT_LEADER] * len(queue))
        under_way, self._under_way = self._under_way, {}
        for entry in under_way.values():
            self._answer(entry.proposals, [Lost.UNKNOWN] * len(entry.proposals))

    def _propose(self, proposals: tuple[Proposal, ...], at: Instant) -> bool:
        """Whether they are on their way. If not, they are answered."""
        batch = Batch(at, tuple(p.request for p in proposals))
        data = encode_batch(batch)
        if len(data) > ENTRY_BYTES_MAX:
            detail = f"an entry of {len(data)} bytes; at most {ENTRY_BYTES_MAX}"
            self._answer(proposals, [Unlogged(Refusal.TOO_LARGE, detail)] * len(proposals))
            return False
        try:
            self._raft.propose(data)
        except ProposalDropped as dropped:
            full = dropped.reason is DropReason.LOG_FULL
            lost = Lost.OVERLOADED if full else Lost.NOT_LEADER
            self._answer(proposals, [lost] * len(proposals))
            return False
        self._under_way[self._raft.last_index] = _Entry(self._raft.term, batch, proposals)
        return True

    def _answer(self, proposals: tuple[Proposal, ...], answers: Sequence[Answer]) -> None:
        for proposal, answer in zip(proposals, answers, strict=True):
            for claim in proposal.claims:
                self._load.release(claim)
            for task_id in proposal.tasks:
                left = self._busy[task_id] - 1
                if left:
                    self._busy[task_id] = left
                else:
                    del self._busy[task_id]
            proposal.on_answer(answer)


def _put_ahead(queue: Iterable[Proposal], words: Sequence[Proposal]) -> Iterator[Proposal]:
    """Each of the words right before the first that takes fire times from its task, in their order."""
    first: dict[TaskId, int] = {}
    for place, one in enumerate(queue):
        for task_id in one.takes_from:
            first.setdefault(task_id, place)
    before: dict[int, list[Proposal]] = {}
    for word in words:
        command = word.request.command
        if isinstance(command, TimetableWord):  # pragma: no branch - only they come here
            before.setdefault(first[command.task_id], []).append(word)
    for place, one in enumerate(queue):
        yield from before.get(place, ())
        yield one
