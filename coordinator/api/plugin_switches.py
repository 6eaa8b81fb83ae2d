"""Settings that executors name for the tasks they declare: on or off, known by the manifests (PT-84)."""

from __future__ import annotations

from collections.abc import Iterable

from coordinator.api.errors import Code, Rejected
from coordinator.model.settings import RULES
from coordinator.model.state import ClusterState
from coordinator.replica.facts import FactsBook


def defaults(state: ClusterState) -> dict[str, str]:
    """Key -> `on` or `off`, as the first executor by name that names it has it."""
    found: dict[str, str] = {}
    for declared in FactsBook().declared(state).values():
        for one in declared:
            if one.setting:
                found.setdefault(one.setting, "on" if one.default else "off")
    return found


def check_known(state: ClusterState, keys: Iterable[str]) -> None:
    """A misspelt switch would change nothing and tell nobody. Raises Rejected."""
    asked = [key for key in keys if key not in RULES]
    if not asked:
        return
    known = defaults(state)
    for key in asked:
        if key not in known:
            raise Rejected(Code.NOT_FOUND, "setting_not_found", f"no setting {key}", settled=True)
