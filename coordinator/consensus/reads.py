"""Linearizable reads: an index, handed out after a quorum said that this leader still leads.

A read joins a *round* that begins no earlier than the read arrived; heartbeats carry the number of the newest round
and their answers bring it back. So an answer confirms the rounds up to its own number and no later one, and since
rounds belong to one leader of one term, nothing said to another leader, or in another term, confirms any. Rounds
before the first entry of the term is committed would be about a commit index that may be too low: such reads wait.
"""

from __future__ import annotations

from collections import deque

from coordinator.consensus.messages import MemberId

Waiting = tuple[MemberId, bytes]  # who asked, and its own word for the reads


class Round:
    """Reads that wait for one quorum round."""

    __slots__ = ("index", "number", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.index = 0
        self.waiting: list[Waiting] = []


class ReadRounds:
    """The rounds of one leader in one term."""

    __slots__ = ("_acked", "_is_open", "_number", "_rounds", "postponed")

    def __init__(self) -> None:
        self.postponed: list[Waiting] = []  # until an entry of the term is committed
        self._rounds: deque[Round] = deque()
        self._acked: dict[MemberId, int] = {}
        self._number = 0
        self._is_open = False  # the heartbeats of the newest round have not left yet

    @property
    def newest(self) -> int:
        """Number of the newest round that waits; 0 if none does."""
        return self._rounds[-1].number if self._rounds else 0

    def join(self, origin: MemberId, context: bytes, commit: int) -> bool:
        """Add a read that arrived at this commit index. True if that began a round: heartbeats have to go out."""
        begins = not (self._is_open and self._rounds)
        if begins:
            self._number += 1
            self._rounds.append(Round(self._number))
            self._is_open = True
        newest = self._rounds[-1]
        newest.index = commit
        newest.waiting.append((origin, context))
        return begins

    def close(self) -> None:
        """Heartbeats may be on their way: later reads begin another round."""
        self._is_open = False

    def acknowledge(self, member: MemberId, number: int) -> bool:
        """A member answered a heartbeat that carried `number`. Whether that is news."""
        if not self._acked.get(member, 0) < number <= self._number:
            return False
        self._acked[member] = number
        return True

    def acked_by(self, member: MemberId, me: MemberId) -> int:
        """The newest round that a member confirmed; the leader confirms all."""
        return self._number if member == me else self._acked.get(member, 0)

    def take_confirmed(self, number: int) -> list[Round]:
        """Remove and return the rounds up to `number`."""
        confirmed = []
        while self._rounds and self._rounds[0].number <= number:
            confirmed.append(self._rounds.popleft())
        return confirmed
