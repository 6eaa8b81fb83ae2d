"""The killing of what lost its parent, and giving up on what cannot be killed.

A process of another user (a command by `sudo`), or one that hangs in the kernel, outlives every SIGKILL. It is waited
for like any, so that nothing is called dead too early; but not for ever, or nothing would ever be reported again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from node.burial import is_dead, kill
from node.process_marks import start_time
from node.process_ties import children_of, descendants_of

LEFTOVERS_S = 10.0  # how long the end of a process that was killed is waited for
WHAT_TO_DO = "of another user, or hanging in the kernel; end them by hand, or restart the machine"

Known = tuple[int, int]  # process id and start time: together one process for ever


class Orphans:
    """All that the supervisor has adopted: it lost its worker. The caller is none: the agent, its one child of its own."""

    def __init__(
        self,
        supervisor: int,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._supervisor = supervisor
        self._patience_s = patience_s
        self._clock = clock
        self._since: dict[Known, float] = {}  # of those that were left: when each was killed first

    def kill(self) -> bool:
        """SIGKILL to all of them. True while there is one that is worth waiting for."""
        now = self._clock()
        left = {(pid, start_time(pid) or 0) for pid in self._alive()}
        for pid, _ in left:
            for each in (pid, *descendants_of(pid)):
                kill(each)
        self._since = {one: self._since.get(one, now) for one in left}
        return any(now - since < self._patience_s for since in self._since.values())

    @property
    def stubborn(self) -> tuple[int, ...]:
        """The process ids of those that were alive at the last `kill`; once it gives False, they will not die."""
        return tuple(sorted(pid for pid, _ in self._since))

    def _alive(self) -> list[int]:
        own = os.getpid()
        return [pid for pid in children_of(self._supervisor) if pid != own and not is_dead(pid)]
