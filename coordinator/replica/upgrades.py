"""Who could follow if the feature level rose: the coordinators as they introduced themselves, the nodes by the state.

The leader looks before it proposes (U2). A coordinator counts only while it is heard of: who is away may come back as
an older release.
"""

from __future__ import annotations

import msgspec

from coordinator.machine.commands import RaiseFeatureLevel
from coordinator.machine.features import nodes_behind, nodes_support
from coordinator.machine.outcome import Refusal, Unlogged
from coordinator.model.members import MemberRecord
from coordinator.model.state import ClusterState
from coordinator.replica.roster import Roster

MEMBER, NODE = "member", "node"
UNKNOWN = 0


class Blocker(msgspec.Struct, frozen=True):
    """Who holds an upgrade up. `supports`: UNKNOWN while it is not heard of."""

    kind: str
    name: str
    release: str
    supports: int


class Outlook(msgspec.Struct, frozen=True):
    """`level` is in force, `highest` is known to some coordinator, `possible` is what all can follow by now.

    `blockers` cannot follow to `highest`: coordinators first, each kind in name order.
    """

    level: int
    highest: int
    possible: int
    blockers: tuple[Blocker, ...]


class Upgrades:
    """Of one member; the leader's is the one that counts."""

    def __init__(self, state: ClusterState, roster: Roster) -> None:
        self._state = state
        self._roster = roster

    def outlook(self) -> Outlook:
        """As things stand in this turn."""
        state = self._state
        members = [record for record in state.members_by_id() if record.storage_id]
        supports = [self._supports(record) for record in members]
        highest = max((state.feature_level, *supports))
        of_nodes = nodes_support(state)
        lowest = min((*supports, highest if of_nodes is None else of_nodes))
        possible = max(state.feature_level, lowest)
        return Outlook(state.feature_level, highest, possible, self.blockers(highest))

    def blockers(self, level: int) -> tuple[Blocker, ...]:
        """Who cannot follow to `level`, or may not be able to."""
        if level <= self._state.feature_level:
            return ()
        members = sorted(self._state.members_by_id(), key=lambda record: record.name)
        behind = [
            self._blocker(record)
            for record in members
            if record.storage_id and self._supports(record) < level
        ]
        nodes = nodes_behind(self._state, level)
        return (*behind, *(Blocker(NODE, n.name, n.version, n.feature_level) for n in nodes))

    def objection(self, wish: RaiseFeatureLevel) -> Unlogged | None:
        """Why it would be too early; the law itself does not know what coordinators can follow."""
        blockers = self.blockers(wish.level)
        if not blockers:
            return None
        detail = (
            f"level {wish.level} would leave behind {', '.join(one.name for one in blockers)}; "
            "see who they are with `taskctl cluster upgrade --dry-run`"
        )
        return Unlogged(Refusal.FEATURE_LEVEL, detail)

    def _supports(self, record: MemberRecord) -> int:
        said = self._roster.said(record.id)
        return said.supports if said is not None and self._roster.is_well(record.id) else UNKNOWN

    def _blocker(self, record: MemberRecord) -> Blocker:
        said = self._roster.said(record.id)
        release = said.release if said is not None else ""
        return Blocker(MEMBER, record.name, release, self._supports(record))
