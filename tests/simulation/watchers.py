"""Watchers: resume by revision on whatever member they reach, as `api.watches` serves them from the product's hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.checkers.watches import Delivered
from tests.simulation.timeline import MS, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World


class Watcher:
    """Reads at a pace of its own; some rest for long."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.name = world, f"w{number}"
        self._dice = world.dice.split(self.name)
        self._at = self._dice.pick(world.numbers)
        self.revision = -1  # not begun
        self.delivered: list[Delivered] = []

    def start(self) -> None:
        label = f"{self.name} reads"
        pause = self._dice.often_short(20 * MS, 8 * SECOND if self._dice.percent(5) else SECOND)
        self.world.timeline.after(pause, label, self._read)

    def _read(self) -> None:
        if self._dice.percent(10):
            self._at = self._dice.pick(self.world.numbers)
        self.catch_up(self._at)
        self.start()

    def catch_up(self, number: int) -> None:
        """All that this member can tell by now."""
        place = self.world.coordinators[number]
        life = place.life
        if life is None or life.frozen_until > self.world.timeline.now:
            self._at = self._dice.pick(self.world.numbers)
            return
        state = life.replica.state
        if self.revision < 0:
            self._list(state.revision)
            return
        groups = life.hub.after(self.revision)
        if groups is None:
            self.world.tally["watch/compacted"] += 1
            self._list(state.revision)
            return
        for group in groups:
            changes = tuple((c.type, c.task.id, c.task.revision) for c in group.changes)
            self.delivered.append(Delivered("change", group.revision, changes))
            self.revision = group.revision
        self.revision = max(self.revision, state.revision)
        self.delivered.append(Delivered("bookmark", self.revision))

    def _list(self, revision: int) -> None:
        """What is there, as of this revision: everything before it need not be told."""
        self.delivered.append(Delivered("list", revision))
        self.revision = revision
