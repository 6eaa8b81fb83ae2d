"""Cluster settings: checked as a whole, in force at once (PT section 10)."""

from __future__ import annotations

from coordinator.machine.commands import DropReassignFloor, SetSettings
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model.events import SettingsChanged
from coordinator.model.settings import ReassignFloor, Settings, SettingValue, objection, rule_of
from coordinator.model.state import ClusterState

TEXT_CHARS_MAX = 64


def set_settings(state: ClusterState, command: SetSettings) -> Outcome:
    """All or nothing: one bad value refuses the request, naming key, value and bounds."""
    for key in [*(key for key, _ in command.values), *command.reset]:
        if rule_of(key) is None:
            return Refused(Refusal.SETTING_NOT_FOUND, f"no setting {key}")
    values = dict(state.settings.values)
    for key in command.reset:
        values.pop(key, None)
    for key, text in command.values:
        try:
            canonical = _canonical(key, text)
        except ValueError as error:
            detail = f"{key} = {text[:TEXT_CHARS_MAX]!r}: {error}"
            return Refused(Refusal.INVALID_FIELD, detail)
        if key not in values or values[key].value != canonical:
            values[key] = SettingValue(canonical, command.by, state.at, command.reason)
    changed = Settings({key: values[key] for key in sorted(values)})
    if (wrong := objection(changed)) is not None:
        return Refused(Refusal.INVALID_FIELD, wrong)
    return _take_over(state, changed)


def drop_reassign_floor(state: ClusterState, command: DropReassignFloor) -> Outcome:
    """Every node counts with the shorter lease by now. Another one since then: not yet."""
    floor = state.reassign_floor
    if floor is None or floor.revision != command.revision:
        return Accepted(unchanged=True)
    state.reassign_floor = None
    return Accepted()


def _canonical(key: str, text: str) -> str:
    """ValueError names the bounds. A length limit keeps absurd numbers out of the arithmetic."""
    rule = rule_of(key)
    if rule is None:
        raise ValueError("is no setting")
    if len(text) > TEXT_CHARS_MAX:
        raise ValueError(f"must be {rule.bounds()}")
    return rule.parse(text)


def _take_over(state: ClusterState, changed: Settings) -> Outcome:
    old = state.settings.values
    known = sorted({*old, *changed.values})
    keys = [key for key in known if changed.values.get(key) != old.get(key)]
    if not keys:
        return Accepted(unchanged=True)
    if changed.lease_ms < state.settings.lease_ms:
        # In this very entry: a leader elected a moment later has nobody else to learn it from.
        floor = ReassignFloor(state.reassign_ms, state.revision, state.is_held)
        state.reassign_floor = floor
    state.settings = changed
    state.events.append(SettingsChanged(tuple(keys)))
    return Accepted()
