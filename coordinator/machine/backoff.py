"""The longest wait before a retry. The leader draws below it; `apply` itself has no dice."""

from __future__ import annotations

from coordinator.model.instants import Millis
from coordinator.model.tasks import Backoff

DOUBLINGS_MAX = 40  # beyond it every wait is at its cap


def longest_wait(backoff: Backoff, failures: int) -> Millis:
    """Upper bound of the wait after so many failures in a row (1 or more), in ms (TM-37).

    In force where the command carries no instant: it was drawn for another end of the run.
    """
    if backoff.kind == "fixed" or failures <= 1:
        return backoff.first_ms
    return min(backoff.cap_ms, backoff.base_ms << min(failures - 2, DOUBLINGS_MAX))
