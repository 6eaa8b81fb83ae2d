"""Who we are among the members, as we say it and as we check it of others: the first words on each stream (D10, D11).

A member that has fallen behind does not know who came since. Ids are never used again (M1), so one above the last that
it knows of is somebody it has yet to hear of, and one that is not above and has no record was removed, for good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coordinator.client.release import RELEASE
from coordinator.model.features import FIRST, HIGHEST
from coordinator.model.members import MemberRecord
from coordinator.model.state import ClusterState
from coordinator.shell.data_dir import Identity
from coordinator.wire.v1.internal_pb2 import Admission, Introduction

MODE = "dev"


@dataclass(frozen=True, slots=True)
class Places:
    """Where this process is to be found, the list it was started with, and what it can follow."""

    address: str
    peers: list[str]
    http: str = ""
    stream: str = ""
    supports: int = HIGHEST  # feature level


class Standing:
    """`state` is None while the member is not at work yet."""

    def __init__(
        self,
        identity: Callable[[], Identity],
        state: Callable[[], ClusterState | None],
        places: Places,
    ) -> None:
        self._identity = identity
        self._state = state
        self._places = places
        self.seed = ""  # while a restored member waits for its founding

    @property
    def founded(self) -> bool:
        return self._identity().founded

    @property
    def member_id(self) -> int:
        """0 while it belongs to no cluster."""
        return self._identity().member_id or 0

    def introduction(self) -> Introduction:
        """What we say of ourselves."""
        own, places = self._identity(), self._places
        return Introduction(
            name=own.member,
            cluster_id=own.cluster_id or "",
            storage_id=own.storage_id,
            peers=places.peers,
            member_id=own.member_id or 0,
            mode=MODE,
            http=places.http,
            stream=places.stream,
            seed=self.seed,
            address=places.address,
            feature_level=places.supports,
            version=RELEASE,
        )

    # -- of members -----------------------------------------------------------------------------

    def objection(self, theirs: Introduction) -> str | None:
        """Why these are no words of a member of ours, or None. For their ears as well as for our log."""
        own = self._identity()
        if not own.founded:
            return f"{own.member} belongs to no cluster yet"
        if theirs.mode != MODE:
            return f"{own.member} runs in mode {MODE}, {theirs.name} in mode {theirs.mode or 'unknown'}"
        if not theirs.cluster_id:
            return f"{theirs.name} belongs to no cluster yet"
        if theirs.cluster_id != own.cluster_id:
            return (
                f"{own.member} is of cluster {own.cluster_id}, {theirs.name} of cluster "
                f"{theirs.cluster_id}: check --peers and --data-dir"
            )
        state = self._state()
        if state is None:
            return f"{own.member} is starting"
        return _objection_to_member(state, theirs)

    def is_gone(self, member: int) -> bool:
        """Whether it was a member and is none any more."""
        state = self._state()
        return state is not None and member <= state.last_member_id and member not in state.members

    def was_removed(self, theirs: Introduction) -> bool:
        """Whether a member introduces itself that is none any more."""
        is_ours = bool(theirs.cluster_id) and theirs.cluster_id == self._identity().cluster_id
        return is_ours and self.is_gone(theirs.member_id)

    # -- of those that would be -----------------------------------------------------------------

    def missed_founding(self, theirs: Introduction) -> bool:
        """Whether an empty caller is one of the founders that has not heard of it: same name, same directory."""
        record = self._record_of(theirs)
        return record is not None and not record.joined

    def awaited(self, theirs: Introduction) -> MemberRecord | None:
        """The record of a member that was added and not seen yet, if this is it."""
        state = self._state()
        if state is None or theirs.cluster_id or theirs.mode != MODE or not theirs.storage_id:
            return None
        for record in state.members_by_id():
            place = (record.name, record.address, record.storage_id)
            if place == (theirs.name, theirs.address, ""):
                return record
        return None

    def answer(self, theirs: Introduction) -> Introduction:
        """Who we are, and where they stand with us."""
        own = self.introduction()
        state = self._state()
        if state is not None and own.cluster_id:
            own.admission.CopyFrom(self._admission(state, theirs))
        return own

    def _admission(self, state: ClusterState, theirs: Introduction) -> Admission:
        admission = Admission(
            members=[f"{one.name}={one.address}" for one in state.members_by_id()],
            removed=self.was_removed(theirs),
        )
        if theirs.cluster_id:
            return admission
        record = self._record_of(theirs)
        if record is not None:
            admission.member_id = record.id if record.joined else 0
        else:
            admission.waits_for, admission.refused = _stranger(state, theirs)
        if supports_of(theirs) < state.feature_level:
            admission.member_id, admission.waits_for = 0, ""
            admission.refused = (
                f"feature level {state.feature_level} is in force, and {theirs.name} supports "
                f"{supports_of(theirs)}: start it with the release that the others run"
            )
        return admission

    def _record_of(self, theirs: Introduction) -> MemberRecord | None:
        """Of an empty caller whose very directory is known."""
        state = self._state()
        for record in state.members_by_id() if state is not None else ():
            if (record.name, record.storage_id) == (theirs.name, theirs.storage_id):
                return record
        return None


def supports_of(theirs: Introduction) -> int:
    """The highest feature level they can follow."""
    return theirs.feature_level or FIRST


def _objection_to_member(state: ClusterState, theirs: Introduction) -> str | None:
    record = state.members.get(theirs.member_id)
    if record is None and theirs.member_id > state.last_member_id:
        return None  # it came after all that we have applied
    if record is None or record.name != theirs.name:
        return f"{theirs.name} (member {theirs.member_id}) is not a member of this cluster"
    if record.storage_id != theirs.storage_id:
        return (
            f"the data directory of {theirs.name} is not the one this cluster knows; what it once "
            f"promised is forgotten: bring it back with `{_replace(theirs)}`"
        )
    return None


def _stranger(state: ClusterState, theirs: Introduction) -> tuple[str, str]:
    """(what an empty directory waits for, why it is refused); one of them is empty."""
    known = [record for record in state.members_by_id() if record.name == theirs.name]
    if not known:
        return f"`taskctl cluster add {theirs.name}={theirs.address}`", ""
    unseen = [record for record in known if not record.storage_id]
    if not unseen:
        return "", (
            f"this cluster knows another data directory of {theirs.name}; if that one was emptied or lost, "
            f"bring the member back with `{_replace(theirs)}`, else check --name and --data-dir"
        )
    if unseen[0].address != theirs.address:
        return "", (
            f"{theirs.name} was added at {unseen[0].address} and listens on {theirs.address}: "
            "make them one"
        )
    return "the leader, to note its data directory", ""


def _replace(theirs: Introduction) -> str:
    return f"taskctl cluster replace {theirs.name} {theirs.name}={theirs.address}"
