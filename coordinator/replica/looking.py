"""What there is to see of a replica: its state, who leads, what is live. Nothing here changes anything."""

from __future__ import annotations

from coordinator.consensus.raft import Raft
from coordinator.model.instants import Millis, Now
from coordinator.model.state import ClusterState
from coordinator.replica.admission import Admission
from coordinator.replica.applying import Applier
from coordinator.replica.digests import Digests
from coordinator.replica.facts import FactsBook
from coordinator.replica.freshness import DISPATCH_MS, READY_BEHIND_MS, Freshness
from coordinator.replica.leadership import Leadership
from coordinator.replica.live import LiveBoard
from coordinator.replica.reporting import Reporting
from coordinator.replica.road import Road
from coordinator.replica.roster import Roster
from coordinator.replica.seat import Seat


class Looking:
    """The properties of `Replica`, which sets what they are read from."""

    _admission: Admission
    _applier: Applier
    _digests: Digests
    _road: Road
    _roster: Roster
    _seat: Seat
    _now: Now
    _heard_leader: Millis
    _freshness: Freshness

    @property
    def state(self) -> ClusterState:
        return self._applier.state

    @property
    def leading(self) -> Leadership | None:
        """What exists only while this member leads."""
        return self._seat.leading

    @property
    def reporting(self) -> Reporting | None:
        """The leader's figures on health and capacity."""
        return self._seat.reporting

    @property
    def roster(self) -> Roster:
        """Of whom this member heard lately."""
        return self._roster

    @property
    def facts(self) -> FactsBook:
        return self._seat.facts

    @property
    def live(self) -> LiveBoard:
        """What runs in progress say; empty unless this member leads."""
        return self._seat.live

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
    def now(self) -> Now:
        """Of the last turn, at most a tick ago."""
        return self._now

    @property
    def leader_age_ms(self) -> Millis:
        """Since this member last heard a leader: how old a stale answer may be. 0 on a leader."""
        return 0 if self.is_leader else self._now.steady - self._heard_leader

    def not_ready(self, steady: Millis) -> str:
        """What keeps this member from being of use at this time (TM-78); empty: nothing does."""
        if not self.leader_id:
            return "no leader"
        if self.leader_id == self.raft.id:
            if not self.is_leader:
                return "its term as leader has not begun"
            still = steady - self._now.steady
            return f"dispatch stood still for {still} ms" if still > DISPATCH_MS else ""
        silent = steady - self._heard_leader
        if silent > DISPATCH_MS:
            return f"the leader was not heard for {silent} ms"
        behind = self._freshness.behind_ms(self.state.revision, steady)
        return f"{behind} ms behind the leader" if behind > READY_BEHIND_MS else ""

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

    @property
    def log_bytes(self) -> int:
        """Payload of the log's entries. A walk over them: not for the hot path."""
        return self._road.log.payload_bytes()

    @property
    def lacks_space(self) -> bool:
        """The disk is full, or too full to begin a write (D9)."""
        return self._admission.lacks_space

    @property
    def stale_reports(self) -> dict[str, int]:
        """Of runs that are not the current one, by kind; they only grow."""
        return self._seat.stale_reports

    @property
    def digests_differing(self) -> int:
        """How often a member's digest differed from that of a majority, as far as this member was told."""
        return self._digests.differing
