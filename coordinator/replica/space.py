"""A leader without space for its own writes hands leadership to a voter that has some (D9).

Below the limit it still can write, and so can whoever else is below it: any voter that is well will do. A full disk
asks for more care: votes have to be stored, so where no majority can, nobody would lead any more. The leader appends
an empty entry first, and hands over once a majority has it on disk, to a voter that has. Until then it stays, and reads
and heartbeats go on.
"""

from __future__ import annotations

from coordinator.consensus.errors import ProposalDropped
from coordinator.consensus.messages import NO_MEMBER
from coordinator.model.instants import Millis
from coordinator.replica.admission import Admission
from coordinator.replica.road import Road
from coordinator.replica.seat import Seat

AGAIN_MS: Millis = 60_000  # where nobody has space, leadership must not go round and round


class Space:
    """One per replica. `tick` while it leads or not."""

    def __init__(self, road: Road, seat: Seat, admission: Admission) -> None:
        self._road, self._seat, self._admission = road, seat, admission
        self._probe = (0, 0)  # term and index of the entry that shows who can write
        self._next: Millis = 0

    def tick(self, steady: Millis) -> None:
        """Hand over, if there is a reason and somebody to take it."""
        if not self._admission.lacks_space:
            self._probe = (0, 0)
        elif self._seat.leading is not None and steady >= self._next:
            to = self._who_can_write() if self._admission.disk_full else NO_MEMBER
            if to is not None:
                self._next = steady + AGAIN_MS
                self._seat.hand_over(to)

    def _who_can_write(self) -> int | None:
        """The voter that did, and has most; None as long as there is no majority that did."""
        status = self._road.raft.status()
        term, index = self._probe
        if term != status.term:
            self._ask_for_a_write()
        if term != status.term or status.commit_index < index:
            return None
        able = [
            (progress.match, member)
            for member, progress in sorted(status.progress.items())
            if member != status.id and not progress.is_learner and progress.match >= index
        ]
        return max(able)[1] if able else None

    def _ask_for_a_write(self) -> None:
        raft = self._road.raft
        try:
            raft.propose(b"")
        except ProposalDropped:
            return  # the log is full, or leadership is on its way: at the next tick
        self._probe = (raft.term, raft.last_index)
