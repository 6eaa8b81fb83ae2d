"""The road of an entry: what a peer says in vain costs that message, not the process."""

from __future__ import annotations

from coordinator.consensus.messages import Entry, EntryKind, Propose
from coordinator.replica import inputs as i
from tests.unit.replica.world import World


def test_a_proposal_handed_to_a_member_without_a_leader_is_dropped_alone() -> None:
    world = World(3)
    member = world.members[1]
    assert member.replica.leader_id == 0
    entry = Entry(0, 0, EntryKind.NORMAL, b"x")
    member.inbox.append(i.FromPeer((Propose(2, 1, 0, (entry,)),)))
    world.settle()
    assert world.leader().replica.is_leader
