"""Operators that add, remove and replace coordinators, the leader among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coordinator.machine.commands import AddMember, BindMember, Command, RemoveMember
from coordinator.replica.inputs import Asked
from tests.simulation.dice import Dice
from tests.simulation.member import MemberLife
from tests.simulation.timeline import MS

if TYPE_CHECKING:
    from tests.simulation.world import World

INTRODUCTION = 300 * MS  # how often a newcomer knocks until it is known
FEWEST, MOST = 2, 7


def change(world: World, dice: Dice) -> bool:
    """A wish to whoever leads; a second one before the first is done is refused."""
    what, number, unique = (
        dice.pick(("add", "remove", "replace")),
        dice.below(1 << 16),
        dice.bits(24),
    )
    life = leading(world)
    if life is None:
        return False
    start_newcomers(world, life)
    members = sorted(life.replica.state.members)
    lost = [n for n in members if world.coordinators[n].gone]
    chosen = lost[0] if lost else members[number % len(members)]
    if what == "remove" and len(members) > FEWEST:
        ask(life, RemoveMember(chosen))
    elif what == "replace" or len(members) < MOST:
        replaced = chosen if what == "replace" else 0
        address = f"127.0.0.1:{20_000 + unique}"
        wish = AddMember(f"m{unique}", address, replaced)
        ask(life, wish, lambda _: start_newcomers(world, life))
    return True


def leading(world: World) -> MemberLife | None:
    number = world.leader_number()
    return world.coordinators[number].life if number else None


def ask(life: MemberLife, command: Command, answered: Any = None) -> None:
    life.submit((Asked(command),), answered or (lambda _: None))


def start_newcomers(world: World, life: MemberLife) -> None:
    """Operators look who was added, however they were answered, and start it with an empty directory."""
    for record in life.replica.state.members_by_id():
        if record.id not in world.coordinators:
            world.tally["members/added"] += 1
            world.newcomer(record.id, record.address)
            _introduce(world, record.id)


def _introduce(world: World, number: int) -> None:
    """It tells the leader its storage id, again and again until the cluster knows it."""
    life, place = leading(world), world.coordinators[number]
    record = life.replica.state.members.get(number) if life is not None else None
    if place.gone or (record is not None and record.storage_id):
        return
    if life is not None and record is not None and place.life is not None:
        ask(life, BindMember(number, place.disk.storage_id))
    world.timeline.after(INTRODUCTION, f"c{number} knocks", lambda: _introduce(world, number))
