"""How far the clocks of members are apart, as far as one can tell from frames that carry the time they were sent.

A frame only ever comes late, so of the offsets within a while the smallest is nearest to the truth; what a frame takes
at least, a millisecond or so, stays in it.
"""

from __future__ import annotations

from coordinator.model.instants import SECOND, Instant, Millis

WINDOW_MS: Millis = 10 * SECOND


class _Peer:
    """The smallest offset (our clock less theirs) in this window and in the one before."""

    __slots__ = ("before", "now", "since")

    def __init__(self, since: Millis, offset: Millis) -> None:
        self.since = since
        self.now = self.before = offset

    def saw(self, steady: Millis, offset: Millis) -> None:
        if steady - self.since >= WINDOW_MS:
            is_next = steady - self.since < 2 * WINDOW_MS
            self.before = self.now if is_next else offset
            self.since, self.now = steady, offset
        elif offset < self.now:
            self.now = offset


class ClockSpread:
    """A follower hears its leader, a leader hears everybody."""

    def __init__(self) -> None:
        self._peers: dict[int, _Peer] = {}

    def heard(self, member: int, sent: Instant, wall: Instant, steady: Millis) -> None:
        """A frame of that member, sent when its clock showed `sent`, came when ours showed `wall`."""
        offset = wall - sent
        peer = self._peers.get(member)
        if peer is None:
            self._peers[member] = _Peer(steady, offset)
        else:
            peer.saw(steady, offset)

    def spread_ms(self, steady: Millis) -> Millis:
        """Between the furthest two, ours included, of those heard within the last two windows."""
        recent = [p for p in self._peers.values() if steady - p.since < 2 * WINDOW_MS]
        offsets = [0, *(min(peer.now, peer.before) for peer in recent)]
        return max(offsets) - min(offsets)
