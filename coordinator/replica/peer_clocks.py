"""Whose wall clock is to be believed: this member's own, unless a majority's says otherwise (T3).

Members tell their wall clock with every frame. A frame only ever comes late, so of what a member said within a while the
latest is nearest to the truth. Leases, timers and elections ask none of this (L10).
"""

from __future__ import annotations

from coordinator.model.instants import SECOND, Instant, Millis, Now

SKEW_MS: Millis = 5 * SECOND  # as far apart members may be
WINDOW_MS: Millis = 2 * SECOND  # a leader and its followers speak every 100 ms


class _Said:
    """Their wall clock less our steady one: the most in this window and in the one before."""

    __slots__ = ("before", "now", "since")

    def __init__(self, since: Millis, offset: Millis) -> None:
        self.since = since
        self.now = self.before = offset

    def again(self, steady: Millis, offset: Millis) -> None:
        if steady - self.since >= WINDOW_MS:
            is_next = steady - self.since < 2 * WINDOW_MS
            self.before = self.now if is_next else offset
            self.since, self.now = steady, offset
        elif offset > self.now:
            self.now = offset


class PeerClocks:
    """One per replica. Members by id."""

    def __init__(self, me: int) -> None:
        self._me = me
        self._said: dict[int, _Said] = {}
        self.skew: Millis = (
            0  # how far our wall clock is from the median, less what is allowed; 0: near enough
        )
        self._since: Millis | None = None  # from when on it has been too far away

    def heard(self, member: int, sent: Instant, steady: Millis) -> None:
        """A frame of that member was sent when its wall clock showed `sent`."""
        said = self._said.get(member)
        if said is None:
            self._said[member] = _Said(steady, sent - steady)
        else:
            said.again(steady, sent - steady)

    def corrected(self, now: Now, voters: frozenset[int]) -> Now:
        """With the median's wall clock in place of ours, where ours is further than `SKEW_MS` from it.

        Of an even number of clocks whichever of the two in the middle is nearer to ours: it takes a majority to say that
        ours is wrong.
        """
        own = now.wall - now.steady
        middle = self._median(own, now.steady, voters) if self._any_far(own) else own
        self.skew = max(0, abs(own - middle) - SKEW_MS)
        if not self.skew:
            self._since = None
            return now
        if self._since is None:
            self._since = now.steady
        return Now(now.steady, now.steady + middle)

    def skewed_ms(self, steady: Millis) -> Millis:
        """For how long our clock has been too far away; 0: it is not."""
        return 0 if self._since is None else max(1, steady - self._since)

    def agrees(self, member: int, now: Now) -> bool:
        """Whether that member's clock is near the one that `now` was corrected by."""
        said = self._said.get(member)
        if said is None or not self._is_fresh(said, now.steady):
            return False
        return abs(max(said.now, said.before) - (now.wall - now.steady)) <= SKEW_MS

    def _any_far(self, own: Millis) -> bool:
        """Where all say nearly the same, so does whoever is in the middle: the rule of nearly every turn."""
        for said in self._said.values():
            latest = said.now if said.now > said.before else said.before
            if not -SKEW_MS <= latest - own <= SKEW_MS:
                return True
        return False

    def _median(self, own: Millis, steady: Millis, voters: frozenset[int]) -> Millis:
        known = [own]
        for member, said in self._said.items():
            if member in voters and member != self._me and self._is_fresh(said, steady):
                known.append(max(said.now, said.before))
        if 2 * len(known) <= len(voters):
            return own  # a minority knows nothing
        known.sort()
        middle = known[(len(known) - 1) // 2], known[len(known) // 2]
        return min(middle, key=lambda offset: abs(offset - own))

    def _is_fresh(self, said: _Said, steady: Millis) -> bool:
        return steady - said.since < 2 * WINDOW_MS
