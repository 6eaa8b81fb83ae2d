"""Whatever a leader answers or accepts was proven by a quorum round that began after it arrived (spec R1, L5).

Seen from outside: what came in and what left in each turn. A round is the number that heartbeats carry and their
answers bring back; it began in the turn in which it first left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.consensus.membership import Configuration
from coordinator.consensus.messages import Heartbeat, HeartbeatReply
from coordinator.replica.effects import Effect, ReadReady, SendPeer, ToNode
from coordinator.replica.inputs import FromPeer, Input, NodeSaid, ReadBarrier
from tests.simulation.checkers.rounds import Rounds
from tests.simulation.laws import Broken

if TYPE_CHECKING:
    from tests.simulation.member import MemberLife

INPUTS = frozenset((ReadBarrier, NodeSaid, FromPeer))
EFFECTS = frozenset((SendPeer, ReadReady, ToNode))


class _Term:
    """One leader's, from the turn in which it was elected."""

    def __init__(self, term: int, me: int) -> None:
        self.term = term
        self.turn = 0
        self.rounds = Rounds(me)
        self.conf: Configuration | None = None


class RoundLaws:
    """One per world."""

    def __init__(self) -> None:
        self._terms: dict[MemberLife, _Term] = {}

    def died(self, life: MemberLife) -> None:
        self._terms.pop(life, None)

    def after_turn(
        self, life: MemberLife, inputs: Sequence[Input], effects: Sequence[Effect]
    ) -> None:
        raft = life.replica.raft
        if not raft.is_leader:
            self._terms.pop(life, None)
            return
        found = self._terms.get(life)
        if found is None or found.term != raft.term:
            found = self._terms[life] = _Term(raft.term, life.number)
        found.turn += 1
        for given in inputs:
            if type(given) in INPUTS:
                _hear(found, given)
        conf = raft.core.tracker.configuration
        if conf is not found.conf:
            found.conf = conf
            found.rounds.in_force((sorted(conf.voters), sorted(conf.outgoing)), found.turn)
        for effect in effects:
            if type(effect) in EFFECTS:
                _look(life, found, effect)


def _look(life: MemberLife, found: _Term, effect: Effect) -> None:
    match effect:
        case SendPeer():
            for message in effect.messages:
                if isinstance(message, Heartbeat) and message.read_round:
                    found.rounds.left(message.read_round, found.turn)
        case ReadReady():
            _proven(life, found, ("read", effect.ticket), "R1 a read needs a later round")
        case ToNode() if effect.saying.heartbeat is not None:
            beat = ("beat", effect.session, effect.saying.heartbeat.sequence)
            _proven(life, found, beat, "L5 acceptance needs a later round")
        case _:
            pass


def _proven(life: MemberLife, found: _Term, what: tuple[str | int, ...], law: str) -> None:
    objection = found.rounds.objection(what)
    if objection:
        raise Broken(law, f"{life.name} in {found.term}: {objection}")


def _hear(found: _Term, given: Input) -> None:
    match given:
        case ReadBarrier():
            found.rounds.arrived(("read", given.ticket), found.turn)
        case NodeSaid():
            beat = given.saying.heartbeat
            if beat is not None:
                found.rounds.arrived(("beat", given.session, beat.sequence), found.turn)
        case FromPeer():
            for message in given.messages:
                if isinstance(message, HeartbeatReply) and message.term == found.term:
                    found.rounds.confirmed(message.sender, message.read_round)
        case _:
            pass
