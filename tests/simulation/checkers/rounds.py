"""Quorum rounds of one leader in one term: what is answered was proven by a round that began after it arrived (R1, L5)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

Voters = Sequence[Sequence[int]]  # one group, or two while joint


class Rounds:
    """Moments are any numbers that grow, such as turns of the leader; members and rounds have numbers, too."""

    def __init__(self, me: int) -> None:
        self._me = me
        self._arrived: dict[Hashable, int] = {}
        self._began: dict[int, int] = {}
        self._confirmed: dict[int, int] = {}  # member -> when the round began that it answered
        self._voters: list[tuple[int, Voters]] = []  # since when which

    def in_force(self, voters: Voters, moment: int) -> None:
        """Whose majorities count from now on."""
        if not self._voters or self._voters[-1][1] != voters:
            self._voters.append((moment, voters))

    def arrived(self, what: Hashable, moment: int) -> None:
        """Somebody asks: a read, or a heartbeat that wants to be accepted."""
        self._arrived.setdefault(what, moment)

    def left(self, number: int, moment: int) -> None:
        """A message that carries this round leaves for the first time, or again."""
        self._began.setdefault(number, moment)

    def confirmed(self, member: int, number: int) -> None:
        """A member has answered a message that carried this round."""
        began = self._began.get(number)
        if began is not None:
            self._confirmed[member] = max(began, self._confirmed.get(member, began))

    def objection(self, what: Hashable) -> str:
        """Why nothing proves that we led after it arrived; '' if a majority of voters does.

        Of those in force at any moment since: what is proven may wait for its index while the voters change.
        """
        since = self._arrived.get(what)
        if since is None:
            return f"{what} never arrived"
        sure = {self._me, *(n for n, began in self._confirmed.items() if began >= since)}
        for at in range(len(self._voters) - 1, -1, -1):
            began, voters = self._voters[at]
            if all(is_majority(sure, group) for group in voters):
                return ""
            if began < since:
                break
        return f"{what} arrived at {since}; of {self._voters[-1:]} only {sorted(sure)} answered a round since"


def is_majority(members: set[int], group: Sequence[int]) -> bool:
    """Whether they are more than half of the group, or there is no such group."""
    return not group or sum(n in members for n in group) >= len(group) // 2 + 1
