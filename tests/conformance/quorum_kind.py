"""The stories of the kind *quorum*: what a majority has committed, how a vote stands."""

from __future__ import annotations

from coordinator.consensus import quorum
from coordinator.consensus.quorum import VoteResult
from tests.conformance.reader import Directive
from tests.conformance.values import Refused

NAMES = frozenset({"committed", "vote"})
_RESULTS = {
    VoteResult.WON: "VoteWon",
    VoteResult.PENDING: "VotePending",
    VoteResult.LOST: "VoteLost",
}
_VOTES = {"_": 0, "n": 1, "y": 2}


class QuorumKind:
    """Each directive stands for itself."""

    def handle(self, directive: Directive) -> str:
        question = _Question(directive)
        match directive.name:
            case "committed":
                return question.committed()
            case "vote":
                return question.vote()
            case _:
                raise Refused("unknown command")


class _Question:
    def __init__(self, directive: Directive) -> None:
        self.incoming: list[int] = []
        self.outgoing: list[int] = []
        self.inputs: list[int] = []
        for argument in directive.arguments:
            match argument.key:
                case "cfg":
                    self.incoming = [int(value) for value in argument.values]
                case "cfgj":
                    zero = argument.values == ("zero",)
                    self.outgoing = [] if zero else [int(value) for value in argument.values]
                case "idx":
                    self.inputs = [_index(value) for value in argument.values]
                case "votes":
                    self.inputs = [_VOTES[value] for value in argument.values]
                case other:
                    raise ValueError(f"unknown argument {other}")
        self.voters = list(dict.fromkeys([*self.incoming, *self.outgoing]))
        self.is_joint = any(argument.key == "cfgj" for argument in directive.arguments)
        if len(self.voters) != len(self.inputs):
            shown = " ".join([f"{voter}:{{}}" for voter in sorted(self.voters)])
            inputs = " ".join([str(value) for value in self.inputs])
            raise Refused(
                f"error: mismatched input (explicit or _) for voters map[{shown}]: [{inputs}]"
            )
        self.known = {
            voter: value for voter, value in zip(self.voters, self.inputs, strict=True) if value
        }

    def committed(self) -> str:
        incoming, outgoing = set(self.incoming), set(self.outgoing)
        index = quorum.joint_index(incoming, outgoing, lambda voter: self.known.get(voter, 0))
        return self._description() + ("∞" if index == quorum.INFINITY else str(index))

    def vote(self) -> str:
        votes = {voter: value == _VOTES["y"] for voter, value in self.known.items()}
        return _RESULTS[quorum.joint_vote(set(self.incoming), set(self.outgoing), votes)]

    def _description(self) -> str:
        if not self.voters:
            return "<empty majority quorum>"
        count = len(self.voters)
        bars = self._bars()
        lines = [" " * count + "    idx\n"]
        for voter in sorted(self.voters):
            bar = "x" * bars[voter] + ">" + " " * (count - bars[voter])
            shown = bar if voter in self.known else "?" + " " * count
            lines.append(f"{shown} {self.known.get(voter, 0):5d}    (id={voter:x})\n")
        return "".join(lines)

    def _bars(self) -> dict[int, int]:
        bars: dict[int, int] = {}
        last_index, bar = 0, 0
        ordered = sorted([(self.known.get(voter, 0), voter) for voter in self.voters])
        for place, (index, voter) in enumerate(ordered):
            if place > 0 and index > last_index:
                bar = place
            last_index = index
            bars[voter] = bar
        return bars


def _index(text: str) -> int:
    if text == "_":
        return 0
    if int(text) <= 0:
        raise ValueError(f"an index is a positive number or _, not {text}")
    return int(text)
