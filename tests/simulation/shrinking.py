"""What a failure really needs: kinds of faults are switched off one by one, then the world is made smaller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation import runs
from tests.simulation.dials import Dials
from tests.simulation.runs import Result

PLAIN = (
    "snapshot_every", "log_kept", "inflight", "message_bytes", "uncommitted_bytes", "batch",
    "equal_timeouts", "short_leases", "late_answers", "hub_kept", "brisk",
)  # fmt: skip


def shrink(failure: Result) -> Result:
    """The smallest world found in which the same law breaks."""
    best, smaller = failure, True
    while smaller:
        smaller = False
        for dials in _smaller(best.dials):
            tried = runs.run(failure.seed, dials)
            if tried.law == failure.law:
                best, smaller = tried, True
                break
    return best


def _smaller(dials: Dials) -> Iterator[Dials]:
    for kind in dials.switched_on:
        yield dials.without(kind)
    for name, least in (("seconds", 5), ("clients", 1), ("nodes", 1)):
        value = getattr(dials, name)
        if value // 2 >= least:
            yield replace(dials, **{name: value // 2})
    plain = Dials()
    for name in PLAIN:
        if getattr(dials, name) != getattr(plain, name):
            yield replace(dials, **{name: getattr(plain, name)})
