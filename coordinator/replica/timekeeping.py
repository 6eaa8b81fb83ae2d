"""A leader whose clock a majority contradicts fires nothing and hands leadership over (T3)."""

from __future__ import annotations

from coordinator.model.instants import SECOND, Millis, Now
from coordinator.replica.peer_clocks import PeerClocks
from coordinator.replica.road import Road
from coordinator.replica.seat import Seat

SURE_MS: Millis = 5 * SECOND  # clocks that are set all at once agree again by then
AGAIN_MS: Millis = 10 * SECOND


class Timekeeping:
    """One per replica. `now` at the beginning of each turn, `tick` while it leads or not."""

    def __init__(self, clocks: PeerClocks, road: Road, seat: Seat) -> None:
        self._clocks, self._road, self._seat = clocks, road, seat
        self._next: Millis = 0

    def now(self, given: Now) -> Now:
        """The time of this turn: no stamp follows a clock that is far from all others."""
        now = self._clocks.corrected(given, self._road.raft.voters)
        self.tell()
        return now

    def tell(self) -> None:
        """Whoever leads may fire, or not."""
        if self._seat.leading is not None:
            self._seat.leading.bench.is_skewed = bool(self._clocks.skew)

    def tick(self, now: Now) -> None:
        """Hand over, if there is somebody with a better clock who keeps up."""
        if self._clocks.skewed_ms(now.steady) < SURE_MS or now.steady < self._next:
            return
        raft, roster = self._road.raft, self._seat.roster
        if self._seat.leading is None:
            return
        self._next = now.steady + AGAIN_MS
        able = [
            (progress.match, member)
            for member, progress in sorted(raft.status().progress.items())
            if not progress.is_learner
            and roster.is_well(member)
            and self._clocks.agrees(member, now)
        ]
        others = [one for one in able if one[1] != raft.id]
        if others:
            self._seat.hand_over(max(others)[1])
