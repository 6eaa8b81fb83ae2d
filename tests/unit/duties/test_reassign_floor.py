"""When R may follow a shorter lease (PT section 10)."""

from __future__ import annotations

from coordinator.duties.reassign_floor import drop_floor
from coordinator.machine.commands import DropReassignFloor
from coordinator.model.nodes import NodeStatus
from coordinator.model.settings import ReassignFloor
from tests.unit.assignment.kit import node
from tests.unit.duties.kit import Term, commands


def test_nothing_is_asked_where_no_lease_was_shortened() -> None:
    assert commands(drop_floor(Term(node("a")).state, {"a"})) == []


def test_every_live_node_has_to_confirm_and_lost_ones_need_not() -> None:
    term = Term(
        node("a"),
        node("b"),
        node("leaving", status=NodeStatus.REMOVED),
        node("lost", status=NodeStatus.LOST),
        node("left", status=NodeStatus.LEFT),
    )
    term.state.reassign_floor = ReassignFloor(26_000, 7)
    assert commands(drop_floor(term.state, {"a", "b"})) == []
    assert commands(drop_floor(term.state, {"a", "leaving"})) == []
    all_of_them = {"a", "b", "leaving"}
    assert commands(drop_floor(term.state, all_of_them)) == [DropReassignFloor(7)]
