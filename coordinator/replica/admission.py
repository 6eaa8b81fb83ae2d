"""Whether wishes are taken here and now, and if not, why: who leads, the disk, the queue (PT-19, C10)."""

from __future__ import annotations

from coordinator.consensus.messages import NO_MEMBER
from coordinator.replica.proposals import Lost
from coordinator.replica.road import Road
from coordinator.replica.seat import Seat


class Admission:
    """One per replica. `disk_full`: a write failed; `disk_low`: too little is left to begin one."""

    def __init__(self, road: Road, seat: Seat) -> None:
        self._road = road
        self._seat = seat
        self.disk_full = False
        self.disk_low = False

    @property
    def lacks_space(self) -> bool:
        """Another member may have what is missing here (D9)."""
        return self.disk_full or self.disk_low

    def objection(self) -> str | None:
        """Kind of the failure that answers a wish at once, or None."""
        if self._seat.stopping:
            return "shutting_down"
        if not self._road.raft.is_leader:
            return self.not_leader()
        if self.lacks_space:
            return Lost.DISK_FULL.value
        leading = self._seat.leading
        if leading is not None and leading.proposals.is_full:
            return Lost.OVERLOADED.value
        return None

    def not_leader(self) -> str:
        """Somebody else leads, or nobody that we know of."""
        return "not_leader" if self._road.raft.leader_id != NO_MEMBER else "no_leader"
