"""After the world has settled: digests, and the checkers over everything that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.machine.invariants import check as check_state
from coordinator.model.events import Event, TaskChanged
from coordinator.model.state import ClusterState
from tests.simulation.checkers import (
    durability,
    intervals,
    linearizability,
    requests,
    schedules,
    watches,
)
from tests.simulation.laws import Broken
from tests.simulation.member import MemberLife

if TYPE_CHECKING:
    from tests.simulation.world import World


def check(world: World) -> None:
    """Raises Broken."""
    lives = [place.life for place in world.coordinators.values() if place.life is not None]
    for life in lives:
        check_state(life.replica.state)
        world.laws.state.compare(life)
    _watches(world, lives)
    _intervals(world)
    for objection in linearizability.objections(world.history.operations):
        raise Broken("G2 linearizable", objection)
    for objection in requests.objections(world.history):
        raise Broken("G3 one request id, one answer", objection)
    state = lives[0].replica.state
    for objection in durability.objections(
        world.history.operations, world.laws.state.events, state
    ):
        raise Broken("G1 nothing acknowledged is lost", objection)
    _schedules(world, state)


def _schedules(world: World, state: ClusterState) -> None:
    laws = world.laws.state
    books = schedules.books(laws.events, laws.stamps)
    for objection in schedules.objections(books, state.at):
        raise Broken("G9 one fate for each fire time", objection)
    for name, count in schedules.figures(books)._asdict().items():
        world.tally[f"fires/{name}"] += count


def _intervals(world: World) -> None:
    for first, second in intervals.overlaps(world.intervals.all):
        raise Broken("G6 no overlap", f"{first} and {second}")
    for first, second in intervals.falling_tokens(world.intervals.all):
        raise Broken("G7 tokens grow", f"{first} then {second}")


def _watches(world: World, lives: list[MemberLife]) -> None:
    truth = changes(world.laws.state.events)
    for watcher in world.watchers:
        for life in lives:
            watcher.catch_up(life.number)
        for objection in watches.objections(watcher.delivered, truth):
            raise Broken("G11 watches", f"{watcher.name}: {objection}")
        if truth and watcher.revision < max(truth):
            raise Broken(
                "G11 watches", f"{watcher.name} ends at {watcher.revision}, not at the end"
            )


def changes(events: dict[int, tuple[Event, ...]]) -> dict[int, tuple[watches.Change, ...]]:
    """One change for each record and revision, as a watcher has to be told."""
    found = {}
    for revision, happened in events.items():
        first: dict[str, bool] = {}
        last: dict[str, watches.Change] = {}
        for event in happened:
            if not isinstance(event, TaskChanged):
                continue
            record = event.new if event.new is not None else event.old
            assert record is not None
            created = event.old is None or (first.get(record.id, False) and event.new is not None)
            first[record.id] = created
            kind = "removed" if event.new is None else "created" if created else "updated"
            last[record.id] = (kind, record.id, record.revision)
        if last:
            found[revision] = tuple(last.values())
    return found
