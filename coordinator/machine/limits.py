"""Operators override concurrency limits at run time (TM-60). Runs that are placed already stay."""

from __future__ import annotations

from coordinator.machine.commands import RemoveLimit, SetLimit
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model import limits
from coordinator.model.concurrency import SCOPES, LimitOverride
from coordinator.model.events import LimitsChanged
from coordinator.model.state import ClusterState


def set_limit(state: ClusterState, command: SetLimit) -> Outcome:
    """Refused naming field and bounds. The same value again changes nothing."""
    if (wrong := _objection(command)) is not None:
        return Refused(Refusal.INVALID_FIELD, wrong)
    where = (command.scope, command.key)
    present = state.limit_overrides.get(where)
    if present is None and len(state.limit_overrides) >= limits.LIMIT_OVERRIDES_MAX:
        most = limits.LIMIT_OVERRIDES_MAX
        return Refused(Refusal.LIMIT_REACHED, f"{most} limits are overridden; at most {most}")
    if present is not None and present.max == command.max:
        return Accepted(unchanged=True)
    state.limit_overrides[where] = LimitOverride(command.max, command.by, state.at)
    state.events.append(LimitsChanged((command.key,)))
    return Accepted()


def remove_limit(state: ClusterState, command: RemoveLimit) -> Outcome:
    if state.limit_overrides.pop((command.scope, command.key), None) is None:
        return Accepted(unchanged=True)
    state.events.append(LimitsChanged((command.key,)))
    return Accepted()


def _objection(command: SetLimit) -> str | None:
    if command.scope not in SCOPES:
        return f"scope = {command.scope!r}: must be one of {', '.join(SCOPES)}"
    if not 0 < len(command.key.encode()) <= limits.LIMIT_KEY_BYTES_MAX:
        return f"key: must have 1 .. {limits.LIMIT_KEY_BYTES_MAX} bytes"
    if not 0 <= command.max <= limits.LIMIT_MAX:
        return f"max = {command.max}: must be between 0 .. {limits.LIMIT_MAX}"
    return None
