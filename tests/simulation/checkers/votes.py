"""Who leads was chosen: a majority of distinct voters told it so in that very term (C3)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.checkers.rounds import Voters, is_majority


def objection(votes: Mapping[tuple[int, int], int], term: int, leader: int, voters: Voters) -> str:
    """Why that member cannot lead that term; '' if it can. `votes`: (member, term) -> who was told.

    A leader tells nobody of its own vote.
    """
    chose = {n for (n, when), whom in votes.items() if when == term and whom == leader} | {leader}
    if all(is_majority(chose, group) for group in voters):
        return ""
    return f"c{leader} leads {term} by the votes of {sorted(chose)}; the voters are {voters}"
