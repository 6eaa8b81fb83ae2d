"""The feature level as operators raise it: as far as everybody can follow, and who holds up the rest (U2, EX-78)."""

from __future__ import annotations

from coordinator.api.changing import submit_change
from coordinator.api.door import Door
from coordinator.api.errors import Code, Rejected
from coordinator.api.road import Road
from coordinator.machine.commands import RaiseFeatureLevel
from coordinator.machine.outcome import Refusal
from coordinator.replica.upgrades import UNKNOWN, Blocker, Outlook
from coordinator.wire.v1 import cluster_pb2 as wire

NAMED_MAX = 10


async def upgrade(
    door: Door, road: Road, request: wire.UpgradeRequest, left: float
) -> wire.UpgradeResponse:
    """The leader's part of the call. Raises Rejected `feature_level` where nothing can be raised yet, RoadFailed."""
    await road.barrier(left)
    leading = door.replica.leading
    if leading is None:
        raise Rejected(Code.UNAVAILABLE, "unavailable", "it leads no more", {"cause": "no_leader"})
    outlook = leading.bench.upgrades.outlook()
    is_higher = outlook.possible > outlook.level
    if not is_higher and outlook.blockers and not request.change.dry_run:
        raise Rejected(Code.FAILED_PRECONDITION, Refusal.FEATURE_LEVEL.value, _too_early(outlook))
    unchanged = not is_higher
    if is_higher:
        done = await submit_change(road, RaiseFeatureLevel(outlook.possible), request, left)
        unchanged = done.unchanged
    return wire.UpgradeResponse(
        answer=road.answer(),
        level=door.replica.state.feature_level,
        possible=outlook.possible,
        highest=outlook.highest,
        blockers=[_blocker(door, one) for one in outlook.blockers],
        unchanged=unchanged,
    )


def _blocker(door: Door, one: Blocker) -> wire.UpgradeBlocker:
    own = door.facts()
    release = own.version if one.name == own.name and one.kind == "member" else one.release
    return wire.UpgradeBlocker(kind=one.kind, name=one.name, version=release, supports=one.supports)


def _too_early(outlook: Outlook) -> str:
    named = ", ".join(_words(one) for one in outlook.blockers[:NAMED_MAX])
    more = len(outlook.blockers) - NAMED_MAX
    rest = f" and {more} more" if more > 0 else ""
    return (
        f"feature level {outlook.level} stays in force, for not everybody can follow to "
        f"{outlook.highest}: {named}{rest}"
    )


def _words(one: Blocker) -> str:
    if one.supports == UNKNOWN:
        return f"{one.name} is not heard of"
    return f"{one.name} supports {one.supports}"
