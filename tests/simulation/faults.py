"""What befalls the world: one stream of dice and one chain of events for each kind, so none disturbs another's draws.

Victims are drawn by number, whatever state they are in; a fault that finds nothing to break does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation import member_faults, membership_faults, node_faults
from tests.simulation.dice import Dice
from tests.simulation.timeline import MS, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

Fault = Callable[["World", Dice], bool]

# Mean pause between two of a kind at dial 100, in seconds; at dial 1 it is five times that.
KINDS: dict[str, tuple[int, Fault]] = {
    "clog": (1, member_faults.clog),
    "partition": (2, member_faults.partition),
    "slow_disk": (4, member_faults.slow_disk),
    "disk_full": (5, member_faults.disk_full),
    "disk_error": (4, member_faults.disk_error),
    "rot": (20, member_faults.rot),
    "wipe": (30, member_faults.wipe),
    "crash": (2, member_faults.crash),
    "pause": (3, member_faults.pause),
    "suspend": (5, member_faults.suspend),
    "clock": (3, member_faults.clock),
    "blackout": (12, member_faults.blackout),
    "node_kill": (3, node_faults.kill),
    "node_cut": (3, node_faults.cut),
    "session": (2, node_faults.break_session),
    "members": (6, membership_faults.change),
    "ghost": (12, node_faults.ghost),
    "leave": (9, node_faults.leave),
    "operator": (2, node_faults.operate),
    "liar": (1, node_faults.lie),
}


class Faults:
    """Begins with the world, ends with `stop`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stopped = False
        self._streams = world.dice.split("fault/new stream")

    def start(self) -> None:
        for kind, (mean, fault) in KINDS.items():
            dial = self._world.dials.faults[kind]
            if dial:
                dice = self._world.dice.split(f"fault/{kind}")
                self._next(kind, mean * (500 - 4 * dial) * SECOND // 100, fault, dice)

    def befalls_a_new_stream(self) -> bool:
        """A registration that hangs on its way, and may arrive when nobody expects it any more."""
        dial = self._world.dials.faults["clog"]
        return not self._stopped and self._streams.chance(dial * 2_000)

    def stop(self) -> None:
        self._stopped = True

    def _next(self, kind: str, mean: int, fault: Fault, dice: Dice) -> None:
        wait = dice.between(50 * MS, 2 * mean)

        def happens() -> None:
            if self._stopped:
                return
            if fault(self._world, dice):
                self._world.tally.fault(kind)
            self._next(kind, mean, fault, dice)

        self._world.timeline.after(wait, f"fault {kind}", happens)
