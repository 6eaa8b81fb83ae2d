from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coordinator.consensus.quorum import (
    INFINITY,
    VoteResult,
    joint_index,
    joint_vote,
    majority,
    majority_index,
    majority_vote,
)

MEMBERS = st.integers(1, 9)
SETS = st.frozensets(MEMBERS, max_size=7)
INDEXES = st.dictionaries(MEMBERS, st.integers(0, 12))
VOTES = st.dictionaries(MEMBERS, st.booleans())


def _brute_index(voters: frozenset[int], known: dict[int, int]) -> int:
    """The largest index that at least a majority has reached, by trying them all."""
    if not voters:
        return INFINITY
    needed = majority(len(voters))
    reached = [i for i in range(13) if sum(known.get(v, 0) >= i for v in voters) >= needed]
    return max(reached)


@given(SETS, INDEXES)
def test_majority_index_is_what_counting_says(
    voters: frozenset[int], known: dict[int, int]
) -> None:
    assert majority_index(voters, lambda v: known.get(v, 0)) == _brute_index(voters, known)


@given(SETS, SETS, INDEXES)
def test_joint_index_needs_both_halves_and_has_no_first_half(
    one: frozenset[int], other: frozenset[int], known: dict[int, int]
) -> None:
    def index(a: frozenset[int], b: frozenset[int]) -> int:
        return joint_index(a, b, lambda v: known.get(v, 0))

    assert index(one, other) == min(_brute_index(one, known), _brute_index(other, known))
    assert index(one, other) == index(other, one)
    assert index(one, one) == index(one, frozenset()) == _brute_index(one, known)


@given(SETS, SETS, VOTES)
def test_joint_vote_has_no_first_half(
    one: frozenset[int], other: frozenset[int], votes: dict[int, bool]
) -> None:
    assert joint_vote(one, other, votes) is joint_vote(other, one, votes)
    assert joint_vote(one, one, votes) is joint_vote(one, frozenset(), votes)
    assert joint_vote(one, frozenset(), votes) is majority_vote(one, votes)


@given(SETS, SETS, VOTES)
def test_a_decided_vote_stays_decided_whatever_else_comes_in(
    one: frozenset[int], other: frozenset[int], votes: dict[int, bool]
) -> None:
    result = joint_vote(one, other, votes)
    missing = (one | other) - votes.keys()
    outcomes = {
        joint_vote(one, other, votes | dict.fromkeys(missing, answer)) for answer in (True, False)
    }
    if result is not VoteResult.PENDING:
        assert outcomes == {result}
    else:
        assert VoteResult.PENDING not in outcomes


@given(SETS, VOTES)
def test_two_opposite_votes_cannot_both_be_won(
    voters: frozenset[int], votes: dict[int, bool]
) -> None:
    against = {voter: not answer for voter, answer in votes.items()}
    won = [v for v in (votes, against) if majority_vote(voters, v) is VoteResult.WON]
    assert len(won) < 2 or not voters


def test_a_majority_is_more_than_half() -> None:
    assert [majority(n) for n in range(1, 8)] == [1, 2, 2, 3, 3, 4, 4]
