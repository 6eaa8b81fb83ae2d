"""Time as the state knows it: int milliseconds, stamped by the leader, never read from a clock."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Instant: TypeAlias = int  # ms since 1970, UTC
Millis: TypeAlias = int  # a duration in ms

SECOND: Millis = 1_000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR


class Now(NamedTuple):
    """The pair of clocks that is handed in: leases, timers and elections use `steady` alone."""

    steady: Millis  # monotonic, also counts suspend
    wall: Instant  # may jump


def stamp(now: Now, last_at: Instant, last_steady: Millis) -> Instant:
    """`at` of the next entry: the wall clock, unless it was set back since the last stamp.

    Then time goes on from the last stamp at the pace of the steady clock, so `at` never falls
    and delays run on.
    """
    return max(now.wall, last_at + max(0, now.steady - last_steady))
