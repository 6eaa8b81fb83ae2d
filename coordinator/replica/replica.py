"""The whole coordinator behind one method: `handle(inputs, now) -> effects`.

A turn: take in what came, do what the leader owes, propose what waits, then work through what
consensus asks for until it asks for nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from coordinator.consensus.errors import ConsensusBroken
from coordinator.consensus.messages import NO_MEMBER, Append, Entry
from coordinator.model.instants import Millis, Now
from coordinator.replica import inputs as i
from coordinator.replica.admission import Admission
from coordinator.replica.applying import Applier
from coordinator.replica.config import Dice, Recovered, ReplicaConfig
from coordinator.replica.digests import Digests
from coordinator.replica.effects import (
    Alarm,
    Effect,
    Fail,
    Halt,
    ReadReady,
    StateReplaced,
    WakeAfter,
)
from coordinator.replica.facts import FactsBook
from coordinator.replica.freshness import Freshness
from coordinator.replica.leader_inputs import LeaderInputs
from coordinator.replica.looking import Looking
from coordinator.replica.peer_clocks import PeerClocks
from coordinator.replica.proposals import OnAnswer, Proposals
from coordinator.replica.road import Road
from coordinator.replica.roster import Roster
from coordinator.replica.seat import Books, Seat
from coordinator.replica.space import Space
from coordinator.replica.statistics import Statistics
from coordinator.replica.tickets import Tickets
from coordinator.replica.timekeeping import Timekeeping
from coordinator.replica.told_history import rows_told
from coordinator.replica.wishes import asked_of, take, withdraw

EXIT_DIFFERS, EXIT_STORAGE = 70, 74
ALARM_WITHIN_MS: Millis = 100  # ticks come every 50 ms or so and see to what is further away
ROUNDS_PER_TURN = 4  # of duties that follow from what was just applied


class Replica(Looking):
    """One coordinator. Everything but `handle` is for looking at."""

    def __init__(self, config: ReplicaConfig, recovered: Recovered, dice: Dice) -> None:
        self.config = config
        self._effects: list[Effect] = []
        self._answers: list[Effect] = []  # callers hear after peers and nodes: work may begin
        self._road = Road(config, recovered, dice, self._emit)
        self._digests = Digests(
            config.digest_every_entries, self._road.raft, self._proposals, self._emit
        )
        self._applier = Applier(config, recovered, self._road, self._emit, self._digests)
        self._tickets = Tickets(lambda: self._applier.state, self._answers.append)
        facts = FactsBook(expects_plugins=config.expects_plugins)
        supports = config.build.supports
        self._roster = Roster(config.member_id, supports, lambda: self._now)
        self._statistics = Statistics(recovered.state)
        books = Books(facts, self._roster, config.build, self._statistics)
        self._seat = Seat(self._road, dice, self._emit, recovered.state.at, books)
        self._now = Now(0, 0)
        self._heard_leader: Millis = 0
        self._freshness = Freshness()
        self._alarm: Millis = 0  # the last one that was asked for
        self._admission = Admission(self._road, self._seat)
        self._clocks = PeerClocks(config.member_id)
        self._timekeeping = Timekeeping(self._clocks, self._road, self._seat)
        self._space = Space(self._road, self._seat, self._admission)
        self._on = self._table()

    def _table(self) -> dict[type, Callable[[Any], None]]:
        """Who takes which input."""
        return {
            i.Submit: self._submit,
            i.Abandon: lambda one: self._abandon(one.ticket),
            i.Expire: lambda one: self._expire(one.ticket),
            i.ReadBarrier: self._read,
            i.Tick: self._tick,
            i.FromPeer: self._from_peer,
            i.Stored: self._stored,
            i.StoreFailed: self._store_failed,
            i.DiskLow: self._disk_is_low,
            i.SnapshotTaken: self._snapshot_taken,
            i.MemberSaid: self._roster.introduced,
            i.PeerUnreachable: lambda one: self.raft.report_unreachable(one.member),
            i.SnapshotSent: lambda one: self.raft.report_snapshot(one.member, ok=one.ok),
            i.TransferLeadership: lambda one: self._seat.hand_over(one.to),
            i.StopLeading: self._stop_leading,
            i.Campaign: lambda _: self.raft.campaign(),
            i.FlushRuns: lambda _: self._road.flush(),
            i.KeepHistory: lambda one: self._road.write_rows(rows_told(one, self.state)),
            i.Wake: lambda _: None,  # a turn is all it takes
            **LeaderInputs(self._seat, self._emit).table(),
            **self._digests.table(),
        }

    # -- the door ---------------------------------------------------------------------------------

    def handle(self, inputs: Sequence[i.Input], now: Now) -> list[Effect]:
        """One turn. Effects are to be done in order; an exception is a bug and stops the process."""
        self._now = now = self._timekeeping.now(now)
        self._heard_leader = self._heard_leader or now.steady
        if self.leading is not None:
            self.leading.bench.now = now
        self._effects = []
        if self.leading is not None and (asked := asked_of(inputs)):
            self.leading.fire(asked)
        try:
            for one in inputs:
                self._on[type(one)](one)
            self._work()
        except ConsensusBroken as broken:
            self._emit(Halt(EXIT_STORAGE, str(broken)))
        effects, self._effects = self._effects + self._answers, []
        self._answers.clear()
        return effects

    def _work(self) -> None:
        self._follow_leadership()  # a deposed leader owes and proposes nothing (N8)
        for _ in range(ROUNDS_PER_TURN):
            if self.leading is not None:
                self.leading.turn()
                self._propose(self.leading.proposals)
            if not self._drain():
                break
        self._follow_leadership()
        if self.leading is not None:
            self.leading.sessions.frames()
            self._set_alarm(self.leading.next_alarm())
        self._applier.maybe_snapshot(self._now.steady)
        self._road.send(self._now.steady)

    def _propose(self, proposals: Proposals) -> None:
        """Put into the log what waits; ask to be woken for what waits for company."""
        if not len(proposals):
            return
        limit, steady = self.config.batch_requests, self._now.steady
        wait = proposals.flush(self._seat.stamp(self._now, self.state.at), steady, limit)
        if wait:
            self._emit(WakeAfter(wait, proposals.company.missing(len(proposals))))

    def _set_alarm(self, steady: Millis) -> None:
        """Ask for a turn at this time, once, if it comes before the next tick may."""
        wait = steady - self._now.steady
        if 0 < wait <= ALARM_WITHIN_MS and steady != self._alarm:
            self._alarm = steady
            self._emit(Alarm(wait))

    def _drain(self) -> bool:
        """Work through what consensus asks for; True if duties or reads may go on."""
        any_applied = False
        raft = self._road.raft
        while raft.has_ready():
            entries = self._road.take()
            for entry in entries:
                self._apply(entry)
                any_applied = True
            self._road.applied()
            self._follow_leadership()
        return self._answer_reads() or any_applied

    def _apply(self, entry: Entry) -> None:
        leading = self.leading
        proposals = leading.proposals if leading is not None else None
        own = proposals.batch_at(entry.index, entry.term) if proposals is not None else None
        outcomes, events = self._applier.apply(entry, own)
        if events:
            self._statistics.later(events)
        if leading is not None:
            for event in events:
                leading.on_event(event)
            leading.proposals.applied(entry.index, entry.term, outcomes)
        raft = self._road.raft
        if leading is None and raft.is_leader and entry.term == raft.term:
            self._begin_leading()

    def _answer_reads(self) -> bool:
        """Whether a quorum round has ended: the next may begin at once."""
        states, self._road.read_states = self._road.read_states, []
        leading = self.leading
        if leading is None:
            return False
        for read in states:
            leading.reads.confirmed(read.context, read.index)
        tickets, beats = leading.reads.finished(self.state.revision)
        for ticket in tickets:
            self._emit(ReadReady(ticket))
        for beat in beats:
            leading.sessions.accept_beat(beat)
        return bool(tickets or beats)

    def _begin_leading(self) -> None:
        early_ones = self._seat.begin(self.state, self._now)
        if self.leading is not None:
            self._timekeeping.tell()
            self.leading.fire(asked_of(early_ones))
        for early in early_ones:
            self._on[type(early)](early)

    def _follow_leadership(self) -> None:
        for early in self._seat.follow():
            self._on[type(early)](early)

    # -- inputs -----------------------------------------------------------------------------------

    def _submit(self, submit: i.Submit) -> None:
        leading = self.leading
        failure = self._admission.objection()
        if failure is not None:
            self._emit(Fail(submit.ticket, failure))
            return
        if leading is None:
            self._seat.wait(submit)
            return
        self._tickets.open(submit.ticket, len(submit.asked))
        for position, asked in enumerate(submit.asked):
            waiter = self._tickets.waiter(submit.ticket, position, asked.wish)
            take(leading, self.state, asked, waiter)

    def _abandon(self, ticket: int) -> None:
        self._tickets.abandon(ticket)
        if self.leading is not None:
            self.leading.run_calls.forget(ticket)

    def _expire(self, ticket: int) -> None:
        if self.leading is not None:
            self.leading.run_calls.forget(ticket)
        idle = self._seat.forget(ticket) or self._tickets.expire(ticket, self._withdraw)
        self._emit(Fail(ticket, "not_begun" if idle else "timed_out"))

    def _withdraw(self, waiters: Sequence[OnAnswer]) -> bool:
        return self.leading is not None and withdraw(self.leading, waiters)

    def _read(self, read: i.ReadBarrier) -> None:
        if self.leading is not None:
            self.leading.reads.ask(read.ticket)
        elif self.raft.is_leader:
            self._seat.wait(read)
        else:
            self._emit(Fail(read.ticket, self._admission.not_leader()))

    def _from_peer(self, said: i.FromPeer) -> None:
        self._road.step(said.messages)
        if said.sent_at:
            self._clocks.heard(said.messages[0].sender, said.sent_at, self._now.steady)
        for message in said.messages:
            self._roster.heard(message.sender)
            if message.sender == self.leader_id:
                self._heard_leader = self._now.steady
            if isinstance(message, Append):
                self._freshness.told(message.commit, self.state.revision, self._now.steady)

    def _tick(self, tick: i.Tick) -> None:
        leading = self.leading
        if leading is not None:
            leading.stalled(tick.stalled_ms)
        self._road.raft.tick()
        self._follow_leadership()
        if self.leading is not None:
            self.leading.tick()
        self._statistics.settle()
        if self.reporting is not None:
            self.reporting.tick()
        self._space.tick(self._now.steady)
        self._timekeeping.tick(self._now)
        self._road.flush()

    def _stored(self, stored: i.Stored) -> None:
        self._road.stored(stored.writes)
        installed = self._road.installed
        if installed is not None:
            self._road.installed = None
            self._applier.replace(installed.data, installed.index)
            self._statistics.replaced(self.state)
            self._emit(StateReplaced(self.state.revision))

    def _snapshot_taken(self, taken: i.SnapshotTaken) -> None:
        self._applier.snapshot_taken(taken.index, self._now.steady, ok=taken.ok)

    def _store_failed(self, failed: i.StoreFailed) -> None:
        match failed.kind:
            case "disk_full":
                self._admission.disk_full = True
            case "recovered":
                self._admission.disk_full = False
            case _:
                self._emit(Halt(EXIT_STORAGE, failed.detail))

    def _disk_is_low(self, low: i.DiskLow) -> None:
        self._admission.disk_low = low.low

    def _stop_leading(self, _: i.StopLeading) -> None:
        self._seat.stopping = True
        self._road.flush()
        self._seat.hand_over(NO_MEMBER)

    def _proposals(self) -> Proposals | None:
        return self.leading.proposals if self.leading is not None else None

    def _emit(self, effect: Effect) -> None:
        self._effects.append(effect)
