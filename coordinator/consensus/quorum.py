"""Majority arithmetic, for one majority and for two that must both agree (joint). Pure.

An empty majority agrees with everything: so a configuration that is not joint is one whose second half is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Final

from coordinator.consensus.messages import MemberId

INFINITY: Final = 2**64 - 1  # what an empty majority has committed


class VoteResult(Enum):
    PENDING = "pending"
    LOST = "lost"
    WON = "won"


def majority(count: int) -> int:
    """The fewest of `count` that outvote the rest."""
    return count // 2 + 1


def majority_index(voters: Collection[MemberId], known: Callable[[MemberId], int]) -> int:
    """The largest index that a majority has reached; `known` gives 0 where nothing is known."""
    if not voters:
        return INFINITY
    reached = sorted([known(voter) for voter in voters])
    return reached[len(reached) - majority(len(reached))]


def joint_index(
    incoming: Collection[MemberId],
    outgoing: Collection[MemberId],
    known: Callable[[MemberId], int],
) -> int:
    """The largest index that both majorities have reached."""
    index = majority_index(incoming, known)
    return min(index, majority_index(outgoing, known)) if outgoing else index


def majority_vote(voters: Collection[MemberId], votes: Mapping[MemberId, bool]) -> VoteResult:
    """What `votes` (one per member; others are still out) mean to these voters."""
    if not voters:
        return VoteResult.WON
    answers = [votes.get(voter) for voter in voters]
    needed = majority(len(answers))
    yes = answers.count(True)
    if yes >= needed:
        return VoteResult.WON
    return VoteResult.PENDING if yes + answers.count(None) >= needed else VoteResult.LOST


def joint_vote(
    incoming: Collection[MemberId],
    outgoing: Collection[MemberId],
    votes: Mapping[MemberId, bool],
) -> VoteResult:
    """Won if both halves are won, lost if either is lost."""
    first = majority_vote(incoming, votes)
    second = majority_vote(outgoing, votes)
    if first is second:
        return first
    return VoteResult.LOST if VoteResult.LOST in (first, second) else VoteResult.PENDING
