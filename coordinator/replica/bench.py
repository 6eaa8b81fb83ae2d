"""What the parts of one leadership share: its view, how to ask for effects, and the present turn."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coordinator.duties.view import LeaderView
from coordinator.model.instants import Instant, Now
from coordinator.model.state import ClusterState
from coordinator.replica.config import Dice
from coordinator.replica.effects import Effect
from coordinator.replica.facts import FactsBook
from coordinator.replica.upgrades import Upgrades


class Bench(msgspec.Struct):
    """Made when a term's first entry is applied, thrown away when leadership ends."""

    state: ClusterState
    view: LeaderView
    facts: FactsBook
    emit: Callable[[Effect], None]
    dice: Dice
    now: Now
    term: int
    next_call: Callable[[], int]
    upgrades: Upgrades
    is_skewed: bool  # a majority's wall clocks say that ours is wrong: nothing is fired (T3)
    stale_reports: dict[str, int]  # by kind, over all terms of this member; read by whoever counts

    @property
    def at(self) -> Instant:
        """The stamp an entry proposed in this turn gets."""
        return self.view.time(self.now)
