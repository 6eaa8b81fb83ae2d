"""Where the next try goes, and when to give up. Pure: no grpc, no clock; dice and time are handed in.

Three rules, in this order. Go to the leader that answers name (a follower forwards, but that is a detour). When a
try ends without an answer, go to another member. When everybody has been tried once, pause before the next round,
50 ms at first and 1 s at most, with jitter so that many clients do not come back in step. A leader that has too much to
do is asked again, more slowly each time.

What a failed try means is judged here as well: the difference between "certainly not done" and "perhaps done" decides
whether a change may be reported as unavailable (EX-52, G14).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
FIRST_OVERLOAD_S = 0.1
LONGEST_OVERLOAD_S = 5.0
TRY_S = 1.0
"""A try without an answer for so long goes to another member; doubled with each one that took all its time."""
HAND_OVER_S = 3.0
"""A leader whose disk is full hands over, if anybody has space (D9): for so long a refusal for that is not the last word."""
SHORTEST_TRY_S = 0.3
"""Servers answer 250 ms before the caller's deadline: a shorter try would end in silence and tell us nothing."""

_NEVER_SENT = (
    "failed to connect",
    "connection refused",
    "dns resolution failed",
    "name resolution",
    "not resolve",
)


class Verdict(Enum):
    """What one failed try says about the request."""

    FINAL = "final"  # an answer: report it
    NOT_SENT = "not_sent"  # nobody took it: certainly not done
    NOT_NOW = "not_now"  # the member said that it did nothing: certainly not done, repeat
    NO_SPACE = (
        "no_space"  # the same, and only a leader on another disk could take it: repeat for a while
    )
    OVERLOADED = "overloaded"  # it did nothing, has too much to do, and is the one to ask: repeat, ever more slowly
    UNSETTLED = (
        "unsettled"  # refused, but an earlier try may be on its way: repeat, the truth comes out
    )
    PERHAPS = "perhaps"  # it may have reached a leader: repeat, under the same request id


def judge(code: str, reason: str, details: str) -> Verdict:
    """Read a failed try. `code` is the gRPC status name, `reason` ours or empty, `details` grpc's own text.

    `timed_out` is the server's word for a try whose time was over while it was on its way through the log.
    """
    if reason in ("outcome_unknown", "timed_out"):
        return Verdict.PERHAPS
    if reason in ("unavailable", "not_leader"):
        return Verdict.NOT_NOW
    if reason == "disk_full":
        return Verdict.NO_SPACE
    if reason == "overloaded":
        return Verdict.OVERLOADED
    if reason:
        return Verdict.FINAL
    if code == "UNAVAILABLE":
        text = details.lower()
        never = any(words in text for words in _NEVER_SENT)
        return Verdict.NOT_SENT if never else Verdict.PERHAPS
    return Verdict.PERHAPS if code in ("CANCELLED", "DEADLINE_EXCEEDED") else Verdict.FINAL


class Directory:
    """The members we know, which of them leads, and whose turn it is. One per client."""

    def __init__(self, addresses: Sequence[str]) -> None:
        if not addresses:
            raise ValueError("a client needs at least one address, host:port")
        self._given = tuple(dict.fromkeys(addresses))
        self._told: tuple[str, ...] = ()
        self._members = list(self._given)
        self._turn = 0
        self.leader = ""

    @property
    def members(self) -> tuple[str, ...]:
        """All addresses known by now, those given first."""
        return tuple(self._members)

    def pick(self) -> str:
        """The address of the next try: the leader if known, else the member whose turn it is."""
        return self.leader or self._members[self._turn % len(self._members)]

    def answered(self, leader_address: str) -> None:
        """An answer came and named the leader (empty: it knew none)."""
        if leader_address and leader_address != self.leader:
            self.learn(leader_address)
            self.leader = leader_address

    def know(self, addresses: Sequence[str]) -> None:
        """An answer named all members there are (none: it did not say). One that left is forgotten unless it was given."""
        told = tuple(addresses)
        if not told or told == self._told:
            return
        self._told = told
        turn = self._members[self._turn % len(self._members)]
        self._members = list(dict.fromkeys((*self._given, *told)))
        self._turn = self._members.index(turn) if turn in self._members else 0

    def learn(self, address: str) -> None:
        """A member that was not among the addresses given."""
        if address not in self._members:
            self._members.append(address)

    def failed(self, address: str, leader_address: str = "") -> None:
        """A try at `address` brought nothing; `leader_address` is where it pointed us, if anywhere."""
        if address == self.leader:
            self.leader = ""
        if self._members[self._turn % len(self._members)] == address:
            self._turn += 1
        if leader_address and leader_address != address:
            self.answered(leader_address)


class Tries:
    """The tries of one call: how long the next may take, how long to pause before it, and how it all ends."""

    def __init__(self, members: int) -> None:
        self._members = members
        self._count = 0
        self._silences = 0
        self._overloads = 0
        self.perhaps = False
        self.last = Verdict.NOT_SENT

    def weigh(self, verdict: Verdict, *, settled: bool) -> Verdict:
        """A refusal is no last word on a change that an earlier try may have done, unless that is `settled`."""
        doubtful = self.perhaps and not settled and verdict is Verdict.FINAL
        return Verdict.UNSETTLED if doubtful else verdict

    @property
    def count(self) -> int:
        """Failed tries so far."""
        return self._count

    def seconds_for_next(self, remaining_s: float) -> float:
        """The deadline of the next try: what is left, but no longer than patience with one member."""
        return min(remaining_s, TRY_S * (1 << min(self._silences, 10)))

    def failed(self, verdict: Verdict, *, silent: bool) -> None:
        """Count a failed try; `silent`: it took all its time and settled nothing."""
        self._count += 1
        self._silences += silent
        self._overloads += verdict is Verdict.OVERLOADED
        self.perhaps = self.perhaps or verdict is Verdict.PERHAPS
        self.last = verdict

    def pause_s(self, dice: float) -> float:
        """Seconds to wait before the next try; `dice` is uniform in 0..1. None within the first round.

        After a word of overload: 100 ms, doubling to 5 s, with all of it left to the dice (TM-63).
        """
        if self.last is Verdict.OVERLOADED:
            longest = FIRST_OVERLOAD_S * (1 << min(self._overloads - 1, 10))
            return min(LONGEST_OVERLOAD_S, longest) * dice
        rounds = self._count // max(1, self._members)
        if rounds == 0:
            return 0.0
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * (1 << min(rounds - 1, 10)))
        return longest * (0.5 + dice / 2)

    def may_try_again(self, elapsed_s: float, remaining_s: float, pause_s: float) -> bool:
        """Whether a try after that pause could still bring an answer that differs."""
        if self.last is Verdict.NO_SPACE and elapsed_s >= HAND_OVER_S:
            return False
        return remaining_s - pause_s >= SHORTEST_TRY_S
