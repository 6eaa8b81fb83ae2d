"""How long the next entry waits for others to travel with it.

An entry costs every member a write, a message and an answer, however much it carries, so a crowd is served best by few
large ones. Callers come back after their answers: as many as travelled last time are likely to come again, and it is
them that is waited for, never longer than a moment. A lone caller, or a few, never wait. Now and then a little more is
asked for, to find out whether the crowd has grown; whoever was waited for in vain is not waited for again, and the
next time is further off.
"""

from __future__ import annotations

from coordinator.model.instants import Millis

CROWD = 4  # requests
WAIT_MAX_MS: Millis = 30  # from one large entry to the next
ASK_FOR_MORE_AFTER = 16  # entries that were filled; twice as many after each time in vain
ASK_FOR_MORE_MAX = 1_024


class Company:
    """Of one term's leader. `steady` is the present time."""

    def __init__(self) -> None:
        self._wanted = 1
        self._filled = 0
        self._patience = ASK_FOR_MORE_AFTER
        self._asked = False
        self._until: Millis = 0

    def wait(self, waiting: int, steady: Millis) -> Millis:
        """How long yet, with so many requests waiting; 0: go."""
        if waiting >= self._wanted or steady >= self._until:
            return 0
        return self._until - steady

    def missing(self, waiting: int) -> int:
        """How many more would end the wait."""
        return max(0, self._wanted - waiting)

    def went(self, count: int, steady: Millis) -> None:
        """An entry with so many requests has left."""
        came = count >= self._wanted
        if self._asked:
            self._patience = (
                ASK_FOR_MORE_AFTER if came else min(2 * self._patience, ASK_FOR_MORE_MAX)
            )
        self._filled = self._filled + 1 if came else 0
        self._until = steady + WAIT_MAX_MS if count >= CROWD else steady
        self._asked = self._filled >= self._patience
        self._wanted = count + count // 2 + 1 if self._asked else count
        if self._asked:
            self._filled = 0
