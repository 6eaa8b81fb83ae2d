"""Who leads was chosen: a majority of distinct voters have voted for it in that very term (C3)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.checkers.rounds import Voters, is_majority


def objection(votes: Mapping[tuple[int, int], int], term: int, leader: int, voters: Voters) -> str:
    """Why that member cannot lead that term; '' if it can. `votes`: (member, term) -> for whom, as they were cast.

    A leader's own vote is not sent to anybody when there is nobody else.
    """
    chose = {n for (n, when), whom in votes.items() if when == term and whom == leader} | {leader}
    if all(is_majority(chose, group) for group in voters):
        return ""
    return f"c{leader} leads {term} by the votes of {sorted(chose)}; the voters are {voters}"
