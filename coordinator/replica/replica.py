"""The whole coordinator behind one method: `handle(inputs, now) -> effects`.

A turn: take in what came, do what the leader owes, propose what waits, then work through what
consensus asks for until it asks for nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from coordinator.consensus.errors import ConsensusBroken
from coordinator.consensus.messages import NO_MEMBER, Entry
from coordinator.consensus.raft import Raft
from coordinator.duties.view import LeaderView
from coordinator.model.instants import Instant, Millis, Now, stamp
from coordinator.model.state import ClusterState
from coordinator.replica import inputs as i
from coordinator.replica.applying import Applier
from coordinator.replica.bench import Bench
from coordinator.replica.config import Dice, Recovered, ReplicaConfig
from coordinator.replica.effects import (
    CloseNode,
    Effect,
    Fail,
    Halt,
    LeadershipChanged,
    Live,
    ReadReady,
    StateReplaced,
    WakeAfter,
)
from coordinator.replica.facts import FactsBook
from coordinator.replica.leadership import Leadership
from coordinator.replica.live import LiveBoard
from coordinator.replica.proposals import Lost, Proposals
from coordinator.replica.reads import Reads
from coordinator.replica.road import Road
from coordinator.replica.tickets import Tickets
from coordinator.replica.wishes import take

EXIT_DIFFERS, EXIT_STORAGE = 70, 74
ROUNDS_PER_TURN = 4  # of duties that follow from what was just applied


class Replica:
    """One coordinator. Everything but `handle` is for looking at."""

    def __init__(self, config: ReplicaConfig, recovered: Recovered, dice: Dice) -> None:
        self.config = config
        self._dice = dice
        self._effects: list[Effect] = []
        self._road = Road(config, recovered, dice, self._emit)
        self._applier = Applier(config, recovered, self._road, self._emit)
        self._tickets = Tickets(lambda: self._applier.state, self._emit)
        self.facts = FactsBook()
        self.live = LiveBoard()
        self.leading: Leadership | None = None
        self._now = Now(0, 0)
        self._stamped: tuple[Instant, Millis] = (recovered.state.at, 0)
        self._early: list[i.Submit | i.ReadBarrier] = []  # until the term's first entry is applied
        self._refusing: Lost | None = None
        self._disk_low = False
        self._stopping = False
        self._last_call = 0
        self._wake_at: Millis = 0
        self._told = (NO_MEMBER, 0, False)
        self._on: dict[type, Callable[[Any], None]] = {
            i.Submit: self._submit,
            i.Abandon: lambda one: self._tickets.abandon(one.ticket),
            i.ReadBarrier: self._read,
            i.Tick: self._tick,
            i.FromPeer: lambda one: self._road.step(one.messages),
            i.Stored: self._stored,
            i.StoreFailed: self._store_failed,
            i.DiskLow: self._disk_is_low,
            i.SnapshotTaken: lambda one: self._applier.snapshot_taken(one.index, ok=one.ok),
            i.PeerUnreachable: lambda one: self.raft.report_unreachable(one.member),
            i.SnapshotSent: lambda one: self.raft.report_snapshot(one.member, ok=one.ok),
            i.NodeOpened: self._node_opened,
            i.NodeSaid: self._node_said,
            i.NodeClosed: self._node_closed,
            i.PluginAnswered: self._plugin_answered,
            i.PluginsKnown: self._plugins_known,
            i.Poke: self._poke,
            i.TransferLeadership: lambda one: self._hand_over(one.to),
            i.StopLeading: self._stop_leading,
            i.Campaign: lambda _: self.raft.campaign(),
            i.FlushRuns: lambda _: self._road.flush(),
            i.Wake: lambda _: None,  # a turn is all it takes
        }

    # -- looking ----------------------------------------------------------------------------------

    @property
    def state(self) -> ClusterState:
        return self._applier.state

    @property
    def raft(self) -> Raft:
        """The consensus core, to be looked at."""
        return self._road.raft

    @property
    def is_leader(self) -> bool:
        """Leads, and has applied an entry of its own term: answers reads and wishes."""
        return self.leading is not None

    @property
    def is_busy(self) -> bool:
        """An entry is under way: wishes that come now travel with the next, whenever they are told."""
        return self.leading is not None and self.leading.proposals.under_way > 0

    @property
    def leader_id(self) -> int:
        return self._road.raft.leader_id

    @property
    def term(self) -> int:
        return self._road.raft.term

    @property
    def snapshot_index(self) -> int:
        return self._applier.snapshot_index

    @property
    def log_entries(self) -> int:
        return self._road.log.last_index() - self._road.log.first_index() + 1

    # -- the door ---------------------------------------------------------------------------------

    def handle(self, inputs: Sequence[i.Input], now: Now) -> list[Effect]:
        """One turn. Effects are to be done in order; an exception is a bug and stops the process."""
        self._now = now
        if self.leading is not None:
            self.leading.bench.now = now
        self._effects = []
        try:
            for one in inputs:
                self._on[type(one)](one)
            self._work()
        except ConsensusBroken as broken:
            self._emit(Halt(EXIT_STORAGE, str(broken)))
        effects, self._effects = self._effects, []
        return effects

    def _work(self) -> None:
        for _ in range(ROUNDS_PER_TURN):
            if self.leading is not None:
                self.leading.turn()
                self._propose(self.leading.proposals)
            if not self._drain():
                break
        self._follow_leadership()
        if self.leading is not None:
            self.leading.sessions.frames()
        self._applier.maybe_snapshot()
        self._road.send(self._now.steady)

    def _propose(self, proposals: Proposals) -> None:
        """Put into the log what waits; ask to be woken for what waits for company."""
        if not len(proposals):
            return
        limit, steady = self.config.batch_requests, self._now.steady
        wait = proposals.flush(self._stamp(), steady, limit)
        if wait and self._wake_at <= steady:
            self._wake_at = steady + wait
            self._emit(WakeAfter(wait))

    def _drain(self) -> bool:
        """Work through what consensus asks for; True if anything was applied."""
        any_applied = False
        raft = self._road.raft
        while raft.has_ready():
            entries = self._road.take()
            for entry in entries:
                self._apply(entry)
                any_applied = True
            self._road.applied()
            self._follow_leadership()
        self._answer_reads()
        return any_applied

    def _apply(self, entry: Entry) -> None:
        leading = self.leading
        proposals = leading.proposals if leading is not None else None
        own = proposals.batch_at(entry.index, entry.term) if proposals is not None else None
        outcomes, events = self._applier.apply(entry, own)
        if leading is not None:
            for event in events:
                leading.on_event(event)
            leading.proposals.applied(entry.index, entry.term, outcomes)
        raft = self._road.raft
        if leading is None and raft.is_leader and entry.term == raft.term:
            self._begin_leading()

    def _answer_reads(self) -> None:
        leading = self.leading
        if leading is None:
            self._road.read_states.clear()
            return
        for read in self._road.read_states:
            leading.reads.confirmed(read.context, read.index)
        self._road.read_states.clear()
        tickets, beats = leading.reads.finished(self.state.revision)
        for ticket in tickets:
            self._emit(ReadReady(ticket))
        for beat in beats:
            leading.sessions.accept_beat(beat)

    # -- leadership -------------------------------------------------------------------------------

    def _begin_leading(self) -> None:
        raft = self._road.raft
        self._stamped = (self.state.at, self._now.steady)
        bench = Bench(
            state=self.state,
            view=LeaderView(self.state),
            facts=self.facts,
            emit=self._emit,
            dice=self._dice,
            now=self._now,
            term=raft.term,
            next_call=self._next_call,
        )
        proposals = Proposals(raft, bench.view.load, bench.view.busy)
        self.leading = Leadership(raft.term, bench, proposals, Reads(raft))
        self.live = LiveBoard()
        early, self._early = self._early, []
        for one in early:
            self._on[type(one)](one)

    def _follow_leadership(self) -> None:
        raft = self._road.raft
        if self.leading is not None and not (raft.is_leader and raft.term == self.leading.term):
            self._end_leading()
        if self._early and not raft.is_leader:
            early, self._early = self._early, []
            for one in early:
                self._on[type(one)](one)
        told = (raft.leader_id, raft.term, self.is_leader)
        if told != self._told:
            self._told = told
            self._emit(LeadershipChanged(*told))

    def _end_leading(self) -> None:
        """Duties, leases and queues end here and now (N8)."""
        leading, self.leading = self.leading, None
        if leading is None:
            return
        leading.proposals.drop()
        for ticket in leading.reads.drop():
            self._emit(Fail(ticket, "not_leader"))
        leading.sessions.drop_all("shutting_down" if self._stopping else "not_leader")

    def _hand_over(self, to: int) -> None:
        """To the member named, or the voter that has most of the log."""
        raft = self._road.raft
        if not raft.is_leader:
            return
        status = raft.status()
        others = {m: p for m, p in status.progress.items() if m != raft.id and not p.is_learner}
        if not to and others:
            to = max(sorted(others), key=lambda member: others[member].match)
        if to in others:
            raft.transfer_leader(to)

    def _stop_leading(self, _: i.StopLeading) -> None:
        self._stopping = True
        self._road.flush()
        self._hand_over(NO_MEMBER)

    # -- inputs -----------------------------------------------------------------------------------

    def _submit(self, submit: i.Submit) -> None:
        leading = self.leading
        failure = self._why_not()
        if failure is not None:
            self._emit(Fail(submit.ticket, failure))
            return
        if leading is None:
            self._early.append(submit)
            return
        self._tickets.open(submit.ticket, len(submit.asked))
        for position, asked in enumerate(submit.asked):
            waiter = self._tickets.waiter(submit.ticket, position, asked.wish)
            take(leading, self.state, asked, waiter)

    def _why_not(self) -> str | None:
        """Why no wish can be taken here and now, or None."""
        raft = self._road.raft
        if self._stopping:
            return "shutting_down"
        if not raft.is_leader:
            return "not_leader" if raft.leader_id != NO_MEMBER else "no_leader"
        if self._refusing is not None or self._disk_low:
            return Lost.DISK_FULL.value
        if self.leading is not None and self.leading.proposals.is_full:
            return Lost.OVERLOADED.value
        return None

    def _read(self, read: i.ReadBarrier) -> None:
        raft = self._road.raft
        if self.leading is not None:
            self.leading.reads.ask(read.ticket)
        elif raft.is_leader:
            self._early.append(read)
        else:
            kind = "not_leader" if raft.leader_id != NO_MEMBER else "no_leader"
            self._emit(Fail(read.ticket, kind))

    def _tick(self, tick: i.Tick) -> None:
        leading = self.leading
        if leading is not None:
            leading.stalled(tick.stalled_ms)
        self._road.raft.tick()
        if leading is not None:
            leading.tick()
        self._road.flush()

    def _stored(self, stored: i.Stored) -> None:
        self._road.stored(stored.writes)
        installed = self._road.installed
        if installed is not None:
            self._road.installed = None
            self._applier.replace(installed.data, installed.index)
            self._emit(StateReplaced(self.state.revision))

    def _store_failed(self, failed: i.StoreFailed) -> None:
        match failed.kind:
            case "disk_full":
                self._refusing = Lost.DISK_FULL
                self._hand_over(NO_MEMBER)
            case "recovered":
                self._refusing = None
            case _:
                self._emit(Halt(EXIT_STORAGE, failed.detail))

    def _disk_is_low(self, low: i.DiskLow) -> None:
        self._disk_low = low.low

    def _node_opened(self, opened: i.NodeOpened) -> None:
        if self.leading is None or self._stopping:
            self._emit(CloseNode(opened.session, "not_leader", ""))
            return
        self.leading.sessions.opened(opened.session, opened.registration)

    def _node_said(self, said: i.NodeSaid) -> None:
        if self.leading is None:
            return
        saying = said.saying
        if saying.progress or saying.logs:
            touched = self.live.progress(saying.progress, self.leading.bench.at)
            touched += self.live.logs(saying.logs)
            self._emit(Live(tuple(touched)))
        self.leading.sessions.said(said.session, saying)

    def _node_closed(self, closed: i.NodeClosed) -> None:
        if self.leading is not None:
            self.leading.sessions.closed(closed.session)

    def _plugin_answered(self, answer: i.PluginAnswered) -> None:
        leading = self.leading
        if leading is not None and not leading.creations.answered(answer):
            leading.assigners.answered(answer)

    def _plugins_known(self, known: i.PluginsKnown) -> None:
        self.facts.know_local(known.executors)
        if self.leading is not None:
            self.leading.refresh_facts()
            self.leading.asking.trigger()

    def _poke(self, _: i.Poke) -> None:
        if self.leading is not None:
            self.leading.rechecker.trigger()
            self.leading.asking.trigger()

    # -- small things -----------------------------------------------------------------------------

    def _stamp(self) -> Instant:
        """`at` of the entries of this turn; never falls (design section 4)."""
        at = stamp(self._now, *self._stamped)
        self._stamped = (max(at, self.state.at), self._now.steady)
        return self._stamped[0]

    def _next_call(self) -> int:
        self._last_call += 1
        return self._last_call

    def _emit(self, effect: Effect) -> None:
        self._effects.append(effect)
