"""The node's right to be believed alive, counted by its own clock. Pure: the clock is handed in.

The lease runs from the reading taken just before a heartbeat was sent, never from its answer (L1). So whatever delays
an answer only makes the node more careful than the leader. All instants are int ms of a clock that counts while the
machine sleeps.
"""

from __future__ import annotations

from enum import IntEnum

OUTSTANDING_MAX = 64


class Stage(IntEnum):
    """How far a lease has run down (L2)."""

    HELD = 0
    CANCEL = 1  # 0.6 L without a newer acceptance: exclusive runs are asked to end
    KILL = 2  # 0.9 L: their processes are killed
    OVER = 3  # L: none of them may be alive


class Lease:
    """Remembers when each heartbeat was sent, and which of them were accepted.

    `lease_ms` is the L in force; `accepted_sequence` the newest heartbeat known to be accepted; `term` the highest
    seen: answers of lower ones do not count (L8).
    """

    def __init__(self, lease_ms: int) -> None:
        self.lease_ms = lease_ms
        self.term = 0
        self.sequence = 0
        self.accepted_sequence = 0
        self._sent: dict[int, int] = {}
        self._from: int | None = None

    def welcomed(self, term: int, lease_ms: int) -> None:
        """A session begins: answers to heartbeats of earlier ones are of no use any more."""
        self.saw_term(term)
        self._sent.clear()
        self.shorten(lease_ms)

    def shorten(self, lease_ms: int) -> None:
        """A new L. A shorter one counts at once, a longer one from the next acceptance on."""
        self.lease_ms = lease_ms if self._from is None else min(lease_ms, self.lease_ms)

    def saw_term(self, term: int) -> bool:
        """False for a term below the highest seen."""
        if term < self.term:
            return False
        self.term = term
        return True

    def sending(self, now: int) -> int:
        """The number of the heartbeat that is sent next. `now` must have been read before it is sent."""
        self.sequence += 1
        self._sent[self.sequence] = now
        if len(self._sent) > OUTSTANDING_MAX:
            del self._sent[next(iter(self._sent))]
        return self.sequence

    def accepted(self, term: int, sequence: int, lease_ms: int) -> bool:
        """Move the lease on. False if the answer says nothing new: a lower term, unknown, or an older heartbeat."""
        if not self.saw_term(term) or sequence <= self.accepted_sequence:
            return False
        reading = self._sent.get(sequence)
        if reading is None:
            return False
        self.accepted_sequence = sequence
        self._from = reading
        self.lease_ms = lease_ms
        self._sent = {number: at for number, at in self._sent.items() if number > sequence}
        return True

    @property
    def cancel_at(self) -> int | None:
        """When exclusive runs are asked to end; None before the first acceptance."""
        return None if self._from is None else self._from + self.lease_ms * 6 // 10

    @property
    def kill_at(self) -> int | None:
        """When their processes are killed."""
        return None if self._from is None else self._from + self.lease_ms * 9 // 10

    @property
    def until(self) -> int | None:
        """When none of them may be alive."""
        return None if self._from is None else self._from + self.lease_ms

    def stage(self, now: int) -> Stage:
        """How far the lease has run down at `now`; without any acceptance it is over."""
        if self._from is None:
            return Stage.OVER
        spent, length = now - self._from, self.lease_ms
        if spent >= length:
            return Stage.OVER
        if spent >= length * 9 // 10:
            return Stage.KILL
        return Stage.CANCEL if spent >= length * 6 // 10 else Stage.HELD

    def allows_exclusive(self, now: int) -> bool:
        """Whether an exclusive run may start: 0.4 L or more are left."""
        return self.stage(now) is Stage.HELD
