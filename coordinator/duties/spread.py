"""What was measured, in few figures: percentiles of the last values, and how often something happened lately."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import ceil

import msgspec

from coordinator.model.instants import MINUTE, SECOND, Instant, Millis

RATE_OVER_MS: Millis = 10 * MINUTE
_BUCKET_MS: Millis = 10 * SECOND


class Spread(msgspec.Struct, frozen=True, gc=False):
    """Mean and percentiles of `count` values; of none they are unknown, which is None and never NaN."""

    count: int = 0
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None


NOTHING_MEASURED = Spread()


def spread_of(values: Iterable[float]) -> Spread:
    """By nearest rank: every percentile is one of the values, so the 99th of fifty is the largest."""
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return NOTHING_MEASURED
    at = [float(ordered[ceil(share * count / 100) - 1]) for share in (50, 90, 95, 99)]
    return Spread(count, sum(ordered) / count, *at)


class Rate:
    """How much came per minute over the last 10 minutes; over what there is of them, at least one, at the beginning."""

    def __init__(self, since: Instant) -> None:
        self._since = since
        self._buckets: deque[list[int]] = deque()  # [number, how often, units]

    def add(self, at: Instant, units: int = 0) -> None:
        """Once more. Instants may stand still, and never fall."""
        bucket = at // _BUCKET_MS
        if self._buckets and self._buckets[-1][0] == bucket:
            last = self._buckets[-1]
            last[1] += 1
            last[2] += units
        else:
            self._drop(at)
            self._buckets.append([bucket, 1, units])

    def per_minute(self, at: Instant) -> tuple[float, float]:
        """(how often, units)"""
        self._drop(at)
        watched = min(RATE_OVER_MS, max(MINUTE, at - self._since))
        often, units = sum(one[1] for one in self._buckets), sum(one[2] for one in self._buckets)
        return often * MINUTE / watched, units * MINUTE / watched

    def _drop(self, at: Instant) -> None:
        oldest = (at - RATE_OVER_MS) // _BUCKET_MS
        while self._buckets and self._buckets[0][0] < oldest:
            self._buckets.popleft()
