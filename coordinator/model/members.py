"""Coordinators as the cluster knows them, and the one change among them that may be under way.

Who votes and who learns is the consensus configuration, which has entries of its own. These records say who is meant
by its numbers, where they are to be found, and what an operator wished for: a leader that takes over goes on from there.
"""

from __future__ import annotations

import msgspec

from coordinator.model.instants import Instant

NOBODY = 0


class MemberRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One coordinator as the cluster knows it; ids are never reused (M1)."""

    id: int
    name: str
    address: str
    storage_id: str  # empty until a member that was added has introduced itself (D11)
    http: str = ""
    joined: int = 0  # revision at which it was added; 0: it was there when the cluster was founded


class MemberChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A wish under way: bring `joining` in, take `leaving` out, or both (M1). At most one at a time (M2)."""

    revision: int  # of the entry that wished for it, and its name
    at: Instant
    joining: int = NOBODY
    leaving: int = NOBODY
