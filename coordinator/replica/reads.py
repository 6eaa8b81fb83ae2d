"""Linearizable reads and the acceptance of heartbeats: both ask "do I still lead?" of a quorum.

One round serves all that wait when it begins, and only those: a round that began earlier proves
nothing about what arrived later (R1, R2, L5). At most one round is under way.
"""

from __future__ import annotations

import msgspec

from coordinator.consensus.raft import Raft
from coordinator.model.ids import Incarnation, NodeName
from coordinator.model.instants import Millis

BEATS_WAIT_MS = 50  # a round starts at the latest this long after the first heartbeat


class Beat(msgspec.Struct, frozen=True, gc=False):
    """A heartbeat that waits for a quorum to be accepted."""

    session: int
    name: NodeName
    incarnation: Incarnation
    sequence: int
    received: Millis  # steady


class _Round(msgspec.Struct, gc=False):
    context: bytes
    tickets: tuple[int, ...]
    beats: tuple[Beat, ...]
    index: int = -1  # not confirmed yet


class Reads:
    """Waiters of one term."""

    def __init__(self, raft: Raft) -> None:
        self._raft = raft
        self._tickets: list[int] = []
        self._beats: list[Beat] = []
        self._first_beat: Millis = 0
        self._round: _Round | None = None
        self._number = 0

    def ask(self, ticket: int) -> None:
        self._tickets.append(ticket)

    def beat(self, beat: Beat) -> None:
        if not self._beats:
            self._first_beat = beat.received
        self._beats.append(beat)

    def start(self, steady: Millis) -> None:
        """Begin a round if somebody waits and none is under way."""
        beats_due = bool(self._beats) and steady - self._first_beat >= BEATS_WAIT_MS
        if self._round is not None or not (self._tickets or beats_due):
            return
        self._number += 1
        context = b"%d/%d" % (self._raft.term, self._number)
        self._round = _Round(context, tuple(self._tickets), tuple(self._beats))
        self._tickets, self._beats = [], []
        self._raft.read_index(context)

    def confirmed(self, context: bytes, index: int) -> None:
        """A quorum answered the round of this context; any other context is of the past."""
        if self._round is not None and self._round.context == context:
            self._round.index = index

    def finished(self, applied: int) -> tuple[tuple[int, ...], tuple[Beat, ...]]:
        """Tickets and heartbeats whose round is confirmed and applied."""
        found = self._round
        if found is None or found.index < 0 or found.index > applied:
            return (), ()
        self._round = None
        return found.tickets, found.beats

    def wake_at(self) -> Millis | None:
        return self._first_beat + BEATS_WAIT_MS if self._beats else None

    def drop(self) -> tuple[int, ...]:
        """Leadership is over: everybody who waits."""
        waiting = self._tickets + list(self._round.tickets if self._round else ())
        self._tickets, self._beats, self._round = [], [], None
        return tuple(waiting)
