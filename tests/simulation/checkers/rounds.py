"""Quorum rounds of one leader in one term: what is answered was proven by a round that began after it arrived (R1, L5)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


class Rounds:
    """Moments are any numbers that grow, such as turns of the leader; members and rounds have numbers, too."""

    def __init__(self, me: int) -> None:
        self._me = me
        self._arrived: dict[Hashable, int] = {}
        self._began: dict[int, int] = {}
        self._confirmed: dict[int, int] = {}  # member -> when the round began that it answered

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

    def objection(self, what: Hashable, voters: Sequence[Sequence[int]]) -> str:
        """Why nothing proves that we led after it arrived; '' if a majority of each group of voters does."""
        since = self._arrived.get(what)
        if since is None:
            return f"{what} never arrived"
        for group in voters:
            sure = [n for n in group if n == self._me or self._confirmed.get(n, -1) >= since]
            if group and len(sure) < len(group) // 2 + 1:
                return f"{what} arrived at {since}; of {tuple(group)} only {sure} answered a round since"
        return ""
