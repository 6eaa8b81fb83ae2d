"""What a duty asks for: commands to propose, and the next time it wants to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from coordinator.assignment.load import Claim
from coordinator.machine.commands import Command
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant, Millis


class Freshness(msgspec.Struct, frozen=True):
    """How long a decision is a good one. Where its entry is stamped after `until`, `decide_again(stamp)` replaces it."""

    until: Instant
    decide_again: Callable[[Instant], Command]


class Item(msgspec.Struct, frozen=True):
    """One command, the places it claims, and the tasks no other pass may decide about meanwhile."""

    command: Command
    claims: tuple[Claim, ...] = ()
    tasks: tuple[TaskId, ...] = ()
    fresh: Freshness | None = None


class Agenda(msgspec.Struct, frozen=True, gc=False):
    """`wake_at` is steady time; None: nothing to wait for."""

    items: Sequence[Item] = ()
    wake_at: Millis | None = None


def earliest(times: Iterable[Millis | None]) -> Millis | None:
    """The smallest that is there."""
    there = [t for t in times if t is not None]
    return min(there) if there else None
