"""The leader's seat: who sits in it, what waits until its term has begun, and what ends with it.

A term begins when its first entry is applied here and ends in the turn in which consensus says so;
nothing of it goes over into the next (N8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from coordinator.consensus.messages import NO_MEMBER
from coordinator.duties.view import LeaderView
from coordinator.machine.features import Build
from coordinator.model.instants import Instant, Millis, Now, stamp
from coordinator.model.state import ClusterState
from coordinator.replica.bench import Bench
from coordinator.replica.config import Dice
from coordinator.replica.desk import KINDS
from coordinator.replica.effects import Effect, Fail, LeadershipChanged
from coordinator.replica.facts import FactsBook
from coordinator.replica.inputs import ReadBarrier, Submit
from coordinator.replica.leadership import Leadership
from coordinator.replica.live import LiveBoard
from coordinator.replica.member_changes import MemberChanges
from coordinator.replica.proposals import Gate, Lost, Proposals
from coordinator.replica.reads import Reads
from coordinator.replica.reporting import Reporting
from coordinator.replica.road import Road
from coordinator.replica.roster import Roster
from coordinator.replica.statistics import Statistics
from coordinator.replica.upgrades import Upgrades

Early = Submit | ReadBarrier


class Books(NamedTuple):
    """What a member knows whether it leads or not."""

    facts: FactsBook
    roster: Roster
    build: Build
    statistics: Statistics


class Seat:
    """One per replica. `leading` is there while this member leads and its term has begun."""

    def __init__(
        self,
        road: Road,
        dice: Dice,
        emit: Callable[[Effect], None],
        at: Instant,
        books: Books,
    ) -> None:
        self._road = road
        self._dice = dice
        self._emit = emit
        self.roster = books.roster
        self.facts = books.facts
        self._build = books.build
        self._statistics = books.statistics
        self.leading: Leadership | None = None
        self.reporting: Reporting | None = None  # of the same term
        self.stopping = False
        self._early: list[Early] = []  # until the term's first entry is applied
        self._told = (NO_MEMBER, 0, False)
        self._stamped: tuple[Instant, Millis] = (at, 0)
        self._last_call = 0
        self.stale_reports = dict.fromkeys(KINDS.values(), 0)

    @property
    def live(self) -> LiveBoard:
        """What runs in progress say; empty unless this member leads."""
        return self.leading.live if self.leading is not None else LiveBoard()

    def wait(self, early: Early) -> None:
        """This member was elected, but its term has not begun: look at it again then."""
        self._early.append(early)

    def forget(self, ticket: int) -> bool:
        """Its time is over. Returns whether it was a wish that waited here: nothing of it was begun."""
        gone = [early for early in self._early if early.ticket == ticket]
        self._early = [early for early in self._early if early.ticket != ticket]
        return any(isinstance(early, Submit) for early in gone)

    def begin(self, state: ClusterState, now: Now) -> list[Early]:
        """The first entry of our term is applied. Returns what waited for that."""
        raft = self._road.raft
        self._stamped = (state.at, now.steady)
        bench = Bench(
            state=state,
            view=LeaderView(state),
            facts=self.facts,
            emit=self._emit,
            dice=self._dice,
            now=now,
            term=raft.term,
            next_call=self._next_call,
            upgrades=Upgrades(state, self.roster),
            is_skewed=False,
            stale_reports=self.stale_reports,
        )
        bench.view.stamped = self._stamped
        proposals = Proposals(raft, bench.view.load, bench.view.busy, self._gate(state))
        changes = MemberChanges(state, raft, proposals, self.roster, self.hand_over)
        self.leading = Leadership(raft.term, bench, proposals, Reads(raft), changes)
        self.reporting = Reporting(bench, self._statistics, self.leading.sessions)
        return self._take_early()

    def follow(self) -> list[Early]:
        """End what is over and say who leads. Returns what waited for a term that never began."""
        raft = self._road.raft
        if self.leading is not None and not (raft.is_leader and raft.term == self.leading.term):
            self._end(self.leading)
        told = (raft.leader_id, raft.term, self.leading is not None)
        if told != self._told:
            self._told = told
            self._emit(LeadershipChanged(*told))
        return [] if raft.is_leader else self._take_early()

    def hand_over(self, to: int) -> None:
        """To the member named, or of the voters that are well, if any is, to the one with most of the log."""
        raft = self._road.raft
        if not raft.is_leader:
            return
        status = raft.status()
        others = {m: p for m, p in status.progress.items() if m != raft.id and not p.is_learner}
        if not to and others:
            well = [member for member in sorted(others) if self.roster.is_well(member)]
            to = max(well or sorted(others), key=lambda member: others[member].match)
        if to in others:
            raft.transfer_leader(to)

    def stamp(self, now: Now, last: Instant) -> Instant:
        """`at` of the entries of this turn; never falls (design section 4)."""
        at = stamp(now, *self._stamped)
        self._stamped = (max(at, last), now.steady)
        if self.leading is not None:
            self.leading.bench.view.stamped = self._stamped
        return self._stamped[0]

    def _end(self, leading: Leadership) -> None:
        """Duties, leases and queues end here and now (N8)."""
        self.leading = self.reporting = None
        leading.assigners.drop()
        leading.creations.drop()
        leading.validations.drop()
        for waiting in leading.edits.take_waiting():
            waiting(Lost.NOT_LEADER)
        leading.proposals.drop()
        leading.run_calls.drop()
        for ticket in leading.reads.drop():
            self._emit(Fail(ticket, "not_leader"))
        leading.sessions.drop_all("shutting_down" if self.stopping else "not_leader")

    def _gate(self, state: ClusterState) -> Gate:
        """Nothing is proposed that the level in force does not allow (U1)."""
        build = self._build
        return lambda command: build.objection(command, state.feature_level)

    def _take_early(self) -> list[Early]:
        early, self._early = self._early, []
        return early

    def _next_call(self) -> int:
        self._last_call += 1
        return self._last_call
