"""How long the next entry waits for others to travel with it.

An entry costs every member a write, a message and an answer, however much it carries, so a crowd is served best by few
large ones. Callers come back after their answers: as many as travelled last time are likely to come again, and it is
them that is waited for, never longer than a moment. A lone caller, or a few, never wait. Now and then a little more is
asked for, to find out whether the crowd has grown; whoever was waited for in vain is not waited for again.
"""

from __future__ import annotations

from coordinator.model.instants import Millis

CROWD = 4  # requests
WAIT_MAX_MS: Millis = 16  # from one large entry to the next
ASK_FOR_MORE_AFTER = 32  # entries that were filled


class Company:
    """Of one term's leader. `steady` is the present time."""

    def __init__(self) -> None:
        self._wanted = 1
        self._filled = 0
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
        self._filled = self._filled + 1 if count >= self._wanted else 0
        self._wanted = count
        self._until = steady + WAIT_MAX_MS if count >= CROWD else steady
        if self._filled >= ASK_FOR_MORE_AFTER:
            self._filled = 0
            self._wanted = count + count // 2 + 1
