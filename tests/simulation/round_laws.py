"""Whatever a leader answers or accepts was proven by a quorum round that began after it arrived (spec R1, L5).

Seen from outside: what came in and what left in each turn. A round is the number that heartbeats carry and their
answers bring back; it began in the turn in which it first left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.consensus.messages import ConfState, Heartbeat, HeartbeatReply
from coordinator.replica.effects import Effect, ReadReady, SendPeer, ToNode
from coordinator.replica.inputs import FromPeer, Input, NodeSaid, ReadBarrier
from tests.simulation.checkers.rounds import Rounds
from tests.simulation.laws import Broken

if TYPE_CHECKING:
    from tests.simulation.member import MemberLife

INPUTS = (ReadBarrier, NodeSaid, FromPeer)
EFFECTS = (SendPeer, ReadReady, ToNode)


class _Term:
    """One leader's, from the turn in which it was elected."""

    def __init__(self, term: int, me: int, conf: ConfState) -> None:
        self.term = term
        self.turn = 0
        self.rounds = Rounds(me)
        self.conf = conf


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
            found = self._terms[life] = _Term(raft.term, life.number, raft.configuration())
        found.turn += 1
        for given in inputs:
            if isinstance(given, INPUTS):
                _hear(found, given)
        for effect in effects:
            if isinstance(effect, EFFECTS):
                self._look(life, found, effect)
        found.conf = raft.configuration()

    def _look(self, life: MemberLife, found: _Term, effect: SendPeer | ReadReady | ToNode) -> None:
        match effect:
            case SendPeer():
                for message in effect.messages:
                    if isinstance(message, Heartbeat) and message.read_round:
                        found.rounds.left(message.read_round, found.turn)
            case ReadReady():
                self._proven(life, found, ("read", effect.ticket), "R1 a read needs a later round")
            case ToNode() if effect.saying.heartbeat is not None:
                beat = ("beat", effect.session, effect.saying.heartbeat.sequence)
                self._proven(life, found, beat, "L5 acceptance needs a later round")
            case ToNode():
                pass

    def _proven(
        self, life: MemberLife, found: _Term, what: tuple[str | int, ...], law: str
    ) -> None:
        """Under the configuration in force before the turn, or the one after it."""
        objection = ""
        for conf in (found.conf, life.replica.raft.configuration()):
            objection = found.rounds.objection(what, (conf.voters, conf.voters_outgoing))
            if not objection:
                return
        raise Broken(law, f"{life.name} in {found.term}: {objection}")


def _hear(found: _Term, given: ReadBarrier | NodeSaid | FromPeer) -> None:
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
