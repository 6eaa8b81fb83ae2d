"""How the end of a run is reported, given why it was asked to stop. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.client.node_values import RunEnd

_SUCCESS = frozenset({"succeeded", "warning"})
_OVERRULES = {"cancel": "cancelled", "timeout": "timed_out"}  # whatever the code did


def reported_end(end: RunEnd, stop_reason: str, lasted_ms: int) -> RunEnd:
    """What the leader is told of a run whose code came to its end.

    A success that came before the code noticed the stop stays one; what an interrupted run raised is no failure (PT-16,
    PT-72), and what its own lease ended is lost (L8).
    """
    outcome, reason = end.outcome, end.reason
    if stop_reason == "lease" and outcome not in _SUCCESS:
        outcome, reason = "lost", "lease"
    elif stop_reason in _OVERRULES:
        outcome, reason = _OVERRULES[stop_reason], reason or stop_reason
    elif stop_reason and outcome not in _SUCCESS:
        outcome, reason = "aborted", reason or stop_reason
    return replace(end, outcome=outcome, reason=reason, lasted_ms=lasted_ms)


def killed_end(stop_reason: str, lasted_ms: int) -> RunEnd:
    """What the leader is told of a run whose process died under it: lost, unless a stop was being enforced."""
    if not stop_reason:
        return RunEnd("lost", "worker_died", lasted_ms=lasted_ms, worker_died=True)
    if stop_reason == "lease":
        return RunEnd("lost", "lease", lasted_ms=lasted_ms)
    outcome = _OVERRULES.get(stop_reason, "aborted")
    return RunEnd(outcome, "killed", lasted_ms=lasted_ms, worker_died=True)


def handed_back(reason: str) -> RunEnd:
    """A run that never started here, for no fault of its own (PT-56)."""
    return RunEnd("aborted", reason, handed_back=True)


def never_here(stop_reason: str) -> RunEnd:
    """The confirmation that nothing of a run is here."""
    return RunEnd("cancelled" if stop_reason == "cancel" else "aborted", "not_running")
