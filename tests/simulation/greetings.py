"""A member's streams to the others are opened again and again; whoever takes it for no member any more says so (M4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.state import ClusterState
from tests.simulation.timeline import SECOND

if TYPE_CHECKING:
    from tests.simulation.member import Coordinator, MemberLife

GREETS_EVERY = SECOND


def greet(life: MemberLife) -> None:
    """Now and every second of this life. Nothing travels where all is well: no seed pays dice for it."""
    life.timeline.after(GREETS_EVERY, f"{life.name} greets", lambda: greet(life), life)
    for place in life.place.world.coordinators.values():
        if place.life is not None and _is_gone(life.number, place.life.replica.state):
            _ask(life, place)


def _ask(life: MemberLife, other: Coordinator) -> None:
    send = life.place.world.network.send

    def told() -> None:
        send(other.name, life.name, f"{other.name}>{life.name} is none", life.leave, once=True)

    send(life.name, other.name, f"{life.name}>{other.name} hello", told, once=True)


def _is_gone(number: int, state: ClusterState) -> bool:
    return number not in state.members and number <= state.last_member_id
