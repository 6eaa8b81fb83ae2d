"""When a failed run is tried again: drawn by the leader, shipped in the command (TM-37)."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.model.instants import Millis
from coordinator.model.tasks import Backoff


def backoff_ms(backoff: Backoff, failures: int, dice: Callable[[int], int]) -> Millis:
    """Wait after the n-th failed attempt in a row (n >= 1). `dice(n)` gives 0 <= x < n."""
    if backoff.kind == "fixed" or failures <= 1:
        return backoff.first_ms
    bound = min(backoff.cap_ms, backoff.base_ms << min(failures - 2, 40))
    if backoff.jitter == "none" or bound <= 0:
        return bound
    if backoff.jitter == "half":
        return bound // 2 + dice(bound // 2 + 1)
    return dice(bound + 1)
